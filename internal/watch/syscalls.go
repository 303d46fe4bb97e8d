package watch

import "golang.org/x/sys/unix"

// call is the kind of a system call, as far as that tells what a thread waits for in it.
type call int

const (
	callOther call = iota
	callOpen
	callRead    // its first argument is the descriptor
	callReceive // the same of a socket, which may have a timeout
	callWrite
	callSend
	callAccept
	callConnect
	callFutex
	callPause
	callSigwait
	callSleep
	callChild
	callFork
	callFlock
	callFcntl
	callPoll  // its third argument is a timeout in ms
	callPpoll // its third argument points to a timeout
	callSelect
	callEpoll
	callResumed // a call with a timeout that a signal interrupted
)

// callOf gives the kind of a system call by its number on this machine.
func callOf(number int) call {
	if c, known := olderCalls(number); known {
		return c
	}
	switch number {
	case unix.SYS_OPENAT, unix.SYS_OPENAT2:
		return callOpen
	case unix.SYS_READ, unix.SYS_READV, unix.SYS_PREAD64:
		return callRead
	case unix.SYS_RECVFROM, unix.SYS_RECVMSG:
		return callReceive
	case unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_PWRITE64:
		return callWrite
	case unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_SENDFILE:
		return callSend
	case unix.SYS_ACCEPT, unix.SYS_ACCEPT4:
		return callAccept
	case unix.SYS_CONNECT:
		return callConnect
	case unix.SYS_FUTEX:
		return callFutex
	case unix.SYS_RT_SIGSUSPEND:
		return callPause
	case unix.SYS_RT_SIGTIMEDWAIT:
		return callSigwait
	case unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP:
		return callSleep
	case unix.SYS_WAIT4, unix.SYS_WAITID:
		return callChild
	case unix.SYS_CLONE, unix.SYS_CLONE3:
		return callFork
	case unix.SYS_FLOCK:
		return callFlock
	case unix.SYS_FCNTL:
		return callFcntl
	case unix.SYS_PPOLL:
		return callPpoll
	case unix.SYS_PSELECT6:
		return callSelect
	case unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2:
		return callEpoll
	case unix.SYS_RESTART_SYSCALL:
		return callResumed
	default:
		return callOther
	}
}
