package watch

import "golang.org/x/sys/unix"

// call is what a system call is about, as far as that tells what is waited for in it.
type call int

const (
	callOther call = iota
	callOpen
	callRead    // from the descriptor that is its first argument
	callReceive // the same, of a socket; a timeout may be set on that
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
	callPoll  // timeout in ms as the third argument
	callPpoll // a pointer to it
	callSelect
	callEpoll
	callResumed // what a signal interrupted, and that had a timeout
)

// callOf names a system call of this machine's own numbers.
func callOf(number int) call {
	if c, known := olderCalls(number); known {
		return c
	}
	return map[int]call{
		unix.SYS_OPENAT: callOpen, unix.SYS_OPENAT2: callOpen,
		unix.SYS_READ: callRead, unix.SYS_READV: callRead, unix.SYS_PREAD64: callRead,
		unix.SYS_RECVFROM: callReceive, unix.SYS_RECVMSG: callReceive,
		unix.SYS_WRITE: callWrite, unix.SYS_WRITEV: callWrite, unix.SYS_PWRITE64: callWrite,
		unix.SYS_SENDTO: callSend, unix.SYS_SENDMSG: callSend, unix.SYS_SENDMMSG: callSend, unix.SYS_SENDFILE: callSend,
		unix.SYS_ACCEPT: callAccept, unix.SYS_ACCEPT4: callAccept, unix.SYS_CONNECT: callConnect,
		unix.SYS_FUTEX: callFutex, unix.SYS_RT_SIGSUSPEND: callPause, unix.SYS_RT_SIGTIMEDWAIT: callSigwait,
		unix.SYS_NANOSLEEP: callSleep, unix.SYS_CLOCK_NANOSLEEP: callSleep,
		unix.SYS_WAIT4: callChild, unix.SYS_WAITID: callChild, unix.SYS_CLONE: callFork, unix.SYS_CLONE3: callFork,
		unix.SYS_FLOCK: callFlock, unix.SYS_FCNTL: callFcntl,
		unix.SYS_PPOLL: callPpoll, unix.SYS_PSELECT6: callSelect,
		unix.SYS_EPOLL_PWAIT: callEpoll, unix.SYS_EPOLL_PWAIT2: callEpoll,
		unix.SYS_RESTART_SYSCALL: callResumed,
	}[number]
}
