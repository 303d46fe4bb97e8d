package kernel_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// migrate attaches a program to the group of a listener.
func migrate(t *testing.T, of *livetest.Listener, o listener.Moving) *kernel.Migration {
	t.Helper()
	m, err := kernel.LoadMigration(o)
	if err == nil {
		t.Cleanup(func() { _ = m.Close() })
		err = unix.SetsockoptInt(of.FD, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, m.FD())
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A group with the program attached gives the clients of a member that closes to other
// members, whatever net.ipv4.tcp_migrate_req says, except clients that have gone, wherever
// they stand in the queue.
func TestMigration(t *testing.T) {
	livetest.Root(t)
	for name, family := range map[string]livetest.Family{"v4": livetest.V4, "v6": livetest.V6} {
		for end, leave := range map[string]func(*livetest.Conn){
			"FIN": (*livetest.Conn).Close,
			"RST": (*livetest.Conn).Reset,
		} {
			t.Run(name+" "+end, func(t *testing.T) {
				ns := livetest.Netns(t)
				group := ns.Group(2, livetest.Listen{Family: family})
				dying, heir := group[0], group[1]
				gone := 0
				for i := range 80 {
					before := dying.Queue()
					c := ns.Dial(livetest.Dial{To: heir.Dest(family), Word: true})
					if i%3 == 0 && dying.Queue() > before {
						leave(c)
						gone++
					}
				}
				left, own := dying.Queue(), heir.Queue()
				m := migrate(t, dying, listener.Moving{})
				dying.Shutdown()
				got, err := m.Rescued()
				if err != nil {
					t.Fatal(err)
				}
				if want := (listener.Rescued{Moved: left - gone, Gone: gone}); got != want || gone == 0 {
					t.Errorf("%+v, want %+v", got, want)
				}
				if heir.Queue() != own+left-gone {
					t.Errorf("%d wait with the heir, want %d and %d of %d", heir.Queue(), own, left-gone, left)
				}
			})
		}
	}
}

// Handshakes that are under way are moved if that is asked for, and dropped if not. Queued
// clients are moved either way.
func TestMigrationHalfOpen(t *testing.T) {
	livetest.Root(t)
	for name, moved := range map[string]bool{"moved": true, "let go": false} {
		t.Run(name, func(t *testing.T) {
			const each = 40
			ns := livetest.Netns(t)
			group := ns.Group(2, livetest.Listen{DeferAccept: 30})
			dying, heir := group[0], group[1]
			ns.DialMany(each, livetest.Dial{To: heir.Dest(livetest.V4), Word: true})
			livetest.AwaitQueue(each, group...)
			left, own := dying.Queue(), heir.Queue()
			half := ns.DialMany(each, livetest.Dial{To: heir.Dest(livetest.V4)})
			m := migrate(t, dying, listener.Moving{HalfOpen: moved})
			dying.Shutdown()
			for _, c := range half {
				c.Send()
			}
			came, reset := 0, 0
			livetest.Eventually(t, "every handshake has an end", func() bool {
				came, reset = heir.Queue()-own-left, resets(half)
				return came+reset == each
			})
			got, err := m.Rescued()
			if err != nil {
				t.Fatal(err)
			}
			if got.Moved != left || (got.HalfOpen > 0) != moved {
				t.Errorf("%+v, want %d moved, and of those under way some: %v", got, left, moved)
			}
			if came == 0 || (reset == 0) != moved {
				t.Errorf("%d of %d handshakes came to the heir, %d were reset", came, each, reset)
			}
		})
	}
}

// resets counts the clients whose connection the kernel has reset.
func resets(clients []*livetest.Conn) (n int) {
	for _, c := range clients {
		fds := []unix.PollFd{{Fd: int32(c.FD)}}
		if _, err := unix.Poll(fds, 0); err == nil && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			n++
		}
	}
	return n
}

// Of the kernels that Debian has, 6.12 has the fixes and 6.1 does not.
func TestMovesHalfOpenHere(t *testing.T) {
	got, err := kernel.MovesHalfOpen()
	if err != nil {
		t.Fatal(err)
	}
	livetest.Fact("half-open", got)
	if !livetest.InVM() {
		return
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	if release := unix.ByteSliceToString(u.Release[:]); got != strings.HasPrefix(release, "6.12.") {
		t.Errorf("%s: %v (%s)", release, got, unix.ByteSliceToString(u.Version[:]))
	}
}
