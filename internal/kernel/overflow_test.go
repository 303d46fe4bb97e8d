package kernel_test

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// SYNs that meet a full queue are counted as such and as SYNs, and the socket's
// own drops are read; the queue holds one more than its backlog.
func testFullQueue(t *testing.T, f *field) {
	const backlog, turnedAway = 8, 20
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{Backlog: backlog})
	d := livetest.Dial{To: l.Dest(livetest.V4)}
	for range backlog + 1 {
		ns.Dial(d)
	}
	livetest.AwaitQueue(backlog+1, l)
	d.Patience = time.Nanosecond // a second SYN would follow in a second
	for range turnedAway {
		if _, err := ns.TryDial(d); err == nil {
			t.Fatal("connected to a full queue")
		}
	}
	again := ns.Counter("TcpExt", "TCPSynRetrans")
	for _, k := range f.ticking() {
		s := sampleOf(t, k, l)
		if s.Queue != backlog+1 || s.Backlog != backlog {
			t.Errorf("%s: %d of %d wait, want %d of %d", k.tier, s.Queue, s.Backlog, backlog+1, backlog)
		}
		if n, known := s.Dropped.Get(); !known || n < turnedAway {
			t.Errorf("%s: %d dropped, %v; want %d or more", k.tier, n, known, turnedAway)
		}
		if n, known := s.Queued.Get(); !known || n != backlog+1 {
			t.Errorf("%s: %d queued, %v; want %d", k.tier, n, known, backlog+1)
		}
		if k.tier != functions {
			continue
		}
		syns, _ := s.SYNs.Get()
		full, _ := s.SYNsFull.Get()
		overflows := turnedAway + again
		if int(full) != overflows || int(syns) != backlog+1+overflows {
			t.Errorf("%d SYNs, %d of them on a full queue; want %d, %d", syns, full, backlog+1+overflows, overflows)
		}
	}
}
