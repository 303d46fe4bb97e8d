package kernel_test

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// waiting is a client at the head of a queue, which was established between these two times
// by its own clock.
type waiting struct {
	l             *livetest.Listener
	before, after time.Time
}

// wait connects. If the server defers accepts it waits before it sends anything, so that the
// kernel sent the SYN-ACK long before the connection was there.
func wait(ns *livetest.Namespace, l *livetest.Listener, d livetest.Dial, speakAfter time.Duration) waiting {
	w := waiting{l: l, before: time.Now()}
	c := ns.Dial(d)
	if speakAfter > 0 {
		time.Sleep(speakAfter)
		w.before = time.Now()
		c.Send()
	}
	w.after = time.Now()
	// A later client, and one that goes away, change nothing for the head.
	ns.Dial(livetest.Dial{To: d.To, Word: true}).Close()
	return w
}

// The oldest wait is right to 0.1 s, however the client came in.
func testOldestWait(t *testing.T, f *field) {
	v4, v6 := livetest.Listen{}, livetest.Listen{Family: livetest.V6}
	cookies := map[string]string{"net.ipv4.tcp_syncookies": "2"}
	cases := []struct {
		name       string
		listen     livetest.Listen
		dial       livetest.Dial
		sysctls    map[string]string
		speakAfter time.Duration
	}{
		{name: "v4", listen: v4},
		{name: "v6", listen: v6},
		{name: "syn cookies", listen: v4, sysctls: cookies},
		{name: "syn cookies v6", listen: v6, sysctls: cookies},
		{name: "defer accept", listen: livetest.Listen{DeferAccept: 30}, speakAfter: 1500 * time.Millisecond},
		{name: "mptcp", listen: livetest.Listen{MPTCP: true}, dial: livetest.Dial{MPTCP: true, Word: true}},
		{
			name: "fast open", listen: livetest.Listen{FastOpen: 16}, dial: livetest.Dial{Word: true, FastOpen: true},
			sysctls: map[string]string{"net.ipv4.tcp_fastopen": "3"},
		},
	}
	all := make([]waiting, len(cases))
	for i, c := range cases {
		ns := f.netns(t)
		for name, value := range c.sysctls {
			ns.Sysctl(name, value)
		}
		l := ns.Listen(c.listen)
		c.dial.To = l.Dest(c.listen.Family)
		if c.dial.FastOpen {
			ns.Dial(c.dial) // to learn the server's cookie
			l.Accept()
		}
		all[i] = wait(ns, l, c.dial, c.speakAfter)
		if c.dial.FastOpen && ns.Counter("TcpExt", "TCPFastOpenPassive") != 1 {
			t.Fatal("the data did not come with the SYN")
		}
	}
	for _, w := range all {
		time.Sleep(time.Until(w.after.Add(2 * time.Second)))
	}
	for _, k := range f.kernels {
		before := time.Now()
		_, samples := look(t, k)
		after := time.Now()
		for i, w := range all {
			t.Run(string(k.tier)+"/"+cases[i].name, func(t *testing.T) {
				w.check(t, samples[w.l.Inode], before, after)
			})
		}
	}
}

// check allows 0.1 s beyond what the clocks around the connect and the look leave open.
func (w *waiting) check(t *testing.T, s listener.Sample, before, after time.Time) {
	const precision = 100 * time.Millisecond
	shortest, longest := before.Sub(w.after)-precision, after.Sub(w.before)+precision
	age, known := s.OldestWait.Get()
	if s.Queue != 2 || !known || age < shortest || age > longest {
		t.Errorf("%d wait, the oldest for %v, %v; want 2, %v to %v", s.Queue, age, known, shortest, longest)
	}
	t.Logf("%v; by the client's clock %v to %v", age, shortest+precision, longest-precision)
}

// An empty queue has no oldest wait: unknown, not 0.
func testNobodyWaits(t *testing.T, f *field) {
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{})
	for _, k := range f.kernels {
		check := func(what string, waits bool) {
			t.Helper()
			s := sampleOf(t, k, l)
			if s.OldestWait.IsKnown() != waits || (s.Head != listener.Head{}) != waits || (s.Queue > 0) != waits {
				t.Errorf("%s, %s: %+v", k.tier, what, s)
			}
		}
		check("before", false)
		c := ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
		check("a client waits", true)
		l.Accept()
		c.Close()
		check("after", false)
	}
}
