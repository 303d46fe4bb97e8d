package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asServer makes the test binary be a small server in Go, with the command line and the
// commands of the zoo's member, and the one mode pause beside it.
const asServer = "REUSEWATCH_CHAOS_SERVER"

// goServer is one.
type goServer struct {
	letter string
	l      net.Listener
	busy   sync.WaitGroup // with clients
	told   chan os.Signal
	slots  chan struct{} // nil: as many as come
	mu     sync.Mutex
}

// beServer is the life of a server; it returns only to fail. Its arguments are mode, port,
// letter, "fresh", and what it does first, or of one that goes on the listener that it has.
func beServer(args []string) error {
	if len(args) < 5 {
		return errors.New("a server takes five arguments")
	}
	if args[0] == "pause" {
		return bePaused(args[1])
	}
	s := &goServer{letter: args[2], told: make(chan os.Signal, 1)}
	signal.Notify(s.told, syscall.SIGUSR1)
	if args[0] == "job" {
		<-s.told
		os.Exit(0)
	}
	if err := s.listen(args[1], args[0] == "member-again"); err != nil {
		return err
	}
	if args[0] == "member" {
		fmt.Println("set")
	}
	if args[4] == "nap" {
		<-s.told
	}
	go s.serve()
	fmt.Println("serves")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := s.obey(lines.Text()); err != nil {
			return err
		}
	}
	os.Exit(0) // nobody will tell it anything any more
	return nil
}

// listenFD is the descriptor of a listener that a process got from the one before it.
const listenFD = 9

func (s *goServer) listen(on string, again bool) (err error) {
	if again {
		s.l, err = net.FileListener(os.NewFile(listenFD, "listener"))
		return err
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		return errors.Join(c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}), failed)
	}}
	config.SetMultipathTCP(false)
	s.l, err = config.Listen(context.Background(), "tcp4", "127.0.0.1:"+on)
	return err
}

func (s *goServer) serve() {
	for {
		s.mu.Lock()
		slots := s.slots
		s.mu.Unlock()
		if slots != nil {
			slots <- struct{}{} // room for one more
		}
		conn, err := s.l.Accept()
		if err != nil {
			return
		}
		s.busy.Add(1)
		go func() {
			defer s.busy.Done()
			s.answer(conn)
			select {
			case <-slots: // room for another; a nil one never has any
			default:
			}
		}()
	}
}

// answer answers each byte, until the client leaves; once, unless it has few slots.
func (s *goServer) answer(conn net.Conn) {
	defer conn.Close()
	for b := make([]byte, 1); ; {
		if _, err := conn.Read(b); err != nil {
			return
		}
		if _, err := conn.Write([]byte(s.letter)); err != nil {
			return
		}
		s.mu.Lock()
		full := s.slots != nil
		s.mu.Unlock()
		if !full {
			return
		}
	}
}

func (s *goServer) obey(command string) error {
	word, rest, _ := strings.Cut(command, " ")
	switch word {
	case "anew":
		return s.anew()
	case "job-beside":
		return s.job()
	case "limit":
		return s.limit(rest)
	default:
		return fmt.Errorf("no command %q", command)
	}
}

// anew executes the program anew in the same process once nobody is half served. Clients
// wait meanwhile in the queue of its listener.
func (s *goServer) anew() error {
	f, err := s.l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	_ = s.l.Close() // accepts no more; the socket goes on
	s.busy.Wait()
	if err := unix.Dup3(int(f.Fd()), listenFD, 0); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{self, "member-again"}, os.Args[2:]...)
	args[len(args)-1] = ""
	return syscall.Exec(self, args, os.Environ())
}

// job starts a child that has the listener, too, and outlives the request.
func (s *goServer) job() error {
	f, err := s.l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer f.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "job", "0", "j", "fresh", "")
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{f}, os.Stdout, os.Stderr
	runtime.LockOSThread() // its parent: it ends with it
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	fmt.Printf("job %d\ndid job-beside\n", cmd.Process.Pid)
	return nil
}

// limit serves so many connections at a time until it is told to go on.
func (s *goServer) limit(most string) error {
	n, err := strconv.Atoi(most)
	if err != nil {
		return err
	}
	slots := make(chan struct{}, n)
	s.mu.Lock()
	s.slots = slots
	s.mu.Unlock()
	fmt.Println("did limit")
	<-s.told
	s.mu.Lock()
	s.slots = nil
	s.mu.Unlock()
	for range n { // whoever waits for room gets it
		select {
		case <-slots:
		default:
		}
	}
	fmt.Println("back")
	return nil
}

// bePaused listens and sleeps until a signal, in a process of one thread.
func bePaused(on string) error {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		// The runtime began on another thread than the leader, of which /proc/PID tells.
		return unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	if err := livetest.ForkAlone(); err != nil {
		return err
	}
	at, err := strconv.Atoi(on)
	if err != nil {
		return err
	}
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetsockoptInt(l, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Bind(l, &unix.SockaddrInet4{Port: at, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = unix.Listen(l, 1024)
	}
	if err != nil {
		return err
	}
	if _, err := unix.Write(1, []byte("set\n")); err != nil {
		return err
	}
	for none := uint64(0); ; {
		_, _, _ = syscall.RawSyscall(unix.SYS_RT_SIGSUSPEND, uintptr(unsafe.Pointer(&none)), 8, 0)
	}
}
