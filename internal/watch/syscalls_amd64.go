package watch

import "golang.org/x/sys/unix"

// olderCalls gives the kinds of the calls that arm64 never had.
func olderCalls(number int) (call, bool) {
	switch number {
	case unix.SYS_OPEN, unix.SYS_CREAT:
		return callOpen, true
	case unix.SYS_PAUSE:
		return callPause, true
	case unix.SYS_POLL:
		return callPoll, true
	case unix.SYS_SELECT:
		return callSelect, true
	case unix.SYS_EPOLL_WAIT:
		return callEpoll, true
	case unix.SYS_VFORK, unix.SYS_FORK:
		return callFork, true
	default:
		return callOther, false
	}
}
