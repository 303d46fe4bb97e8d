package kernel_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// eventLog reads births and deaths, by the names that a test gave its sockets.
type eventLog struct {
	kernels []live
	names   map[listener.Cookie]string
	last    map[listener.Tier][]listener.Event
}

func newEventLog(t *testing.T, f *field) *eventLog {
	e := &eventLog{
		kernels: f.ticking(), names: make(map[listener.Cookie]string),
		last: make(map[listener.Tier][]listener.Event),
	}
	for _, k := range e.kernels {
		e.read(t, k)
	}
	return e
}

func (e *eventLog) name(name string, l *livetest.Listener) {
	e.names[listener.Cookie(l.Cookie)] = name
}

// read gives what has happened to the sockets of this process since the last call. Nothing
// may have happened but what the test did.
func (e *eventLog) read(t *testing.T, k live) []string {
	t.Helper()
	events, err := k.Events()
	if err != nil {
		t.Fatal(err)
	}
	e.last[k.tier] = nil
	var names []string
	for _, ev := range events {
		name, known := e.names[ev.Cookie]
		if !known && ev.PID != os.Getpid() {
			continue // another process of this host
		}
		if !known {
			name = "an unknown socket"
		}
		verb := "began"
		if ev.Kind == listener.ListenEnded {
			verb = "ended"
		}
		names = append(names, name+" "+verb)
		e.last[k.tier] = append(e.last[k.tier], ev)
	}
	return names
}

func (e *eventLog) want(t *testing.T, what string, want ...string) {
	t.Helper()
	for _, k := range e.kernels {
		if diff := cmp.Diff(want, e.read(t, k)); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", k.tier, what, diff)
		}
	}
}

func (e *eventLog) wantListening(t *testing.T, what string, l *livetest.Listener, want bool) {
	t.Helper()
	for _, k := range e.kernels {
		if _, samples := look(t, k); (samples[l.Inode].Cookie != 0) != want {
			t.Errorf("%s, %s: listening is %v in a look, want %v", k.tier, what, !want, want)
		}
	}
}

func testBirthsAndDeaths(t *testing.T, f *field) {
	ns := f.netns(t)
	e := newEventLog(t, f)

	a := ns.Bind(livetest.Listen{})
	e.name("a", a)
	relisten(t, a, 7)
	e.want(t, "listen()", "a began")
	for _, k := range e.kernels {
		checkBirth(t, k, e.last[k.tier], a)
	}

	// Its children go LISTEN -> SYN_RECV, and end like any connection.
	c := ns.Dial(livetest.Dial{To: a.Dest(livetest.V4)})
	a.Accept()
	c.Close()
	e.want(t, "accept()")

	relisten(t, a, 9)
	e.want(t, "listen() with another backlog")
	for _, k := range e.kernels {
		if s := sampleOf(t, k, a); s.Backlog != 9 {
			t.Errorf("%s: backlog %d after listen(9)", k.tier, s.Backlog)
		}
	}

	a.Shutdown()
	e.want(t, "shutdown()", "a ended")
	e.wantListening(t, "shutdown()", a, false)
	relisten(t, a, 7)
	e.want(t, "listen() again", "a began")
	e.wantListening(t, "listen() again", a, true)
	a.Disconnect()
	e.want(t, "disconnect", "a ended")
	e.wantListening(t, "disconnect", a, false)
	relisten(t, a, 7)
	a.Close()
	e.want(t, "listen() and close()", "a began", "a ended")
	e.wantListening(t, "close()", a, false)
}

// checkBirth compares a birth with the caller of listen(), and with the look that confirms
// it.
func checkBirth(t *testing.T, k live, events []listener.Event, l *livetest.Listener) {
	t.Helper()
	if len(events) != 1 {
		t.Fatalf("%s: %d events", k.tier, len(events))
	}
	ev, s := events[0], sampleOf(t, k, l)
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	at, known := s.ListenedAt.Get()
	// Each reading computes the wall time anew; a wrong clock would be hours off.
	if !known || at.Sub(ev.At).Abs() > time.Minute {
		t.Errorf("%s: born at %v; the look says %v, %v", k.tier, ev.At, at, known)
	}
	// By the same clock, this process was forked before it listened.
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	process, sinceBoot := processOf(t, k, os.Getpid()), time.Duration(now.Nano())
	if forked := process.Forked; ev.SinceBoot <= forked || ev.SinceBoot > sinceBoot {
		t.Errorf("%s: born %v after boot by a process forked at %v, now it is %v", k.tier, ev.SinceBoot, forked, sinceBoot)
	}
	want := listener.Event{
		Kind: listener.ListenBegan, Key: s.Key, Cookie: listener.Cookie(l.Cookie), At: ev.At, SinceBoot: ev.SinceBoot,
		PID: os.Getpid(), UID: uint32(os.Geteuid()), Comm: strings.TrimSpace(string(comm)), Execs: process.Execs,
	}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Errorf("%s: birth (-want +got):\n%s", k.tier, diff)
	}
	if s.Backlog != 7 || s.Cookie != want.Cookie {
		t.Errorf("%s: backlog %d, cookie %s; want 7, %s", k.tier, s.Backlog, s.Cookie, want.Cookie)
	}
}

// A listen() that fails shows a birth and a death, and no look confirms it.
func testListenThatFails(t *testing.T, f *field) {
	ns := f.netns(t)
	first := ns.Bind(livetest.Listen{})
	second := ns.Bind(livetest.Listen{Port: first.Port()})
	e := newEventLog(t, f)
	e.name("first", first)
	e.name("second", second)
	relisten(t, first, 0)
	if err := second.Listen(0); err == nil {
		t.Fatalf("two sockets listen on %s", first.Addr)
	}
	e.want(t, "the port is taken", "first began", "second began", "second ended")
	e.wantListening(t, "first", first, true)
	e.wantListening(t, "second", second, false)
}

// An MPTCP socket and its TCP listener are one birth and one death.
func testBirthOfMPTCP(t *testing.T, f *field) {
	ns := f.netns(t)
	e := newEventLog(t, f)
	m := ns.Listen(livetest.Listen{MPTCP: true})
	for _, k := range e.kernels {
		e.names[sampleOf(t, k, m).Cookie] = "mptcp"
	}
	e.want(t, "listen()", "mptcp began")
	for _, k := range e.kernels {
		s, ev := sampleOf(t, k, m), e.last[k.tier]
		if len(ev) != 1 || !s.MPTCP || s.Local != m.Addr || ev[0].Key != s.Key || ev[0].PID != os.Getpid() {
			t.Errorf("%s: %+v\n%+v\nare not of one MPTCP listener on %s", k.tier, ev, s, m.Addr)
		}
	}
	m.Shutdown()
	e.want(t, "shutdown()", "mptcp ended")
	relisten(t, m, 0)
	e.want(t, "listen() again", "mptcp began")
	m.Close()
	e.want(t, "close()", "mptcp ended")
}

// A socket that nobody bound gets its port from listen(), after its birth.
func testBirthWithoutBind(t *testing.T, f *field) {
	l := f.netns(t).Unbound(livetest.Listen{})
	relisten(t, l, 0)
	for _, k := range f.kernels {
		if s := sampleOf(t, k, l); s.Local != l.Addr || s.Local.Port() == 0 {
			t.Errorf("%s: listens on %s; the look says %s", k.tier, l.Addr, s.Local)
		}
	}
}

func relisten(t *testing.T, l *livetest.Listener, backlog int) {
	t.Helper()
	if err := l.Listen(backlog); err != nil {
		t.Fatal(err)
	}
}
