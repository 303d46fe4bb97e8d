package remedy

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// mixed is a group of a dead member, in a process of its own, a sibling of it and a stranger,
// which only wait.
type mixed struct {
	t                  *testing.T
	ns                 *livetest.Namespace
	dead, own, strange *livetest.Listener
	holder             *livetest.Holder
	more               []*livetest.Listener // siblings of its own too
	watcher            *watch.Watcher
	actor              *Actor
	acts               []*listener.Act
}

func (m *mixed) Intend(_ context.Context, acts []*listener.Act, _ *Judged) error {
	m.acts = acts
	return nil
}

func (m *mixed) Done(*listener.Act) {}
func (m *mixed) Untouched()         {}

func newMixed(t *testing.T, size int, o livetest.Listen, action listener.Action, change func(*Options)) *mixed {
	t.Helper()
	ns := livetest.Netns(t)
	group := ns.Group(size, o)
	m := &mixed{
		t: t, ns: ns, dead: group[0], own: group[1], strange: group[2], more: group[3:],
		holder: livetest.Hold(t, group[0].FD),
	}
	k, err := kernel.Open(kernel.Options{Tier: listener.TierQueues, Namespaces: livetest.Only(ns)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	m.watcher = watch.New(k, watch.Options{
		Interval: time.Hour, Tier: listener.TierQueues, Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
	})
	if _, err := m.watcher.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = m.watcher.Run(ctx, func(*listener.Snapshot, []watch.Change) {})
	}()
	opts := Options{
		Refresh: m.watcher.Refresh, Kernel: k, Keeper: journal.NewDir(t.TempDir()), TermGrace: time.Second, Witness: m,
		LoadMigration: func(o listener.Moving) (Migration, error) { return kernel.LoadMigration(o) },
		Disarmed:      func() bool { return false },
		Warn:          func(err error) { t.Error(err) },
		Judge: func(s *listener.Snapshot) []listener.Judgement {
			return []listener.Judgement{m.judgement(s, action)}
		},
		Siblings: func(s *listener.Snapshot, l *listener.Listener) []*listener.Listener {
			isStrange := func(o *listener.Listener) bool { return o.Inode == m.strange.Inode }
			return slices.DeleteFunc(slices.Collect(s.Siblings(l)), isStrange)
		},
	}
	if change != nil {
		change(&opts)
	}
	m.actor = New(opts)
	t.Cleanup(func() {
		m.actor.Close()
		stop()
		<-ended
	})
	return m
}

func (m *mixed) judgement(s *listener.Snapshot, action listener.Action) listener.Judgement {
	i := slices.IndexFunc(s.Listeners, func(l *listener.Listener) bool { return l.Inode == m.dead.Inode })
	if i < 0 {
		m.t.Fatal("the dead one is not seen")
	}
	return listener.Judgement{
		Listener: s.Listeners[i], At: time.Now(), Verdict: listener.Stuck, Culprit: m.holder.PID,
		Decision: &listener.Decision{Act: action},
	}
}

// halfOpen counts the handshakes that a member has under way.
func (m *mixed) halfOpen(of *livetest.Listener) int {
	m.t.Helper()
	s, err := m.watcher.Refresh(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, l := range s.Listeners {
		if l.Inode == of.Inode {
			return int(l.HalfOpen)
		}
	}
	m.t.Fatal("a member is not seen")
	return 0
}

// act acts on the dead member, and gives the words about its rescue.
func (m *mixed) act() string {
	m.t.Helper()
	m.dead.Close() // its process has it
	s, err := m.watcher.Refresh(m.t.Context())
	if err == nil {
		err = m.actor.Act(m.t.Context(), m.actor.Judge(s)[0])
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return m.acts[0].Rescue
}

// handshakesEnd waits until all of them are connections, and asks who has how many.
func (m *mixed) handshakesEnd(own, strange int) {
	m.t.Helper()
	livetest.Eventually(m.t, "the handshakes have an end", func() bool {
		return m.own.Queue() >= own && m.strange.Queue() >= strange
	})
	if m.own.Queue() != own || m.strange.Queue() != strange {
		m.t.Errorf("%d and %d wait with the sibling and the stranger, want %d and %d",
			m.own.Queue(), m.strange.Queue(), own, strange)
	}
}

// TestStrangersGetNobody: the clients of the dead member come to its sibling, and to no other
// member of the group; handshakes too, if these are moved.
func TestStrangersGetNobody(t *testing.T) {
	livetest.Root(t)
	const each = 90
	for _, action := range []listener.Action{listener.Kill, listener.Close} {
		for name, halfOpen := range map[string]bool{"handshakes moved": true, "handshakes let go": false} {
			t.Run(string(action)+", "+name, func(t *testing.T) {
				m := newMixed(t, 3, livetest.Listen{DeferAccept: 30}, action, func(o *Options) { o.MoveHalfOpen = halfOpen })
				m.ns.DialMany(each, livetest.Dial{To: m.own.Dest(livetest.V4), Word: true})
				livetest.AwaitQueue(each, m.dead, m.own, m.strange)
				dead, own, strange := m.dead.Queue(), m.own.Queue(), m.strange.Queue()
				half := m.ns.DialMany(each, livetest.Dial{To: m.own.Dest(livetest.V4)})
				ownHalf, strangeHalf := m.halfOpen(m.own), m.halfOpen(m.strange)
				rescue := m.act()
				if m.own.Queue() != own+dead || m.strange.Queue() != strange || dead == 0 {
					t.Errorf("%d came to the sibling and %d to the stranger of %d: %s",
						m.own.Queue()-own, m.strange.Queue()-strange, dead, rescue)
				}
				if got := m.acts[0].Rescued.Or(-1); got != dead {
					t.Errorf("%d told as rescued, want %d", got, dead)
				}
				if strings.Contains(rescue, "let go") == halfOpen || m.actor.HalfOpen() != halfOpen {
					t.Errorf("handshakes are moved %v, a window is open %v: %s", halfOpen, m.actor.HalfOpen(), rescue)
				}
				want := own + dead + ownHalf
				if halfOpen {
					want += each - ownHalf - strangeHalf
				}
				for _, c := range half {
					c.Send()
				}
				m.handshakesEnd(want, strange+strangeHalf)
			})
		}
	}
}

// TestStrangersAlone: without a sibling no client is moved, and the act says why. The same
// holds if only the sysctl could move them, as for MPTCP.
func TestStrangersAlone(t *testing.T) {
	livetest.Root(t)
	for name, c := range map[string]struct {
		listen   livetest.Listen
		siblings func(*listener.Snapshot, *listener.Listener) []*listener.Listener
		says     string
	}{
		"none is its own": {
			siblings: func(*listener.Snapshot, *listener.Listener) []*listener.Listener { return nil }, says: amongStrangers,
		},
		"MPTCP": {listen: livetest.Listen{MPTCP: true}, says: besideStrangers},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMixed(t, 3, c.listen, listener.Close, func(o *Options) {
				if c.siblings != nil {
					o.Siblings = c.siblings
				}
			})
			const each = 60
			m.ns.DialMany(each, livetest.Dial{To: m.own.Dest(livetest.V4), Word: true})
			livetest.AwaitQueue(each, m.dead, m.own, m.strange)
			own, strange := m.own.Queue(), m.strange.Queue()
			rescue := m.act()
			if rescue != "refused: "+c.says {
				t.Errorf("rescue: %q", rescue)
			}
			if m.own.Queue() != own || m.strange.Queue() != strange {
				t.Errorf("%d and %d came to others", m.own.Queue()-own, m.strange.Queue()-strange)
			}
			if v := m.ns.ReadSysctl("net.ipv4.tcp_migrate_req"); v != "0" {
				t.Errorf("net.ipv4.tcp_migrate_req is %s", v)
			}
		})
	}
}

// TestStrangersInTheWindow: while handshakes may still come to the heirs of one act, the
// next one on the group has the same heirs.
func TestStrangersInTheWindow(t *testing.T) {
	livetest.Root(t)
	const each = 90
	m := newMixed(t, 4, livetest.Listen{DeferAccept: 30}, listener.Close, func(o *Options) { o.MoveHalfOpen = true })
	second := m.more[0]
	m.ns.DialMany(each, livetest.Dial{To: m.own.Dest(livetest.V4), Word: true})
	livetest.AwaitQueue(each, m.dead, m.own, m.strange, second)
	strange := m.strange.Queue()
	half := m.ns.DialMany(each, livetest.Dial{To: m.own.Dest(livetest.V4)})
	strangeHalf := m.halfOpen(m.strange)
	m.act()
	m.holder, m.dead = livetest.Hold(t, second.FD), second
	if rescue := m.act(); !m.actor.HalfOpen() || !strings.HasPrefix(rescue, "moved") {
		t.Errorf("a window is open %v: %s", m.actor.HalfOpen(), rescue)
	}
	if m.own.Queue() != each-strange || m.strange.Queue() != strange {
		t.Errorf("%d and %d wait, want %d and %d", m.own.Queue(), m.strange.Queue(), each-strange, strange)
	}
	for _, c := range half {
		c.Send()
	}
	want := each - strange + each - strangeHalf
	m.handshakesEnd(want, strange+strangeHalf)
}
