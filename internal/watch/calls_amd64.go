package watch

import "golang.org/x/sys/unix"

// olderCalls are those that arm64 never had.
func olderCalls(number int) (call, bool) {
	c, known := map[int]call{
		unix.SYS_OPEN: callOpen, unix.SYS_CREAT: callOpen, unix.SYS_PAUSE: callPause, unix.SYS_POLL: callPoll, unix.SYS_SELECT: callSelect,
		unix.SYS_EPOLL_WAIT: callEpoll, unix.SYS_VFORK: callFork, unix.SYS_FORK: callFork,
	}[number]
	return c, known
}
