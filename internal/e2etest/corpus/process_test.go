package corpus

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// process is one that a scene started. It ends with the test, or with the test's own
// process.
type process struct {
	*exec.Cmd
	s  *scene
	mu sync.Mutex
	// said are its lines, log what it complained of.
	said []string
	log  bytes.Buffer
}

// run starts a program in the scene's namespace, with these descriptors from 3 on.
func (s *scene) run(program string, files []*os.File, args ...string) *process {
	s.t.Helper()
	p := &process{Cmd: exec.Command(program, args...), s: s}
	// The parent is the namespace's thread; priority goes by session.
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: s.row.hog, Setpgid: s.row.http}
	p.ExtraFiles, p.Env = files, append(os.Environ(), s.env...)
	out, in, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	p.Stdout, p.Stderr = in, (*complaints)(p)
	p.WaitDelay = 1 // who inherited its stderr may live on
	s.ns.Do(func() { err = p.Start() })
	_ = in.Close()
	if err != nil {
		s.t.Fatalf("start %s: %v", program, err)
	}
	go p.read(out)
	s.t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
		_ = out.Close()
	})
	return p
}

// family is a server whose workers would outlive it: all of its group end together, also
// if the test's process ends in whatever way.
func (s *scene) family(program string, files []*os.File, args ...string) *process {
	s.t.Helper()
	p := s.run(program, files, args...)
	r, w, err := os.Pipe()
	s.must(err)
	guard := exec.Command(s.zoo, "guard", "0", "p", "fresh", strconv.Itoa(p.Process.Pid))
	guard.ExtraFiles = []*os.File{r}
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.must(guard.Start())
	_ = r.Close()
	s.t.Cleanup(func() { // before its leader is waited for, so that the group is still its own
		_ = w.Close()
		_ = guard.Wait()
	})
	return p
}

type complaints process

func (c *complaints) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(b)
}

func (p *process) read(out io.Reader) {
	for in := bufio.NewScanner(out); in.Scan(); {
		p.mu.Lock()
		p.said = append(p.said, in.Text())
		p.mu.Unlock()
	}
}

// await waits for a line that begins with this word, and gives what comes after it.
func (p *process) await(word string) string {
	p.s.t.Helper()
	var rest string
	if !livetest.Within(func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, line := range p.said {
			if first, after, _ := strings.Cut(line, " "); first == word {
				rest = after
				return true
			}
		}
		return false
	}) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.s.t.Fatalf("%v never said %q, but %q; stderr: %s", p.Args, word, p.said, p.log.String())
	}
	return rest
}
