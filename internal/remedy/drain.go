package remedy

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// drain accepts and resets the clients at the head of the queue that have gone, by a
// duplicate of the descriptor. It ends at the first client that still waits, for a queue
// gives its clients only in their order.
func (a *Actor) drain(ctx context.Context, t *target) error {
	j := &t.act.Judgement
	fd, err := t.proc.descriptor(&j.Sample, t.act.Owner.FD)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	drained := 0
	for {
		clients, err := a.Kernel.Clients(j.Listener, math.MaxInt)
		if err != nil {
			return fmt.Errorf("see who waits on listener %s: %w", j.Cookie, err)
		}
		stale := 0
		for stale < len(clients.Oldest) && clients.Oldest[stale].Gone != listener.NotGone {
			stale++
		}
		t.act.Rescued = listener.Known(clients.Total - clients.Gone)
		for range stale {
			if err := acceptAndReset(fd); err != nil {
				return fmt.Errorf("let the clients of listener %s go that have gone: %w", j.Cookie, err)
			}
		}
		drained += stale
		if ctx.Err() != nil || stale < len(clients.Oldest) || clients.Total == len(clients.Oldest) {
			break
		}
	}
	t.act.Stale = listener.Known(drained)
	if drained == 0 {
		return nil
	}
	// Our own accepts have changed the head.
	now, there, err := a.Kernel.Sample(j.Listener)
	if err != nil {
		return fmt.Errorf("look at listener %s without those that have gone: %w", j.Cookie, err)
	}
	if there {
		next := *j.Listener
		next.Head, next.Queue, next.OldestWait = now.Head, now.Queue, now.OldestWait
		j.Listener = &next
	}
	return nil
}

// acceptAndReset accepts one client and resets it. It polls first: accept would block on a
// queue that somebody else has emptied meanwhile.
func acceptAndReset(fd int) error {
	waiting := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(waiting, 0); err != nil || n == 0 {
		return err
	}
	conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
	if errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	_ = unix.SetsockoptLinger(conn, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	return unix.Close(conn)
}
