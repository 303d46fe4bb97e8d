package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// ours are small servers that the scene gives commands: the zoo's member in C, or one in Go.
type ours struct{ own bool }

func (ours) word() string { return "x" }

func (o ours) command(c *cycle, name string) *exec.Cmd { return o.mode(c, "member", name[:1], "") }

func (o ours) mode(c *cycle, mode, letter, arg string) *exec.Cmd {
	args := []string{mode, strconv.Itoa(armed.Port), letter, "fresh", arg}
	if !o.own {
		return exec.Command(c.zoo, args...)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	self, err := os.Executable()
	c.must(err)
	cmd.Path = self
	cmd.Env = append(os.Environ(), asServer+"=1", "GOMAXPROCS=2", "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	return cmd
}

func (ours) ready(_ *cycle, m *member) { m.Await("serves") }

func (o ours) dies(c *cycle, how string) *member {
	arg := ""
	if how == "fifo-read" || how == "fifo-write" || how == "mixed" {
		arg = c.dir + "/fifo"
		c.must(unix.Mkfifo(arg, 0o600))
	}
	m := c.start("dead "+how, o.mode(c, how, "d", arg))
	if o.own {
		livetest.Eventually(c.t, "it has forked", func() bool {
			m.pid = livetest.ChildOf(m.PID())
			return m.pid != 0
		})
	}
	m.Await("set")
	return m
}

func (o ours) event(c *cycle, s step, m *member) (undo func()) {
	switch s.event {
	case "reload":
		before := len(m.Said())
		_, err := m.stdin.WriteString("anew\n")
		c.must(err)
		c.says(m, before, "serves")
	case "job":
		return c.job(m, s.how)
	case "leak":
		c.job(m, "leak")
	case "limit":
		letGo := c.clients.Keep(3 * (len(c.members) + 1))
		c.tell(m, "limit "+s.how)
		return func() {
			c.back(m, m.pid)
			letGo()
		}
	case "fifo":
		path := fmt.Sprintf("%s/fifo-%d", c.dir, m.pid)
		c.must(unix.Mkfifo(path, 0o600))
		before := len(m.Said())
		c.tell(m, "fifo "+path)
		return func() {
			reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
			c.must(err)
			defer reader.Close()
			c.says(m, before, "back")
		}
	case "migrate":
		return o.migrate(c, s.how)
	}
	return nil
}

// job has a member do a job: beside its clients, or before it takes the next. It must live
// as its member must.
func (c *cycle) job(m *member, how string) (undo func()) {
	before := len(m.Said())
	command := how
	if how != "leak" {
		command = "job-" + how
	}
	c.tell(m, command)
	if how == "after" {
		return func() { c.back(m, m.pid) }
	}
	pid := 0
	for _, line := range m.Said()[before:] {
		if _, err := fmt.Sscanf(line, "job %d", &pid); err == nil {
			break
		}
	}
	m.lives = append(m.lives, pid)
	return func() {
		c.unhurt(m)
		m.lives = m.lives[:len(m.lives)-1]
		if how == "child" {
			c.back(m, pid)
		} else {
			c.must(unix.Kill(pid, unix.SIGUSR1))
		}
	}
}

// migrate starts a member that listens and serves only once its database is ready.
func (o ours) migrate(c *cycle, how string) (undo func()) {
	cmd := o.mode(c, "member", "m", how)
	r, w, err := os.Pipe()
	c.must(err)
	c.t.Cleanup(func() { _ = w.Close() })
	cmd.ExtraFiles = []*os.File{r}
	m := c.start("migrating "+how, cmd)
	_ = r.Close()
	m.Await("set")
	c.joins(m)
	return func() {
		if how == "read" {
			_, err := w.WriteString("1")
			c.must(err)
		} else {
			c.must(unix.Kill(m.pid, unix.SIGUSR1))
		}
		m.Await("serves")
	}
}
