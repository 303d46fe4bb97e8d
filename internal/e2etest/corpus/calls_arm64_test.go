package corpus

import "golang.org/x/sys/unix"

// What the C library makes of its functions differs.
const (
	callPause     = unix.SYS_PPOLL
	callPoll      = unix.SYS_PPOLL
	callEpollWait = unix.SYS_EPOLL_PWAIT
	callVfork     = unix.SYS_CLONE
)
