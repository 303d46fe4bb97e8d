package demo

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forkOpening forks a process that opens a file for writing and does nothing else. It has
// the one thread that called, and ends with it: the caller must not end before.
func forkOpening(path, comm string) (int, error) {
	at, err := unix.BytePtrFromString(path)
	if err != nil {
		return 0, err
	}
	name, err := unix.BytePtrFromString(comm)
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread()
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	pid, errno := forkRaw(at, name)
	if errno != 0 {
		return 0, errno
	}
	return int(pid), nil
}

// forkRaw is the fork, and the whole life of the child. Go's runtime has no other thread
// there: nothing but system calls may be made, and no function that could want more stack.
//
//go:noinline
//go:norace
func forkRaw(path, comm *byte) (pid uintptr, errno syscall.Errno) {
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(comm)), 0)
	cwd := unix.AT_FDCWD
	_, _, _ = syscall.RawSyscall6(unix.SYS_OPENAT, uintptr(cwd), uintptr(unsafe.Pointer(path)), unix.O_WRONLY, 0, 0, 0)
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}
