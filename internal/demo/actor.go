package demo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// actor is a child process on the stage.
type actor struct {
	name      string
	cmd       *exec.Cmd
	worker    int
	complaint complaint
	ended     chan struct{} // closed when it has ended and was waited for
	err       error         // of Wait, once ended
}

// pid is that of the worker, where it has one.
func (a *actor) pid() int {
	if a.worker != 0 {
		return a.worker
	}
	return a.cmd.Process.Pid
}

// follow hands on what the actor prints until its end.
func (a *actor) follow(stdout io.Reader, line func([]byte)) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line(lines.Bytes())
	}
	_, _ = io.Copy(io.Discard, stdout) // past a line that is too long; at its end there is nothing
	a.err = a.cmd.Wait()
	close(a.ended)
}

// alive says that the actor has not ended.
func (a *actor) alive() bool {
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// killedBy is the signal that ended it, if one did.
func (a *actor) killedBy() (syscall.Signal, bool) {
	var exit *exec.ExitError
	if a.alive() || !errors.As(a.err, &exit) {
		return 0, false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return status.Signal(), ok && status.Signaled()
}

// stop asks it to end by SIGTERM and waits for that; the close of the stage is
// for one that does not.
func (a *actor) stop(grace time.Duration) error {
	// An error here means that it has ended already, and Wait tells of that.
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-a.ended:
		return a.failure()
	case <-time.After(grace):
		return fmt.Errorf("%s, pid %d, did not end within %s of SIGTERM", a.name, a.pid(), grace)
	}
}

// failure is how it ended, with the last that it said about it; nil for exit 0.
func (a *actor) failure() error {
	switch said := a.complaint.last(); {
	case a.err == nil:
		return nil
	case said == "":
		return fmt.Errorf("%s ended: %w", a.name, a.err)
	default:
		return fmt.Errorf("%s ended: %w: %s", a.name, a.err, said)
	}
}

// unexpected is failure of one that was not to end.
func (a *actor) unexpected() error {
	if err := a.failure(); err != nil {
		return err
	}
	return fmt.Errorf("%s ended before its time", a.name)
}

// complaint keeps the end of what an actor writes to stderr.
type complaint struct {
	mu  sync.Mutex
	end []byte
}

const complaintMax = 4 << 10

func (c *complaint) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = append(c.end, p...)
	if over := len(c.end) - complaintMax; over > 0 {
		c.end = append([]byte(nil), c.end[over:]...)
	}
	return len(p), nil
}

// last is its last line.
func (c *complaint) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.TrimSpace(string(c.end))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
