package corpus

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// must fails the scene.
func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// fifo makes its argument a FIFO that nobody has open.
func fifo(s *scene) {
	s.arg = s.path("fifo")
	s.must(unix.Mkfifo(s.arg, 0o600))
}

// pipe gives the server one end, and the other to whoever asks for it.
func (s *scene) pipe(write bool) (theirs *os.File) {
	s.t.Helper()
	r, w, err := os.Pipe()
	s.must(err)
	if write {
		r, w = w, r
	}
	s.files = []*os.File{r}
	s.t.Cleanup(func() { _ = w.Close() })
	return w
}

// pipeToNobody is read by nobody, though this process has its read end, and sleeps.
func pipeToNobody(s *scene) { s.pipe(true) }

func pipeToStopped(s *scene) {
	r := s.pipe(true)
	reader := s.helper("holds", "", r)
	s.must(r.Close())
	s.stop(reader.Process.Pid)
}

func pipeToSlow(s *scene) {
	r := s.pipe(true)
	page := make([]byte, 4096)
	livetest.Every(s.t, 2*time.Second, func() { _, _ = r.Read(page) })
}

// pipeInFlight has its read end in a message that nobody has received.
func pipeInFlight(s *scene) {
	r := s.pipe(true)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.must(err)
	s.t.Cleanup(func() {
		_ = unix.Close(pair[0])
		_ = unix.Close(pair[1])
	})
	s.must(unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(int(r.Fd())), nil, 0))
	s.must(r.Close())
}

// pipeFromSilent is written to by nobody, though a process that lives could.
func pipeFromSilent(s *scene) {
	w := s.pipe(false)
	s.helper("holds", "", w)
	s.must(w.Close())
}

// pipeFromBusy brings a job every second.
func pipeFromBusy(s *scene) {
	w := s.pipe(false)
	livetest.Every(s.t, time.Second, func() { _, _ = w.WriteString("j") })
}

func (s *scene) stop(pid int) { s.must(unix.Kill(pid, unix.SIGSTOP)) }

func peer(s *scene) {
	s.helper("peer", "")
	s.arg = strconv.Itoa(peerPort)
}

func peerNaps(s *scene) {
	s.helper("peer-naps", "")
	s.arg = strconv.Itoa(peerPort)
}

func peerStopped(s *scene) {
	p := s.helper("peer", "")
	s.arg = strconv.Itoa(peerPort)
	s.stop(p.Process.Pid)
}

// peerFull is a port whose accept queue is full, so that no SYN is answered.
func peerFull(s *scene) {
	s.arg = strconv.Itoa(peerPort)
	fd := -1
	var err error
	s.ns.Do(func() {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet4{Port: peerPort, Addr: [4]byte{127, 0, 0, 1}})
		}
		if err == nil {
			err = unix.Listen(fd, 0)
		}
	})
	s.must(err)
	s.t.Cleanup(func() { _ = unix.Close(fd) })
	for range 2 {
		c, err := s.ns.Connect(peerPort)
		s.must(err)
		s.t.Cleanup(func() { _ = c.Close() })
	}
	time.Sleep(100 * time.Millisecond) // until the last handshake is over, one way or the other
}

// nameServer takes every question and answers none.
func nameServer(s *scene) {
	s.arg = strconv.Itoa(peerPort)
	var c net.PacketConn
	var err error
	s.ns.Do(func() { c, err = net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", peerPort)) })
	s.must(err)
	s.t.Cleanup(func() { _ = c.Close() })
}

// deafLogger is a unix socket for datagrams that this process never reads.
func deafLogger(s *scene) {
	s.arg = s.path("log")
	c, err := net.ListenPacket("unixgram", s.arg)
	s.must(err)
	s.t.Cleanup(func() { _ = c.Close() })
}

// lock has a process of this mode hold a lock on a file, which is the argument.
func lock(mode string) func(*scene) {
	return func(s *scene) {
		s.arg = s.path("lock")
		s.helper(mode, s.arg)
	}
}

func lockOfStopped(s *scene) {
	s.arg = s.path("lock")
	s.stop(s.helper("hold-flock", s.arg).Process.Pid)
}

// sharedLock is in a file that two processes map.
func sharedLock(s *scene) {
	s.arg = s.path("shared")
	s.must(os.WriteFile(s.arg, make([]byte, 4096), 0o600))
	s.helper("hold-shared", s.arg)
}

// file gives a path that is not there.
func file(s *scene) { s.arg = s.path("file") }

// folder gives a folder that is there.
func folder(s *scene) { s.arg = s.dir }

// sameProgram is what it executes.
func sameProgram(s *scene) { s.arg = s.zoo }

func anotherProgram(s *scene) { s.arg = s.copyOfZoo("player") }

func activated(s *scene) {
	fifo(s)
	s.env = append(s.env, "ZOO_FIFO="+s.arg)
	s.arg = s.zoo
}

// deadFolder is on a FUSE mount whose server dies as somebody enters it.
func deadFolder(s *scene) {
	s.fuse = livetest.DeadMount(s.t)
	s.arg = s.fuse.Jail
}

// releaseFolder lets the server die before anybody waits for its end.
func releaseFolder(s *scene) { s.t.Cleanup(s.fuse.Release) }

// clientsOf asks a port of a namespace all the time, and is answered there.
func (s *scene) clientsOf(ns *livetest.Namespace, to int) {
	livetest.Every(s.t, 300*time.Millisecond, func() {
		c, err := ns.Connect(to)
		if err != nil {
			return
		}
		if ask(c, "x") != 0 {
			s.others.Add(1)
		}
		_ = c.Close()
	})
}

func clientsOfOtherPort(s *scene) { s.clientsOf(s.ns, otherPort) }

func clientsOfOtherNetns(s *scene) { s.clientsOf(s.second, otherPort) }

// clientsOfUDP ask by datagrams.
func clientsOfUDP(s *scene) {
	var c net.Conn
	var err error
	s.ns.Do(func() { c, err = net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", port)) })
	s.must(err)
	s.t.Cleanup(func() { _ = c.Close() })
	livetest.Every(s.t, 300*time.Millisecond, func() {
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write([]byte("x")); err != nil {
			return
		}
		if n, err := c.Read(make([]byte, 1)); n == 1 && err == nil {
			s.others.Add(1)
		}
	})
}

func clientsOfUnix(s *scene) {
	livetest.Every(s.t, 300*time.Millisecond, func() {
		c, err := net.Dial("unix", s.arg)
		if err != nil {
			return
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write([]byte("x"))
		if n, err := c.Read(make([]byte, 1)); n == 1 && err == nil {
			s.others.Add(1)
		}
		_ = c.Close()
	})
}

// adopted ends a process that is no child of the server, though it came of it.
func adopted(s *scene) {
	pid, err := strconv.Atoi(s.main.Await("pid"))
	s.must(err)
	s.t.Cleanup(func() {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
	})
}
