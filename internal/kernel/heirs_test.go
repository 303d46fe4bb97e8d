package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// heirs is a group whose first member is to close, and its program.
type heirs struct {
	t     *testing.T
	group []*livetest.Listener
	m     *kernel.Migration
}

// queued makes a group of four with clients that wait on each, and attaches a program
// with these members as heirs.
func queued(t *testing.T, only bool, members ...int) *heirs {
	t.Helper()
	livetest.Root(t)
	const each = 120
	ns := livetest.Netns(t)
	h := &heirs{t: t, group: ns.Group(4, livetest.Listen{})}
	ns.DialMany(each, livetest.Dial{To: h.group[0].Dest(livetest.V4), Word: true})
	livetest.AwaitQueue(each, h.group...)
	h.attach(only, members...)
	return h
}

func (h *heirs) attach(only bool, members ...int) {
	h.t.Helper()
	o := listener.Moving{Only: only}
	for _, i := range members {
		o.Heirs = append(o.Heirs, h.group[i].FD)
	}
	h.m = migrate(h.t, h.group[0], o)
}

func (h *heirs) queues() (q [4]int) {
	for i, l := range h.group {
		q[i] = l.Queue()
	}
	return q
}

// Clients come to heirs and to no other member.
func TestHeirsOnly(t *testing.T) {
	h := queued(t, true, 1, 2)
	before := h.queues()
	h.group[0].Shutdown()
	after := h.queues()
	kept := after[1]+after[2] == before[0]+before[1]+before[2]
	if !kept || after[3] != before[3] || after[1] == before[1] || after[2] == before[2] {
		t.Errorf("%v, then %v: want those of the first with the second and third", before, after)
	}
}

// If the last heir has gone, strangers get no client; if there are no strangers, the other
// members get the clients.
func TestHeirsThatHaveGone(t *testing.T) {
	for name, only := range map[string]bool{"strangers": true, "no strangers": false} {
		t.Run(name, func(t *testing.T) {
			h := queued(t, only, 1)
			h.group[1].Shutdown() // whose own clients the program lets go, or moves, as well
			before := h.queues()
			h.group[0].Shutdown()
			after := h.queues()
			if got, all := after[2]+after[3]-before[2]-before[3], before[0]; only && got != 0 || !only && got != all {
				t.Errorf("%v, then %v: %d moved of %d", before, after, got, all)
			}
		})
	}
}

// An heir is in one program's map at a time: the next act on the group takes it over.
func TestHeirsReleased(t *testing.T) {
	h := queued(t, true, 1)
	if m, err := kernel.LoadMigration(listener.Moving{Only: true, Heirs: []int{h.group[1].FD}}); err == nil {
		_ = m.Close()
		t.Fatal("an heir is in two maps")
	}
	if err := h.m.Release(); err != nil {
		t.Fatal(err)
	}
	h.attach(true, 1)
	before := h.queues()
	h.group[0].Shutdown()
	if after := h.queues(); after[1] != before[0]+before[1] {
		t.Errorf("%v, then %v: want all with the second", before, after)
	}
}
