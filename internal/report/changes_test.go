package report

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// life is a listener whose verdict and decision a test changes from look to look.
type life struct {
	changes *Changes
	l       *listener.Listener
	at      time.Time
}

func newLife(scope listener.Filter) *life {
	return &life{NewChanges(scope), &listener.Listener{Sample: listener.Sample{
		Cookie: 7, Local: netip.MustParseAddrPort("127.0.0.1:80"),
	}}, listenertest.Instant()}
}

func (f *life) look(v listener.Verdict, window int, reasons ...listener.Reason) []wire.Kind {
	l := *f.l
	l.Window.Since = listenertest.Instant().Add(time.Duration(window) * time.Second)
	j := listener.Judgement{Listener: &l, Verdict: v}
	if v == listener.Stuck {
		j.Decision = &listener.Decision{Act: listener.Kill, Reasons: reasons}
		if len(reasons) > 0 {
			j.Decision.Act, j.Decision.Reason = listener.Hold, reasons[0]
		}
	}
	return kinds(f.changes.Update(f.at, []listener.Judgement{j}))
}

// would is a look at one that every gate but arming lets go.
func (f *life) would() []wire.Kind {
	d := &listener.Decision{
		Act: listener.Observe, Reason: listener.NotArmed, Reasons: []listener.Reason{listener.NotArmed},
	}
	return kinds(f.changes.Update(f.at, []listener.Judgement{{Listener: f.l, Verdict: listener.Stuck, Decision: d}}))
}

func kinds(events []wire.Event) []wire.Kind {
	var ks []wire.Kind
	for _, e := range events {
		ks = append(ks, e.Kind)
	}
	return ks
}

func expect(t *testing.T, what string, got []wire.Kind, want ...wire.Kind) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

func TestLifeOfAStuckListener(t *testing.T) {
	f := newLife(listener.Filter{})
	expect(t, "idle", f.look(listener.Idle, 0))
	expect(t, "suspected", f.look(listener.Suspect, 1), wire.Suspect)
	expect(t, "still suspected", f.look(listener.Suspect, 1))
	expect(t, "the suspicion ends", f.look(listener.Accepting, 0))
	expect(t, "another suspicion", f.look(listener.Suspect, 2), wire.Suspect)
	expect(t, "stuck", f.look(listener.Stuck, 2, listener.TooSoon), wire.Stuck, wire.Held)
	expect(t, "held for the same reason", f.look(listener.Stuck, 2, listener.TooSoon))
	expect(t, "held for another reason", f.look(listener.Stuck, 2, listener.Starting, listener.TooSoon), wire.Held)
	expect(t, "acted on: the act speaks for itself", f.look(listener.Stuck, 2))
	expect(t, "recovered", f.look(listener.Accepting, 0), wire.Recovered)
	expect(t, "stuck once more", f.look(listener.Stuck, 3, listener.TooSoon), wire.Stuck, wire.Held)
	expect(t, "gone", kinds(f.changes.Ended(listenertest.Instant(), f.l)), wire.Closed)
	expect(t, "gone, and forgotten", f.look(listener.Idle, 0))
}

// TestReasonsThatTakeTurns: a change of the first reason is told once a minute, then the
// newest, unless it is what was told before.
func TestReasonsThatTakeTurns(t *testing.T) {
	f := newLife(listener.Filter{})
	expect(t, "stuck", f.look(listener.Stuck, 1, listener.Busy), wire.Stuck, wire.Held)
	f.at = f.at.Add(time.Second)
	expect(t, "the first change", f.look(listener.Stuck, 1, listener.Waits), wire.Held)
	for range 20 {
		f.at = f.at.Add(time.Second)
		expect(t, "it changes", f.look(listener.Stuck, 1, listener.Busy))
		f.at = f.at.Add(time.Second)
		expect(t, "and changes back", f.look(listener.Stuck, 1, listener.Waits))
	}
	if f.changes.Due(f.at.Add(time.Hour)) {
		t.Error("what was told is to be told again")
	}
	f.at = f.at.Add(time.Second) // 42 s
	expect(t, "it changes for longer", f.look(listener.Stuck, 1, listener.Busy))
	if f.changes.Due(f.at.Add(18*time.Second)) || !f.changes.Due(f.at.Add(20*time.Second)) {
		t.Error("what was kept back is due a minute after the last change that was told")
	}
	f.at = f.at.Add(20 * time.Second)
	expect(t, "the minute is over", f.look(listener.Stuck, 1, listener.Busy), wire.Held)
	if f.changes.Due(f.at.Add(time.Hour)) {
		t.Error("nothing is kept back any more")
	}
	f.at = f.at.Add(time.Hour)
	expect(t, "it changes much later", f.look(listener.Stuck, 1, listener.Waits), wire.Held)
}

// TestAnActIsNeverDelayed: nor is that one would be done; that it holds again waits.
func TestAnActIsNeverDelayed(t *testing.T) {
	f := newLife(listener.Filter{})
	expect(t, "stuck", f.look(listener.Stuck, 1, listener.Busy), wire.Stuck, wire.Held)
	expect(t, "the first change", f.look(listener.Stuck, 1, listener.TooSoon), wire.Held)
	expect(t, "it would act", f.would(), wire.Held)
	expect(t, "it holds again", f.look(listener.Stuck, 1, listener.Busy))
	expect(t, "it would act again, as was told", f.would())
	expect(t, "it holds again", f.look(listener.Stuck, 1, listener.Busy))
	f.at = f.at.Add(time.Minute)
	expect(t, "it still holds", f.look(listener.Stuck, 1, listener.Busy), wire.Held)
	expect(t, "it would act at once", f.would(), wire.Held)

	// What was kept back of one that recovers, or goes, is not told any more.
	expect(t, "kept back", f.look(listener.Stuck, 1, listener.Waits))
	expect(t, "recovered", f.look(listener.Accepting, 1), wire.Recovered)
	if f.changes.Due(f.at.Add(time.Hour)) {
		t.Error("it recovered, and something of it is due")
	}
}

func TestScope(t *testing.T) {
	f := newLife(listener.Filter{Ports: []uint16{81}})
	expect(t, "another port", f.look(listener.Stuck, 1, listener.OutOfScope))
	expect(t, "born", kinds(f.changes.Began(listenertest.Instant(), &listener.Judgement{Listener: f.l})))
	expect(t, "gone", kinds(f.changes.Ended(listenertest.Instant(), f.l)))

	f = newLife(listener.Filter{PIDs: []int{5}})
	f.l.Owners = []listener.Owner{{Holder: &listener.Holder{PID: 5}}}
	began := f.changes.Began(listenertest.Instant(), &listener.Judgement{Listener: f.l})
	expect(t, "born in scope", kinds(began), wire.Listening)
	expect(t, "stuck", f.look(listener.Stuck, 1), wire.Stuck)
	f.l.Owners = nil
	expect(t, "its owner is gone: it stays told of", f.look(listener.Accepting, 0), wire.Recovered)
}
