package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// nginx are masters of the real one, each with a worker.
type nginx struct{}

const nginxConfig = `daemon off; master_process on; worker_processes 1; pid %[1]s/%[2]s.pid; error_log %[3]s; user root;
events { worker_connections 256; }
http { access_log %[4]s; client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2;
  fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  server { listen 127.0.0.1:80 reuseport backlog=1024; location / { default_type text/plain; return 200 "ok"; } } }
`

func (nginx) word() string { return armed.HTTP }

func (nginx) with(c *cycle, name, errors, access string) *exec.Cmd {
	config := fmt.Sprintf(nginxConfig, c.dir, name, errors, access)
	return exec.Command("nginx", "-p", c.dir, "-c", c.write(name+".conf", config))
}

// command logs what it serves into a small FIFO that the scene reads, or does not.
func (n nginx) command(c *cycle, name string) *exec.Cmd {
	path := c.dir + "/" + name + ".log"
	c.must(unix.Mkfifo(path, 0o600))
	c.logs[name] = newDrain(c, path)
	return n.with(c, name, c.dir+"/"+name+".err", path)
}

func (nginx) ready(c *cycle, m *member) {
	livetest.Eventually(c.t, "nginx has a worker that listens", func() bool {
		kids := livetest.Children(m.PID())
		if len(kids) == 0 || len(livetest.Listening(kids[0], armed.Port)) == 0 || armed.State(kids[0]) != "S" {
			return false
		}
		m.pid = kids[0]
		return true
	})
}

// dies of what its master says as soon as it listens, on a pipe that is full.
func (n nginx) dies(c *cycle, _ string) *member {
	_, w := livetest.FullPipe(c.t, 20)
	cmd := n.with(c, "dead", "stderr notice", "off")
	cmd.Stderr = w
	return c.start("dead nginx", cmd)
}

func (n nginx) event(c *cycle, s step, m *member) (undo func()) {
	switch s.event {
	case "reload":
		c.unhurt(m)
		c.must(unix.Kill(m.PID(), unix.SIGHUP))
		old := m.lives[1:]
		livetest.Eventually(c.t, "nginx has another worker, and no old one", func() bool {
			kids := livetest.Children(m.PID())
			return len(kids) == 1 && !slices.Contains(old, kids[0])
		})
		n.ready(c, m)
		c.settle(m)
	case "log":
		log := c.logs[m.name]
		log.stop()
		return log.goOn
	}
	return nil
}

// drain reads a log, and stops to when it is told.
type drain struct {
	from *os.File
	on   chan struct{} // whoever stopped it lets it go on
}

func newDrain(c *cycle, path string) *drain {
	// Nobody who opens it to write has to wait for a reader, also after a reload.
	from, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	c.must(err)
	raw, err := from.SyscallConn()
	c.must(err)
	c.must(raw.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 4096) }))
	c.must(err)
	d := &drain{from: from, on: make(chan struct{})}
	go d.run()
	c.t.Cleanup(func() {
		_ = from.Close()
		close(d.on)
	})
	return d
}

func (d *drain) run() {
	for page := make([]byte, 4096); ; {
		_, err := d.from.Read(page)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			<-d.on
			_ = d.from.SetReadDeadline(time.Time{})
		default:
			return
		}
	}
}

func (d *drain) stop() { _ = d.from.SetReadDeadline(time.Unix(1, 0)) }

func (d *drain) goOn() { d.on <- struct{}{} }
