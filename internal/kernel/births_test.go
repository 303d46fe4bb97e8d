package kernel_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// eventLog tells births and deaths by the names that a test gave its sockets.
type eventLog struct {
	k     live
	names map[listener.Cookie]string
	all   []listener.Event // of this process, the last ones read
}

func (e *eventLog) name(name string, l *livetest.Listener) {
	e.names[listener.Cookie(l.Cookie)] = name
}

// read gives what happened since the last call, to any socket of this process:
// nothing more may have happened than what a test did.
func (e *eventLog) read(t *testing.T) []string {
	t.Helper()
	events, err := e.k.Events()
	if err != nil {
		t.Fatal(err)
	}
	e.all = nil
	var told []string
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
		told = append(told, name+" "+verb)
		e.all = append(e.all, ev)
	}
	return told
}

func (e *eventLog) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, e.read(t)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (e *eventLog) wantListening(t *testing.T, what string, l *livetest.Listener, want bool) {
	t.Helper()
	if _, samples := look(t, e.k); (samples[l.Inode].Cookie != 0) != want {
		t.Errorf("%s: listening is %v in a look, want %v", what, !want, want)
	}
}

func TestBirthsAndDeaths(t *testing.T) {
	for _, k := range inTiers(t, kernel.Options{}, nil, functions, tracepoints) {
		t.Run(string(k.tier), func(t *testing.T) {
			e := &eventLog{k: k, names: make(map[listener.Cookie]string)}
			ns := livetest.Netns(t)
			e.read(t)

			a := ns.Bind(livetest.Listen{})
			e.name("a", a)
			if err := a.Listen(7); err != nil {
				t.Fatal(err)
			}
			e.want(t, "listen()", "a began")
			checkBirth(t, e, a)

			// Its children go LISTEN -> SYN_RECV, and end like any connection.
			c := ns.Dial(livetest.Dial{To: a.Dest(livetest.V4)})
			a.Accept()
			c.Close()
			e.want(t, "accept()")

			if err := a.Listen(9); err != nil {
				t.Fatal(err)
			}
			e.want(t, "listen() with another backlog")
			if s := sampleOf(t, k, a); s.Backlog != 9 {
				t.Errorf("backlog %d after listen(9)", s.Backlog)
			}

			a.Shutdown()
			e.want(t, "shutdown()", "a ended")
			e.wantListening(t, "shutdown()", a, false)
			if err := a.Listen(7); err != nil {
				t.Fatal(err)
			}
			e.want(t, "listen() again", "a began")
			e.wantListening(t, "listen() again", a, true)
			a.Disconnect()
			e.want(t, "disconnect", "a ended")
			e.wantListening(t, "disconnect", a, false)
			if err := a.Listen(7); err != nil {
				t.Fatal(err)
			}
			a.Close()
			e.want(t, "listen() and close()", "a began", "a ended")
			e.wantListening(t, "close()", a, false)
		})
	}
}

// checkBirth compares a birth with who called listen(), and with the look that
// confirms it.
func checkBirth(t *testing.T, e *eventLog, l *livetest.Listener) {
	t.Helper()
	if len(e.all) != 1 {
		t.Fatalf("%d events", len(e.all))
	}
	ev, s := e.all[0], sampleOf(t, e.k, l)
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	at, known := s.ListenedAt.Get()
	// Each reading works the wall time out anew; a wrong clock would be hours off.
	if !known || at.Sub(ev.At).Abs() > time.Minute {
		t.Errorf("born at %v; the look says %v, %v", ev.At, at, known)
	}
	want := listener.Event{
		Kind: listener.ListenBegan, Key: s.Key, Cookie: listener.Cookie(l.Cookie), At: ev.At,
		PID: os.Getpid(), UID: uint32(os.Geteuid()), Comm: strings.TrimSpace(string(comm)),
	}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Errorf("birth (-want +got):\n%s", diff)
	}
	if s.Backlog != 7 || s.Cookie != want.Cookie {
		t.Errorf("sample has backlog %d, cookie %s; want 7, %s", s.Backlog, s.Cookie, want.Cookie)
	}
}

// A listen() that fails shows a birth and a death, and no look confirms it.
func TestListenThatFails(t *testing.T) {
	for _, k := range inTiers(t, kernel.Options{}, nil, functions, tracepoints) {
		t.Run(string(k.tier), func(t *testing.T) {
			e := &eventLog{k: k, names: make(map[listener.Cookie]string)}
			ns := livetest.Netns(t)
			first := ns.Bind(livetest.Listen{})
			second := ns.Bind(livetest.Listen{Port: first.Port()})
			e.name("first", first)
			e.name("second", second)
			e.read(t)
			if err := first.Listen(0); err != nil {
				t.Fatal(err)
			}
			if err := second.Listen(0); err == nil {
				t.Fatalf("two sockets listen on %s", first.Addr)
			}
			e.want(t, "the port is taken", "first began", "second began", "second ended")
			e.wantListening(t, "first", first, true)
			e.wantListening(t, "second", second, false)
		})
	}
}

// An MPTCP socket and its TCP listener are one birth and one death.
func TestBirthOfMPTCP(t *testing.T) {
	for _, k := range inTiers(t, kernel.Options{}, nil, functions, tracepoints) {
		t.Run(string(k.tier), func(t *testing.T) {
			e := &eventLog{k: k, names: make(map[listener.Cookie]string)}
			ns := livetest.Netns(t)
			e.read(t)
			m := ns.Listen(livetest.Listen{MPTCP: true})
			s := sampleOf(t, k, m)
			e.names[s.Cookie] = "mptcp"
			e.want(t, "listen()", "mptcp began")
			if !s.MPTCP || s.Local != m.Addr || e.all[0].Key != s.Key || e.all[0].PID != os.Getpid() {
				t.Errorf("%+v\n%+v\nare not of one MPTCP listener on %s", e.all[0], s, m.Addr)
			}
			m.Shutdown()
			e.want(t, "shutdown()", "mptcp ended")
			if err := m.Listen(0); err != nil {
				t.Fatal(err)
			}
			e.want(t, "listen() again", "mptcp began")
			m.Close()
			e.want(t, "close()", "mptcp ended")
		})
	}
}

// A socket that nobody bound gets its port from listen(), after its birth.
func TestBirthWithoutBind(t *testing.T) {
	for _, k := range inTiers(t, kernel.Options{}, nil, functions, tracepoints) {
		t.Run(string(k.tier), func(t *testing.T) {
			l := livetest.Netns(t).Unbound(livetest.Listen{})
			if err := l.Listen(0); err != nil {
				t.Fatal(err)
			}
			if s := sampleOf(t, k, l); s.Local != l.Addr || s.Local.Port() == 0 {
				t.Errorf("listens on %s; the look says %s", l.Addr, s.Local)
			}
		})
	}
}
