package scenarios

import (
	"bytes"
	"os/exec"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// process is a server that the test started.
type process struct {
	*exec.Cmd
	ended  chan struct{}
	log    bytes.Buffer
	worker int // that does its work, and ends with it; 0: itself
}

func (p *process) pid() int {
	if p.worker != 0 {
		return p.worker
	}
	return p.Process.Pid
}

// start starts a program inside the namespace; it ends with the test.
func start(t *testing.T, ns *livetest.Namespace, prepare func(*exec.Cmd), name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.log, &p.log
	// The namespace's thread lives as long as the test: so do its children at the most.
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if prepare != nil {
		prepare(p.Cmd)
	}
	var err error
	ns.Do(func() { err = p.Start() })
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL) // its own group: workers that it left
		<-p.ended
		if t.Failed() && p.log.Len() > 0 {
			t.Logf("%s: %s", name, p.log.String())
		}
	})
	return p
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}
