package chaos

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// member is a server that the scene started, with what must be true of it as long as the
// scene does not end it.
type member struct {
	*livetest.Program
	what  string
	name  string // of its files
	pid   int    // who accepts, or should
	stdin *os.File

	lives   []int // who must live: it, its workers or jobs
	sockets []string
}

// start starts a server of the scene's group, which ends with all that it started.
func (c *cycle) start(what string, cmd *exec.Cmd) *member {
	c.t.Helper()
	m := &member{what: what}
	if cmd.Stdin == nil {
		r, w, err := os.Pipe()
		c.must(err)
		c.t.Cleanup(func() { _ = w.Close() })
		defer r.Close()
		cmd.Stdin, m.stdin = r, w
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	m.Program = c.ns.Start(c.t, cmd)
	zoo.Family(c.t, c.zoo, m.Program)
	m.pid = m.PID()
	return m
}

// joins has a member belong to the scene: from now on it must live.
func (c *cycle) joins(m *member) {
	c.t.Helper()
	livetest.AwaitListening(c.t, m.pid, armed.Port)
	c.settle(m)
	c.members = append(c.members, m)
}

// settle notes who a member is now.
func (c *cycle) settle(m *member) {
	m.lives = []int{m.PID()}
	if m.master() {
		m.lives = append(m.lives, livetest.Children(m.PID())...)
	}
	m.sockets = livetest.Listening(m.pid, armed.Port)
}

// master: a worker of it accepts.
func (m *member) master() bool { return m.pid != m.PID() }

// hurt says what was done to a member that nobody may touch; "" for nothing.
func (m *member) hurt() string {
	for _, pid := range m.lives {
		if !armed.Alive(pid) {
			return fmt.Sprintf("%s pid %d has ended", m.what, pid)
		}
	}
	if now := livetest.Children(m.PID()); m.master() && !slices.Equal(now, m.lives[1:]) {
		return fmt.Sprintf("%s pid %d has workers %d, and had %d", m.what, m.PID(), now, m.lives[1:])
	}
	if now := livetest.Listening(m.pid, armed.Port); !slices.Equal(now, m.sockets) {
		return fmt.Sprintf("%s pid %d listens with %q, and did with %q", m.what, m.pid, now, m.sockets)
	}
	return ""
}

// tell gives a member of our own a command, and waits until it does that.
func (c *cycle) tell(m *member, command string) {
	c.t.Helper()
	before := len(m.Said())
	_, err := io.WriteString(m.stdin, command+"\n")
	c.must(err)
	word, _, _ := strings.Cut(command, " ")
	c.says(m, before, "did "+word)
}

// says waits for a line that a member says after it had said so many.
func (c *cycle) says(m *member, before int, line string) {
	c.t.Helper()
	livetest.Eventually(c.t, fmt.Sprintf("%s pid %d says %q", m.what, m.pid, line), func() bool {
		return slices.Contains(m.Said()[before:], line)
	})
}

// back ends the state that a member of our own was told to be in.
func (c *cycle) back(m *member, pid int) {
	c.t.Helper()
	before := len(m.Said())
	c.must(unix.Kill(pid, unix.SIGUSR1))
	c.says(m, before, "back")
}

// suspend stops whoever accepts, and lets him go on.
func (c *cycle) suspend(m *member) (undo func()) {
	c.must(unix.Kill(m.pid, unix.SIGSTOP))
	return func() { c.must(unix.Kill(m.pid, unix.SIGCONT)) }
}

// stranger joins the group with what must never count as a sibling: another program, or
// the same one in a container of its own.
func (c *cycle) stranger(how string) {
	if how == "program" {
		path := zoo.Copy(c.t, c.zoo, c.dir+"/stranger")
		m := c.start("stranger", exec.Command(path, "serve", strconv.Itoa(armed.Port), "s", "fresh"))
		c.joins(m)
		return
	}
	root := livetest.Cgroup2(c.t)
	outer := fmt.Sprintf("%s/rw-chaos-%d-%d", root, os.Getpid(), c.plan.seed)
	inner := fmt.Sprintf("%s/docker-%064x.scope", outer, c.plan.seed)
	c.must(os.MkdirAll(inner, 0o755))
	c.t.Cleanup(func() {
		livetest.Eventually(c.t, "the cgroup of a stranger has gone", func() bool {
			_, _ = os.Remove(inner), os.Remove(outer)
			_, err := os.Stat(outer)
			return errors.Is(err, os.ErrNotExist)
		})
	})
	plain := c.kind.command(c, "stranger")
	enter := []string{"-c", `echo $$ >"$0" && exec "$@"`, inner + "/cgroup.procs"}
	cmd := exec.Command("sh", append(enter, plain.Args...)...)
	cmd.Args = slices.Replace(cmd.Args, 4, 5, plain.Path)
	cmd.Env, cmd.ExtraFiles, cmd.Stderr = plain.Env, plain.ExtraFiles, plain.Stderr
	m := c.start(c.plan.kind, cmd)
	m.what = "stranger"
	livetest.AwaitListening(c.t, m.pid, armed.Port)
	c.kind.ready(c, m)
	c.joins(m)
}
