package livetest

import (
	"os"
	"strings"
	"testing"
)

// A test's namespace must not become that of the process, which is its main
// thread's: the runtime never ends that thread.
func TestMainThreadStaysAtHome(t *testing.T) {
	Root(t)
	home := readlink(t, "/proc/self/ns/net")
	for range 50 {
		t.Run("", func(t *testing.T) {
			ns := Netns(t)
			if here := readlink(t, "/proc/self/ns/net"); here != home {
				t.Fatalf("the process is in %s, was in %s", here, home)
			}
			var inside string
			ns.Do(func() { inside = readlink(t, "/proc/thread-self/ns/net") })
			if inside == home || inside != readlink(t, ns.Path) {
				t.Fatalf("a thread of the namespace is in %s; home is %s, the namespace %s", inside, home, readlink(t, ns.Path))
			}
		})
	}
}

func readlink(t *testing.T, path string) string {
	t.Helper()
	to, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// Whatever a test made has gone after it, also where the test ended early.
func TestNothingIsLeft(t *testing.T) {
	Root(t)
	work := func(t *testing.T) {
		ns := Netns(t)
		server := ns.Listen(Listen{}).Serve(Service{Echo: true, Hold: true})
		ns.Dial(Dial{To: server.Dest(V4), Word: true, Echo: true})
		never := ns.Listen(Listen{Family: V6})
		ns.Dial(Dial{To: never.Dest(V6)})
		SleepInPoll(t, never.FD, 0)
		Epoll(t, never.FD, 0).Sleep(2)
		Hold(t, never.FD)
		t.SkipNow() // as FailNow would end it, and fail nothing
	}
	t.Run("first", work) // what the runtime keeps for ever it makes now
	before := left(t)
	for range 10 {
		t.Run("", work)
	}
	if after := left(t); after != before {
		t.Errorf("left over: %s; before %s", after, before)
	}
}

// left names what this process has open.
func left(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil {
			kind, _, _ := strings.Cut(to, "[")
			names = append(names, e.Name()+" "+kind)
		}
	}
	return strings.Join(names, ", ")
}

// Servers and clients agree on what went on, by the kernel's own counters.
func TestServersAndClients(t *testing.T) {
	const n = 50
	for name, c := range map[string]struct {
		listen Listen
		dial   Dial
		family Family
	}{
		"v4":    {},
		"v6":    {Listen{Family: V6}, Dial{}, V6},
		"dual":  {Listen{Family: Dual}, Dial{}, V4},
		"mptcp": {Listen{MPTCP: true}, Dial{MPTCP: true}, V4},
	} {
		t.Run(name, func(t *testing.T) {
			ns := Netns(t)
			server := ns.Listen(c.listen).Serve(Service{Echo: true})
			c.dial.To, c.dial.Word, c.dial.Echo = server.Dest(c.family), true, true
			ns.DialMany(n, c.dial)
			if got := server.Accepted(); got != n {
				t.Errorf("%d accepted, want %d", got, n)
			}
			if got := ns.Counter("Tcp", "PassiveOpens"); got != n {
				t.Errorf("the kernel opened %d, want %d", got, n)
			}
			if c.dial.MPTCP && ns.Counter("MPTcpExt", "MPCapableSYNRX") != n {
				t.Errorf("%d spoke MPTCP, want %d", ns.Counter("MPTcpExt", "MPCapableSYNRX"), n)
			}
		})
	}
}

func TestQueueAndSysctl(t *testing.T) {
	ns, other := Netns(t), Netns(t)
	ns.Sysctl("net.core.somaxconn", "2")
	l, free := ns.Listen(Listen{}), other.Listen(Listen{})
	for range 3 {
		ns.Dial(Dial{To: l.Dest(V4)})
		other.Dial(Dial{To: free.Dest(V4)})
	}
	if _, err := ns.TryDial(Dial{To: l.Dest(V4), Patience: 1}); err == nil {
		t.Error("a fourth connected where the limit is 2 and one more")
	}
	other.Dial(Dial{To: free.Dest(V4)})
	if l.Queue() != 3 || free.Queue() != 4 {
		t.Errorf("%d and %d wait, want 3 and 4", l.Queue(), free.Queue())
	}
	l.Accept()
	if l.Queue() != 2 {
		t.Errorf("%d wait after an accept, want 2", l.Queue())
	}
}
