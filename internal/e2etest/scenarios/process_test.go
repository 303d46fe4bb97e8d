package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
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

// children waits until a process has so many, and gives their pids.
func children(t *testing.T, of *process, n int) []int {
	t.Helper()
	var pids []int
	livetest.Eventually(t, fmt.Sprintf("%d children of pid %d", n, of.pid()), func() bool {
		pids = childrenOf(of.pid())
		return len(pids) == n
	})
	return pids
}

func childrenOf(pid int) []int {
	var pids []int
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, f := range files {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, f.Name()))
		for _, field := range bytes.Fields(b) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
