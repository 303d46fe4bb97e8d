package demo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RoleCommand is the subcommand of demo that plays a role, in a process of its own.
const RoleCommand = "role"

const (
	// backlog of the servers: the accept queue must not be full before the end.
	backlog = 1024
	// workTime is what the new server works for each request, one at a time as small
	// servers do: its queue is then seen to move in every tier.
	workTime = 8 * time.Millisecond
)

// site is where both servers listen: in a namespace of its own every port is free.
func site() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:8080") }

// Play plays a role until it is killed. It tells out in JSON what the demo must know.
func Play(role string, out io.Writer) error {
	play := map[string]func(io.Writer) error{"old": playOld, "new": playNew, "clients": playClients}[role]
	if play == nil {
		return fmt.Errorf("there is no role %q", role)
	}
	if err := onStage(); err != nil {
		return err
	}
	signal.Reset() // main has asked for some; who hangs handles none
	return play(out)
}

// onStage refuses to play in the network namespace of whoever started us: a
// server that never accepts must not meet real ones.
func onStage() error {
	ours, err := os.Readlink("/proc/self/ns/net")
	theirs, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", os.Getppid()))
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("tell own network namespace and that of the parent: %w", err)
	}
	if ours == theirs {
		return errors.New("this part of the demo is started by `reusewatch demo`, in a network namespace of its own")
	}
	return nil
}

// listenShared listens with SO_REUSEPORT, in plain TCP, and beside Go's runtime, which
// would wait on the socket for us.
func listenShared() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err == nil {
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Port: int(site().Port()), Addr: site().Addr().As4()}),
			unix.Listen(fd, backlog))
	}
	if err != nil {
		return -1, fmt.Errorf("listen on %s with SO_REUSEPORT: %w", site(), err)
	}
	return fd, nil
}

// playNew is the healthy generation. It answers with its pid.
func playNew(out io.Writer) error {
	fd, err := listenShared()
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "listener")
	l, err := net.FileListener(f) // has a descriptor of its own
	// The process has a name of its own in ps and in listener tables.
	if err := errors.Join(err, f.Close(), os.WriteFile("/proc/self/comm", []byte("demo-new"), 0)); err != nil {
		return fmt.Errorf("begin to serve: %w", err)
	}
	if _, err := fmt.Fprintln(out, os.Getpid()); err != nil {
		return fmt.Errorf("tell that it listens: %w", err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return fmt.Errorf("accept on %s: %w", site(), err)
		}
		answer(c)
	}
}

// answer serves one request. A client that sends none, or goes, is no error: a
// health check does just that.
func answer(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(clientGiveUp))
	if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
		time.Sleep(workTime)
		_, _ = fmt.Fprintf(c, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n%d\n", os.Getpid())
	}
}

// playOld is the generation that a reload left behind: it has bound and listens, and
// hangs before it ever polls. It has a worker, as servers that fork have: of a Go program
// nobody could tell that it hangs, for its runtime sleeps and wakes all the time.
func playOld(out io.Writer) error {
	fd, err := listenShared()
	if err != nil {
		return err
	}
	pipe, err := namelessPipe()
	if err != nil {
		return err
	}
	worker, err := forkOpening(pipe)
	if err != nil {
		return fmt.Errorf("fork the worker: %w", err)
	}
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("leave the listener to the worker: %w", err)
	}
	if _, err := fmt.Fprintln(out, worker.Pid); err != nil {
		return fmt.Errorf("tell that it listens: %w", err)
	}
	state, err := worker.Wait()
	return errors.Join(err, fmt.Errorf("the worker ended: %v", state))
}

// namelessPipe gives a FIFO that nobody reads, by which this process and its children can open
// it. It is in a file system of its own that is mounted nowhere, so that even SIGKILL leaves
// nothing.
func namelessPipe() (string, error) {
	fs, err1 := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	err2 := unix.FsconfigCreate(fs) // of what could not be opened this and the rest fail, too
	root, err3 := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	err4 := unix.Mknodat(root, "log", unix.S_IFIFO|0o600, 0)
	pipe, err5 := unix.Openat(root, "log", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return "", fmt.Errorf("make a pipe in a file system of its own: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", pipe), nil
}

// forkOpening forks a process that opens a file for writing and does nothing else. It has
// the one thread that called, and its name, and ends with it: the caller must not end before.
func forkOpening(path string) (*os.Process, error) {
	runtime.LockOSThread()
	file, err := unix.BytePtrFromString(path)
	if err := errors.Join(err, os.WriteFile("/proc/thread-self/comm", []byte("demo-old"), 0)); err != nil {
		return nil, err
	}
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	pid, errno := forkRaw(file)
	if errno != 0 {
		return nil, errno
	}
	return os.FindProcess(int(pid))
}

// forkRaw is the fork, and the whole life of the child. Go's runtime has no other thread
// there: nothing but system calls may be made, and no function that could want more stack.
//
//go:noinline
//go:norace
func forkRaw(path *byte) (pid uintptr, errno syscall.Errno) {
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	cwd := unix.AT_FDCWD
	_, _, _ = syscall.RawSyscall6(unix.SYS_OPENAT, uintptr(cwd), uintptr(unsafe.Pointer(path)), unix.O_WRONLY, 0, 0, 0)
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}
