package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// A group with the program attached gives the clients of a member that closes
// to its siblings, whatever net.ipv4.tcp_migrate_req says, but for those who
// have gone, wherever they stand in the queue.
func TestMigration(t *testing.T) {
	livetest.Root(t)
	for name, family := range map[string]livetest.Family{"v4": livetest.V4, "v6": livetest.V6} {
		for end, leave := range map[string]func(*livetest.Conn){"FIN": (*livetest.Conn).Close, "RST": (*livetest.Conn).Reset} {
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
				m, err := kernel.LoadMigration()
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				if err := unix.SetsockoptInt(dying.FD, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, m.FD()); err != nil {
					t.Fatal(err)
				}
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
