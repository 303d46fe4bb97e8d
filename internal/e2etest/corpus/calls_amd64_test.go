package corpus

import "golang.org/x/sys/unix"

// What the C library makes of its functions differs.
const (
	callPause     = unix.SYS_PAUSE
	callPoll      = unix.SYS_POLL
	callEpollWait = unix.SYS_EPOLL_WAIT
	callVfork     = unix.SYS_VFORK
)
