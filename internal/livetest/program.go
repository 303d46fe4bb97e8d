package livetest

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Program is a process of another program, whose lines the test reads. It ends with the
// test, or with the test's own process, and is waited for only then: until that its pid
// is nobody else's.
type Program struct {
	*exec.Cmd
	t     testing.TB
	mu    sync.Mutex
	said  []string     // its lines
	plain bytes.Buffer // what it complained of
}

// Start starts a prepared command inside the namespace.
func (ns *Namespace) Start(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{Cmd: cmd, t: t}
	if p.SysProcAttr == nil {
		p.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.SysProcAttr.Pdeathsig = syscall.SIGKILL // the parent is the namespace's thread
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = in
	if p.Stderr == nil {
		p.Stderr = (*complaints)(p)
	}
	p.WaitDelay = 1 // who inherited its stderr may live on
	ns.Do(func() { err = cmd.Start() })
	_ = in.Close()
	if err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	go p.read(out)
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
		_ = out.Close()
		if t.Failed() && p.Complaints() != "" {
			t.Logf("%s (pid %d): %s", strings.Join(p.Args, " "), p.PID(), p.Complaints())
		}
	})
	return p
}

// PID of the process.
func (p *Program) PID() int { return p.Process.Pid }

// Ended says that it has ended, though it is not waited for yet.
func (p *Program) Ended() bool {
	var si unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.PID(), &si, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err != nil || si.Signo != 0
}

// Complaints are what it wrote to stderr.
func (p *Program) Complaints() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plain.String()
}

// Said are its lines so far.
func (p *Program) Said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// Await waits for a line that begins with this word, and gives what comes after it.
func (p *Program) Await(word string) string {
	p.t.Helper()
	var rest string
	if !Within(func() bool {
		for _, line := range p.Said() {
			if first, after, _ := strings.Cut(line, " "); first == word {
				rest = after
				return true
			}
		}
		return false
	}) {
		p.t.Fatalf("%v never said %q, but %q; stderr: %s", p.Args, word, p.Said(), p.Complaints())
	}
	return rest
}

type complaints Program

func (c *complaints) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plain.Write(b)
}

func (p *Program) read(out io.Reader) {
	for in := bufio.NewScanner(out); in.Scan(); {
		p.mu.Lock()
		p.said = append(p.said, in.Text())
		p.mu.Unlock()
	}
}
