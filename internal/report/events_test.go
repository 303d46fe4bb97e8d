package report

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// life is a listener whose verdict and decision a test changes from look to look.
type life struct {
	changes *Changes
	l       *listener.Listener
}

func newLife(scope listener.Filter) *life {
	return &life{NewChanges(scope), &listener.Listener{Sample: listener.Sample{
		Cookie: 7, Local: netip.MustParseAddrPort("127.0.0.1:80"),
	}}}
}

func (f *life) look(v listener.Verdict, window int, reasons ...listener.Reason) []Kind {
	l := *f.l
	l.Window.Since = instant().Add(time.Duration(window) * time.Second)
	j := listener.Judgement{Listener: &l, Verdict: v}
	if v == listener.Stuck {
		j.Decision = &listener.Decision{Act: listener.Kill, Reasons: reasons}
		if len(reasons) > 0 {
			j.Decision.Act, j.Decision.Reason = listener.Hold, reasons[0]
		}
	}
	return kinds(f.changes.Update(instant(), []listener.Judgement{j}))
}

func kinds(events []Event) []Kind {
	var ks []Kind
	for _, e := range events {
		ks = append(ks, e.Kind)
	}
	return ks
}

func expect(t *testing.T, what string, got []Kind, want ...Kind) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

func TestLifeOfAStuckListener(t *testing.T) {
	f := newLife(listener.Filter{})
	expect(t, "idle", f.look(listener.Idle, 0))
	expect(t, "suspected", f.look(listener.Suspect, 1), Suspect)
	expect(t, "still suspected", f.look(listener.Suspect, 1))
	expect(t, "the suspicion ends", f.look(listener.Accepting, 0))
	expect(t, "another suspicion", f.look(listener.Suspect, 2), Suspect)
	expect(t, "stuck", f.look(listener.Stuck, 2, listener.TooSoon), Stuck, Held)
	expect(t, "held for the same reason", f.look(listener.Stuck, 2, listener.TooSoon))
	expect(t, "held for another reason", f.look(listener.Stuck, 2, listener.Starting, listener.TooSoon), Held)
	expect(t, "acted on: the act speaks for itself", f.look(listener.Stuck, 2))
	expect(t, "recovered", f.look(listener.Accepting, 0), Recovered)
	expect(t, "stuck once more", f.look(listener.Stuck, 3, listener.TooSoon), Stuck, Held)
	expect(t, "gone", kinds(f.changes.Ended(instant(), f.l)), Closed)
	expect(t, "gone, and forgotten", f.look(listener.Idle, 0))
}

func TestScope(t *testing.T) {
	f := newLife(listener.Filter{Ports: []uint16{81}})
	expect(t, "another port", f.look(listener.Stuck, 1, listener.OutOfScope))
	expect(t, "born", kinds(f.changes.Began(instant(), &listener.Judgement{Listener: f.l})))
	expect(t, "gone", kinds(f.changes.Ended(instant(), f.l)))

	f = newLife(listener.Filter{PIDs: []int{5}})
	f.l.Owners = []listener.Owner{{PID: 5}}
	expect(t, "born in scope", kinds(f.changes.Began(instant(), &listener.Judgement{Listener: f.l})), Listening)
	expect(t, "stuck", f.look(listener.Stuck, 1), Stuck)
	f.l.Owners = nil
	expect(t, "its owner is gone: it stays told of", f.look(listener.Accepting, 0), Recovered)
}
