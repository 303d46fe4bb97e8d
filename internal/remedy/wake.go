package remedy

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	wakeRounds = 10
	wakePause  = 30 * time.Millisecond
)

// wake pokes members that got clients and do not accept them: kernels before 3864c6b
// (2026-04, "tcp: call sk_data_ready() after listener migration") wake nobody who sleeps in
// epoll. The hash chooses the member that a connection pokes, so it takes several, which are
// closed at once. Where there are strangers none is made, for the hash might choose one of
// them. There the next client of its own wakes a sibling.
func (r *rescue) wake(ctx context.Context) {
	for _, g := range r.groups {
		if g.strange || g.program == nil && !g.bySysctl() {
			continue
		}
		heads := make(map[listener.Cookie]listener.Head)
		for range wakeRounds {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wakePause):
			}
			asleep, waiting := false, false
			for _, m := range g.members {
				if !g.heirs[m.Cookie] {
					continue
				}
				now, there, err := r.actor.Kernel.Sample(m)
				if err != nil {
					r.actor.Warn(fmt.Errorf("see whether member %s takes its new clients: %w", m.Cookie, err))
					return
				}
				if !there || now.Queue == 0 {
					continue
				}
				waiting = true
				asleep = asleep || heads[m.Cookie] == now.Head
				heads[m.Cookie] = now.Head
			}
			if !waiting {
				break
			}
			if asleep {
				_ = r.held.namespace().Do(func() error { return poke(g.leaving, 4*len(g.members)) })
			}
		}
	}
}

// poke connects to the group, and sends nothing.
func poke(l *listener.Listener, times int) error {
	to := l.Local
	if to.Addr().IsUnspecified() {
		addr := netip.IPv6Loopback()
		if to.Addr().Is4() || !l.V6Only {
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		to = netip.AddrPortFrom(addr, to.Port())
	}
	domain, sa := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(to.Port())})
	if to.Addr().Is4() {
		sa.(*unix.SockaddrInet4).Addr = to.Addr().As4()
	} else {
		domain, sa = unix.AF_INET6, &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	}
	for range times {
		fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		_ = unix.Connect(fd, sa) // on this host it completes at once, or is of no use
		unix.Close(fd)
	}
	return nil
}
