package chaos

import (
	"fmt"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// haproxy are processes of the real one, each started by hand.
type haproxy struct{}

const haproxyConfig = `global
    no strict-limits
    maxconn %d
    stats socket %s mode 600 level admin expose-fd listeners
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
frontend fe
    bind 127.0.0.1:80
    http-request return status 200 content-type text/plain string ok
`

func (haproxy) word() string { return armed.HTTP }

func (haproxy) command(c *cycle, name string) *exec.Cmd {
	return haproxyOf(c, name, 2000)
}

// haproxyOf is one that takes so many connections, and hands its listeners on by a socket.
func haproxyOf(c *cycle, name string, maxconn int) *exec.Cmd {
	config := fmt.Sprintf(haproxyConfig, maxconn, c.dir+"/"+name+".sock")
	return exec.Command("haproxy", "-db", "-f", c.write(name+".cfg", config))
}

func (haproxy) ready(_ *cycle, m *member) {
	// Its listener is in an epoll set before it sleeps there, and nothing else tells.
	_ = livetest.Within(func() bool { return armed.State(m.pid) == "S" })
}

// dies of what it says when it listens, on a pipe that is full; or in opening its pidfile,
// which is a FIFO. It unlinks that first, so it is mounted into place, in a mount namespace
// that ends with the process.
func (haproxy) dies(c *cycle, how string) *member {
	config := c.write("dead.cfg", fmt.Sprintf(haproxyConfig, 4000, c.dir+"/dead.sock"))
	if how == "stderr" {
		_, w := livetest.FullPipe(c.t, 250)
		cmd := exec.Command("sh", "-c", "ulimit -n 600; exec haproxy -db -f "+config)
		cmd.Stderr = w
		return c.start("dead haproxy", cmd)
	}
	fifo, pidfile := c.dir+"/fifo", c.write("dead.pid", "")
	c.must(unix.Mkfifo(fifo, 0o600))
	return c.start("dead haproxy", exec.Command("unshare", "--mount", "sh", "-c", fmt.Sprintf(
		"mount --bind %s %s && exec haproxy -D -f %s -p %s", fifo, pidfile, config, pidfile)))
}

func (h haproxy) event(c *cycle, s step, m *member) (undo func()) {
	switch s.event {
	case "reload":
		h.reload(c, s.how, m)
	case "limit":
		name := c.name()
		full := c.start("haproxy at its limit", haproxyOf(c, name, 4))
		full.name = name
		c.joins(full)
		return c.clients.Keep(5 * (len(c.members) + 1))
	}
	return nil
}

// reload starts a new process that tells the old one to leave, and gets its sockets or not.
func (h haproxy) reload(c *cycle, how string, m *member) {
	name := c.name()
	cmd := h.command(c, name)
	cmd.Args = append(cmd.Args, "-sf", strconv.Itoa(m.PID()))
	if how == "x" {
		cmd.Args = append(cmd.Args, "-x", c.dir+"/"+m.name+".sock")
	} else {
		c.clients.Lossy.Store(true) // who waits in the queue of the old one is reset
	}
	c.unhurt(m)
	now := c.start("haproxy", cmd)
	now.name = name
	c.replace(m, now)
	livetest.Eventually(c.t, "the old haproxy listens no more", func() bool {
		return len(livetest.Listening(m.PID(), armed.Port)) == 0
	})
}
