package scenarios

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asServer makes the test binary be a small server, described in JSON.
const asServer = "REUSEWATCH_TEST_SERVER"

// server is one whose every call is known: a raw epoll loop on the main thread,
// which the Go runtime knows nothing of.
type server struct {
	Addr     string // what it binds; none: descriptor 3 is its listener
	Also     string // what a second thread serves, whatever becomes of the first
	Shared   bool   // without SO_REUSEPORT
	MPTCP    bool
	FastOpen int
	Backlog  int // 0: 1024

	DeferAccept int    // TCP_DEFER_ACCEPT, seconds
	Posts       string // a file that gets a byte for each POST that is executed

	Kind     string   // "" epoll, "uring", "http"
	Children []server // it starts them first

	Answers int      // requests that it answers before Then
	Then    way      // what becomes of it
	Pause   duration // of a way that passes, and before a Late one begins to accept
	Late    bool
	Burn    bool // a second thread uses all the CPU that it can get

	Path string // of a file that hangs whoever polls or closes it, of a way that does
	User int    // whom it becomes before that
}

type duration = time.Duration

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// serve starts a server of the test binary's own and waits until it listens.
func serve(t *testing.T, ns *livetest.Namespace, s server, prepare ...func(*exec.Cmd)) *process {
	t.Helper()
	p := serveUnseen(t, ns, s, prepare...)
	listens(t, ns, p, int(addrPort(s.Addr).Port()))
	return p
}

// serveUnseen does not wait.
func serveUnseen(t *testing.T, ns *livetest.Namespace, s server, prepare ...func(*exec.Cmd)) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, ns, func(cmd *exec.Cmd) {
		cmd.Env = s.environ()
		for _, p := range prepare {
			p(cmd)
		}
	}, self)
	if s.alone() {
		livetest.Eventually(t, "it has forked", func() bool {
			p.worker = livetest.ChildOf(p.Process.Pid)
			return p.worker != 0
		})
	}
	return p
}

// alone: it is to hang where nothing alive can end its wait, or to run in a circle.
func (s *server) alone() bool {
	plain := s.Addr != "" && s.Kind == "" && s.Also == "" && !s.Burn && len(s.Children) == 0
	return plain && slices.Contains([]way{wayMutex, wayRead, waySpin}, s.Then)
}

func (s server) environ() []string {
	spec, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	// Of two values the first would count: a child must not be its parent anew.
	environ := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, asServer+"=") })
	// A loop in user mode is not to be broken into, and the collector is to rest.
	return append(environ, asServer+"="+string(spec), "GODEBUG=asyncpreemptoff=1", "GOGC=off", "GOMAXPROCS=2")
}

// beServer is the life of a server; it returns only to fail.
func beServer(spec string) error {
	var s server
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return err
	}
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		// The runtime began on another thread than the leader, of which /proc/PID tells.
		return unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	if s.Kind == "http" {
		return s.http()
	}
	if s.alone() {
		if err := livetest.ForkAlone(); err != nil {
			return err
		}
	}
	l, err := s.listener(s.Addr)
	if err != nil {
		return err
	}
	if err := s.bear(l); err != nil {
		return err
	}
	if s.Also != "" {
		other, err := s.listener(s.Also)
		if err != nil {
			return err
		}
		go onOwnThread(func() error { return (&loop{}).run(other) })
	}
	if s.Burn {
		go onOwnThread(spin)
	}
	if s.Late {
		nap(s.Pause)
	} else if s.Then != "" && s.Answers == 0 {
		return s.Then.become(&loop{pause: s.Pause, path: s.Path, user: s.User}, l)
	}
	if s.Kind == "uring" {
		return s.uring(l)
	}
	return (&loop{answers: s.Answers, then: s.Then, pause: s.Pause, posts: s.Posts}).run(l)
}

func onOwnThread(do func() error) {
	runtime.LockOSThread()
	fmt.Fprintln(os.Stderr, do())
	os.Exit(1)
}

func (s *server) listener(addr string) (int, error) {
	if addr == "" {
		return 3, nil
	}
	to := addrPort(addr)
	domain, proto := unix.AF_INET, unix.IPPROTO_TCP
	if to.Addr().Is6() {
		domain = unix.AF_INET6
	}
	if s.MPTCP {
		proto = unix.IPPROTO_MPTCP
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil && !s.Shared {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil && s.FastOpen > 0 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, s.FastOpen)
	}
	if err == nil && s.DeferAccept > 0 {
		err = unix.SetsockoptInt(fd, unix.SOL_TCP, unix.TCP_DEFER_ACCEPT, s.DeferAccept)
	}
	if err != nil {
		return -1, err
	}
	var sa unix.Sockaddr
	if to.Addr().Is4() {
		sa = &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	} else {
		sa = &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return -1, err
	}
	backlog := s.Backlog
	if backlog == 0 {
		backlog = 1024
	}
	return fd, unix.Listen(fd, backlog)
}

// bear starts the children; those without an address of their own inherit the
// listener as descriptor 3.
func (s *server) bear(l int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, child := range s.Children {
		files := []uintptr{0, 1, 2}
		if child.Addr == "" {
			files = append(files, uintptr(l))
		}
		_, err := syscall.ForkExec(self, []string{self}, &syscall.ProcAttr{
			Env: child.environ(), Files: files,
			Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// loop serves what an epoll set tells of.
type loop struct {
	answers int
	then    way
	pause   time.Duration
	epoll   int
	served  int
	posts   string
	full    bool // it keeps its table of descriptors full
	path    string
	user    int
}

func (o *loop) run(l int) error {
	var err error
	if o.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if err := unix.SetNonblock(l, true); err != nil {
		return err
	}
	if err := o.watch(l); err != nil {
		return err
	}
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := unix.EpollWait(o.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) != l {
				o.talk(int(e.Fd))
				continue
			}
			// A sibling's is not ours to wait for, and a full table is no reason to end.
			if fd, _, err := unix.Accept4(l, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC); err == nil {
				if err := o.watch(fd); err != nil {
					return err
				}
			}
		}
		if o.then != "" && o.served >= o.answers {
			way := o.then
			o.then = ""
			if err := way.become(o, l); err != nil {
				return err
			}
		}
	}
}

func (o *loop) watch(fd int) error {
	return unix.EpollCtl(o.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// talk answers a request, and keeps the connection unless it was asked not to.
func (o *loop) talk(fd int) {
	request := make([]byte, 4096)
	n, err := unix.Read(fd, request)
	if errors.Is(err, unix.EAGAIN) {
		return
	}
	if n > 0 {
		if bytes.HasPrefix(request[:n], []byte("POST ")) && o.posts != "" {
			execute(o.posts)
		}
		_, _ = unix.Write(fd, []byte(answer))
		o.served++
	}
	if n <= 0 || bytes.Contains(request[:n], []byte("Connection: close")) {
		_ = unix.Close(fd)
		if o.full {
			_, _ = unix.Dup(2)
		}
	}
}

// execute does what a POST asks for.
func execute(path string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte{'.'}); err != nil {
		panic(err)
	}
}
