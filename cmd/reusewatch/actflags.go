package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/audit"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/state"
)

// actFlags are how acts are done, whoever decides on them.
type actFlags struct {
	termGrace   time.Duration
	rescue      string
	stateDir    string
	auditLog    string
	evidenceDir string
	procSys     string
}

func (c *actFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.DurationVar(&c.termGrace, "term-grace", 5*time.Second, "between SIGTERM and SIGKILL")
	f.StringVar(&c.rescue, "rescue", "auto", "move the clients that wait to other members: auto, where that is safe, or off")
	f.StringVar(&c.stateDir, "state-dir", defaultStateDir, "where acts are counted; a file \"disarmed\" in it stops every act; empty: keep nothing")
	f.StringVar(&c.auditLog, "audit-log", "", "append each act to this file, before it is begun and when it has ended")
	f.StringVar(&c.procSys, "proc-sys", "/proc/sys", "write net.ipv4.tcp_migrate_req here: in a container /proc/sys is read-only, so mount the host's /proc elsewhere")
	f.StringVar(&c.evidenceDir, "evidence-dir", "", "keep the evidence of each act in a file here, before anything is touched")
}

func (c *actFlags) check() error {
	if c.termGrace < 0 {
		return usagef("--term-grace cannot be negative")
	}
	if c.rescue != "auto" && c.rescue != "off" {
		return usagef("unknown --rescue %q: it is auto or off", c.rescue)
	}
	return nil
}

// acting is what carries out acts, and what is asked while it does.
type acting struct {
	by      listener.By
	kernel  *kernel.Kernel
	fs      proc.FS
	refresh func(context.Context) (*listener.Snapshot, error)
	judge   func(*listener.Snapshot) []listener.Judgement
	policy  func() judge.Policy
	count   func(listener.PastAct) error
	uncount func(listener.PastAct) error // one that was counted and touched nothing
	emit    func(...report.Event)
	begun   func([]*listener.Act)
	done    func(*listener.Act)
	warn    func(error)
	// disarmed says, before each step, whether there must be no other.
	disarmed func() bool
}

// actor makes one, with its audit log, which the caller closes.
func (c *actFlags) actor(with acting) (*remedy.Actor, *audit.Log, error) {
	var log *audit.Log
	if c.auditLog != "" {
		var err error
		if log, err = audit.Open(c.auditLog); err != nil {
			return nil, nil, usageError{err}
		}
	}
	halfOpen, err := kernel.MovesHalfOpen()
	if err != nil {
		with.warn(err) // they are let go then
	}
	dir := state.At(c.stateDir)
	o := remedy.Options{
		Refresh: with.refresh, Judge: with.judge, Kernel: with.kernel, Keeper: dir,
		ProcSys: c.procSys, TermGrace: c.termGrace, Disarmed: with.disarmed, Warn: with.warn,
		Siblings: func(s *listener.Snapshot, l *listener.Listener) []*listener.Listener {
			p := with.policy()
			return p.Siblings(s, l)
		},
		MoveHalfOpen: halfOpen,
		Witness: &witness{
			by: with.by, count: with.count, uncount: with.uncount, warn: with.warn, policy: with.policy, clients: with.kernel.Clients, log: log,
			bundles: audit.NewBundles(c.evidenceDir), emit: with.emit, begun: with.begun, done: with.done,
		},
	}
	if c.rescue == "auto" {
		o.LoadMigration = func(m listener.Moving) (remedy.Migration, error) { return kernel.LoadMigration(m) }
	}
	return remedy.New(o), log, nil
}

// recoverActs ends what an earlier agent could not: what it had turned on in the
// kernel, and what stands open in the audit log. Where that cannot be, for the disk is full
// perhaps, it harms less than not to watch.
func recoverActs(a *remedy.Actor, log *audit.Log, s *listener.Snapshot, warn func(error)) {
	if err := a.Restore(s); err != nil {
		warn(err)
	}
	err := log.Settle(func(act *listener.Act) listener.Result {
		j := &act.Judgement
		if !a.Idle(j.Netns, j.NetCookie) {
			return "" // its agent lives
		}
		if slices.ContainsFunc(s.Listeners, func(l *listener.Listener) bool {
			return l.NetCookie == j.NetCookie && len(act.Listeners) > 0 && l.Cookie == act.Listeners[0]
		}) {
			return listener.FoundThere
		}
		return listener.FoundGone
	})
	if err != nil {
		warn(err)
	}
}
