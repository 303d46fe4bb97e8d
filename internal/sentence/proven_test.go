package sentence

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// moreThanKnown are words that only a listener may have that was counted since a
// listen() that was seen, and has accepted nothing.
var moreThanKnown = regexp.MustCompile(`(?i)\bnever\b|\bno connection was accepted\b|\bnobody (has )?ever\b|` +
	`\baccepted nothing\b|\bsince its listen\b`)

// past is what is known of the history of a listener.
type past struct {
	birthSeen, counted, countedLate, seenWaiting bool
	accepted                                     listener.Maybe[uint64]
	class                                        listener.Class
}

func pasts() []past {
	var all []past
	flags := []bool{false, true}
	for _, birth := range flags {
		for _, counted := range flags {
			for _, late := range flags {
				for _, waiting := range flags {
					for _, accepted := range []listener.Maybe[uint64]{{}, listener.Known(uint64(0)), listener.Known(uint64(9))} {
						for _, class := range []listener.Class{listener.NoClass, listener.Dead, listener.ServedClass} {
							all = append(all, past{birth, counted, late, waiting, accepted, class})
						}
					}
				}
			}
		}
	}
	return all
}

// proven: what the words above claim.
func (p past) proven() bool {
	n, known := p.accepted.Get()
	return p.birthSeen && p.counted && !p.countedLate && !p.seenWaiting && known && n == 0
}

func (p past) of(cause listener.Cause) listener.Judgement {
	j := listenertest.Full()
	l := *j.Listener
	j.Listener, j.Cause, j.Class = &l, cause, p.class
	l.ListenedAt, l.CountedSince = listener.Rare[time.Time]{}, listener.Rare[time.Time]{}
	l.LastAccept = listener.Rare[time.Time]{}
	l.SeenWaiting, l.Accepted = p.seenWaiting, listener.CountOf(p.accepted)
	born := listenertest.Instant().Add(-40 * time.Second)
	if p.birthSeen {
		l.ListenedAt = listener.Rarely(born)
	}
	if p.counted {
		l.CountedSince = listener.Rarely(born)
		if p.countedLate {
			l.CountedSince = listener.Rarely(born.Add(time.Second))
		}
	}
	l.Window.Since = born.Add(20 * time.Second)
	return j
}

// TestNothingIsSaidThatIsNotKnown: of every cause, with every past, a word such as
// "never" stands only where it is proven.
func TestNothingIsSaidThatIsNotKnown(t *testing.T) {
	for _, row := range listener.Causes() {
		said := false
		for _, p := range pasts() {
			j := p.of(row.Cause)
			got := Stuck(&j)
			if strings.Contains(got, "{") {
				t.Errorf("%s: %q", row.Cause, got)
			}
			m := moreThanKnown.FindString(got)
			if m != "" && !p.proven() {
				t.Errorf("%s of %+v says %q: %s", row.Cause, p, m, got)
			}
			said = said || m != ""
		}
		if row.Cause == listener.CauseNeverPolled && !said {
			t.Error("what is proven is not said either")
		}
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		p     past
		since time.Duration // after its birth
		want  string
	}{
		{past{}, 0, "since reusewatch looks, 2 min 10 s"},
		{past{birthSeen: true}, 20 * time.Second, "since reusewatch looks, 2 min 10 s"},
		{past{birthSeen: true}, time.Second, "since its listen(), 40 s ago"},
		{past{birthSeen: true, counted: true, accepted: listener.Known(uint64(0))}, 20 * time.Second,
			"since its listen(), 40 s ago"},
		{past{birthSeen: true, seenWaiting: true}, time.Second, "for 2 min 10 s"},
		{past{birthSeen: true, accepted: listener.Known(uint64(1))}, time.Second, "for 2 min 10 s"},
	} {
		j := c.p.of(listener.CauseNotPolling)
		j.Window.Observed = 130 * time.Second
		j.Window.Since = listenertest.Instant().Add(-40 * time.Second).Add(c.since)
		if got := Stuck(&j); !strings.Contains(got, "nobody has waited for its clients "+c.want+";") {
			t.Errorf("%+v: %q, want %q", c.p, got, c.want)
		}
	}
}

func TestErrno(t *testing.T) {
	for errno, want := range map[int]string{0: "", 1: " (EPERM)", 24: " (EMFILE)", 4000: " (errno 4000)"} {
		life := listener.Life{Refused: listener.Refusal{N: 3, Errno: errno}}
		o := &listener.Owner{Evidence: &listener.Evidence{Life: listener.Known(life)}}
		if got := refusedWith(o); got != want {
			t.Errorf("%d: %q, want %q", errno, got, want)
		}
	}
	if got := refusedWith(&listener.Owner{}); got != "" {
		t.Errorf("nothing is known, and it says %q", got)
	}
}

// TestWaitWords: every kind of wait has words of its own, and names who is at the other
// end.
func TestWaitWords(t *testing.T) {
	one := []listener.End{{PID: 12, Comm: "postgres"}}
	seen := make(map[string]listener.For)
	for _, f := range []listener.For{
		listener.ForFIFO, listener.ForReader, listener.ForFutex, listener.ForData, listener.ForPeer, listener.ForFUSE,
		listener.ForSignal, listener.ForTimer, listener.ForChild, listener.ForLock, listener.ForNetFS, listener.ForDisk,
		listener.ForEvents, listener.ForOne, listener.ForClients, listener.ForUnknown, listener.ForNothing, "later",
	} {
		got := Wait(&listener.Wait{For: f})
		if other, there := seen[got]; (got == "" || there) && f != "later" {
			t.Errorf("%s: %q, as %s", f, got, other)
		}
		seen[got] = f
	}
	for _, c := range []struct {
		w    listener.Wait
		want string
	}{
		{listener.Wait{For: listener.ForData, Thing: listener.ThingConnection, Ends: one},
			"pid 12 (postgres) at the other end of a TCP connection"},
		{listener.Wait{For: listener.ForData, Thing: listener.ThingPipe, AllEnds: true},
			"something to read from a pipe, whose other end no other process holds"},
		{listener.Wait{For: listener.ForData, Thing: listener.ThingPipe}, "something to read from a pipe"},
		{listener.Wait{For: listener.ForReader, Ends: []listener.End{{PID: 7, Halted: true}}},
			"pid 7, which is stopped, traced or frozen, or waits for somebody who is, at the other end of a pipe"},
		{listener.Wait{For: listener.ForLock, Ends: one}, "a lock that pid 12 (postgres) holds"},
		{listener.Wait{For: listener.ForUnknown, Wchan: "x"}, "something that could not be told (x)"},
	} {
		if got := Wait(&c.w); got != c.want {
			t.Errorf("%+v: %q, want %q", c.w, got, c.want)
		}
	}
}
