package demo

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// performance is a demo that a test started, by a binary that nothing else runs.
type performance struct {
	t      *testing.T
	binary string
	temp   string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when waited for

	mu       sync.Mutex
	out, err bytes.Buffer
}

type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// binaryFor builds reusewatch, or copies the one in PATH where there is no Go.
func binaryFor(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reusewatch")
	if _, err := exec.LookPath("go"); err == nil {
		build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../../cmd/reusewatch")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build reusewatch: %v\n%s", err, out)
		}
		return path
	}
	there, err := exec.LookPath("reusewatch")
	if err != nil {
		t.Fatal("neither go to build reusewatch nor reusewatch itself is here")
	}
	b, err := os.ReadFile(there)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func perform(t *testing.T, args ...string) *performance {
	t.Helper()
	needRoot(t)
	t.Parallel()
	p := &performance{t: t, binary: binaryFor(t), temp: t.TempDir(), ended: make(chan struct{})}
	p.cmd = exec.Command(p.binary, append([]string{"demo"}, args...)...)
	p.cmd.Env = append(os.Environ(), "TMPDIR="+p.temp)
	p.cmd.Stdout, p.cmd.Stderr = locked{&p.mu, &p.out}, locked{&p.mu, &p.err}
	p.cmd.WaitDelay = 5 * time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState tells
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("it said\n%s\nand\n%s", p.said(), p.complained())
		}
	})
	return p
}

func (p *performance) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *performance) complained() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err.String()
}

// until waits for something to be said.
func (p *performance) until(what string, within time.Duration) {
	p.t.Helper()
	for deadline := time.Now().Add(within); !strings.Contains(p.said(), what); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.ended:
			p.t.Fatalf("it ended, %s, before %q", p.cmd.ProcessState, what)
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("no %q within %s", what, within)
		}
	}
}

func (p *performance) end(within time.Duration) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("it has not ended after %s", within)
	}
}

// running lists the processes of the binary. Its kernel programs live as long as they.
func (p *performance) running() []string {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		p.t.Fatal(err)
	}
	var pids []string
	for _, link := range links {
		if exe, err := os.Readlink(link); err == nil && strings.TrimSuffix(exe, " (deleted)") == p.binary {
			pids = append(pids, strings.Split(link, "/")[2])
		}
	}
	return pids
}

// left lists the processes that there are, and threads in the network namespace.
func (p *performance) left() []string {
	left := p.running()
	inode := regexp.MustCompile(`--netns (\d+)`).FindStringSubmatch(p.said())
	if inode == nil {
		return left
	}
	links, err := filepath.Glob("/proc/[0-9]*/task/[0-9]*/ns/net")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, link := range links {
		if ns, err := os.Readlink(link); err == nil && ns == "net:["+inode[1]+"]" {
			left = append(left, link)
		}
	}
	return left
}

// leftNothing looks for processes, their network namespace, and files.
func (p *performance) leftNothing() {
	p.t.Helper()
	left := p.left()
	for deadline := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = p.left() {
		time.Sleep(20 * time.Millisecond)
	}
	if len(left) > 0 {
		p.t.Errorf("processes, or threads in the namespace, are left: %v", left)
	}
	files, err := os.ReadDir(p.temp)
	if err != nil || len(files) > 0 {
		p.t.Errorf("files are left: %v, %v", files, err)
	}
}
