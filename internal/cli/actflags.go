package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/remedy"
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
	f.StringVar(&c.stateDir, "state-dir", daemon.DefaultStateDir, "where acts are counted; a file \"disarmed\" in it stops every act; empty: keep nothing")
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

// acting is what the flags ask for.
func (c *actFlags) acting() daemon.Acting {
	a := daemon.Acting{
		StateDir: c.stateDir, AuditLog: c.auditLog, EvidenceDir: c.evidenceDir, ProcSys: c.procSys,
		TermGrace: c.termGrace, MovesHalfOpen: kernel.MovesHalfOpen,
	}
	if c.rescue == "auto" {
		a.LoadMigration = func(m listener.Moving) (remedy.Migration, error) { return kernel.LoadMigration(m) }
	}
	return a
}
