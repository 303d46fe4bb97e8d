package daemon

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Acting is how acts are done, whoever decides on them.
type Acting struct {
	StateDir    string // where acts are counted; "": nowhere
	AuditLog    string // a file; "": none
	EvidenceDir string // "": none is kept
	ProcSys     string // where /proc/sys can be written
	TermGrace   time.Duration
	// LoadMigration loads what moves clients; nil: nobody is moved.
	LoadMigration func(listener.Moving) (remedy.Migration, error)
	// MovesHalfOpen says whether this kernel moves handshakes that are under way.
	MovesHalfOpen func() (bool, error)
}

// decider is who has acts done: a daemon, or a person.
type decider interface {
	judge(*listener.Snapshot) []listener.Judgement
	inForce() judge.Policy
	// disarmed says, before each step, whether there must be no other.
	disarmed() bool
	count(listener.PastAct) error
	uncount(listener.PastAct) error // what was counted and touched nothing
	begun([]*listener.Act)
	done(*listener.Act)
	emit(...wire.Event)
	warn(error)
}

// actor makes who carries acts out, with its audit log, which the caller closes.
func (c *Acting) actor(by listener.By, k Kernel, w *watch.Watcher, d decider) (*remedy.Actor, *journal.Log, error) {
	var log *journal.Log
	if c.AuditLog != "" {
		var err error
		if log, err = journal.OpenLog(c.AuditLog); err != nil {
			return nil, nil, Unusable{err}
		}
	}
	halfOpen, err := c.MovesHalfOpen()
	if err != nil {
		d.warn(err) // they are let go then
	}
	return remedy.New(remedy.Options{
		Refresh: w.Refresh, Judge: d.judge, Kernel: k, Keeper: journal.NewDir(c.StateDir),
		ProcSys: c.ProcSys, TermGrace: c.TermGrace, Disarmed: d.disarmed, Warn: d.warn,
		Siblings: func(s *listener.Snapshot, l *listener.Listener) []*listener.Listener {
			p := d.inForce()
			return p.Siblings(s, l)
		},
		LoadMigration: c.LoadMigration, MoveHalfOpen: halfOpen,
		Witness: &witness{decider: d, by: by, clients: k.Clients, log: log, bundles: journal.NewBundles(c.EvidenceDir)},
	}), log, nil
}

// recoverActs ends what an earlier agent could not: what it had turned on in the
// kernel, and what stands open in the audit log. Where that cannot be, for the disk is full
// perhaps, it harms less than not to watch.
func recoverActs(a *remedy.Actor, log *journal.Log, s *listener.Snapshot, warn func(error)) {
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
