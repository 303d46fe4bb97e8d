package scenarios

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
)

const (
	web   = "127.0.0.1:80"
	other = "127.0.0.1:81"
)

// arm starts a run that acts soon, also on what has served; it is only ever
// armed for the namespace of the test.
func arm(t *testing.T, ns *livetest.Namespace, args ...string) *runner {
	t.Helper()
	return armIn(t, ns, t.TempDir(), args...)
}

func armIn(t *testing.T, ns *livetest.Namespace, state string, args ...string) *runner {
	t.Helper()
	r := runArmed(t, ns, append([]string{
		"--stuck-after", "2s", "--act-after", "3s", "--act-after-served", "4s", "--allow-served", "--startup-grace", "1s",
		"--term-grace", "1s", "--interval", "200ms", "--state-dir", state,
	}, args...)...)
	t.Cleanup(func() {
		for _, e := range r.all() {
			if (t.Failed() || testing.Verbose()) && e.Listener.Decision != nil {
				at, l := e.Time.Format("05.000"), e.Listener
				t.Logf("%s %s of pid %d, %s: %v", at, e.Event, culpritOf(e), l.Cause, l.Decision.Reasons)
			}
		}
	})
	return r
}

// hangs brings clients until some of them hang.
func hangs(t *testing.T, ns *livetest.Namespace, to string) *clients {
	t.Helper()
	c := load(t, ns, to, 4)
	livetest.Eventually(t, "clients hang", func() bool { return c.hung.Load() > 0 })
	return c
}

// culpritOf is the owner that an event blames, 0 for none.
func culpritOf(e told) int {
	for _, o := range e.Listener.Owners {
		if o.Culprit {
			return o.PID
		}
	}
	return 0
}

// killed waits until the run has found and ended this process, for any of these causes:
// of one that hangs as it starts the functions tier knows more.
func killed(t *testing.T, r *runner, pid int, causes ...string) told {
	t.Helper()
	stuck := r.await("stuck", func(e told) bool { return e.Event == "stuck" && culpritOf(e) == pid })
	acted := r.await("acted", func(e told) bool { return (e.Event == "acted" || e.Event == "act_failed") && e.PID == pid })
	if acted.Event != "acted" {
		t.Errorf("%s: %s", acted.Event, acted.Error)
	}
	if !slices.Contains(causes, stuck.Listener.Cause) {
		t.Errorf("stuck: cause %s, want one of %v", stuck.Listener.Cause, causes)
	}
	if !slices.Contains(causes, acted.Listener.Cause) {
		t.Errorf("acted: cause %s, want one of %v", acted.Listener.Cause, causes)
	}
	livetest.Eventually(t, "its process has ended", func() bool { return gone(pid) })
	return stuck
}

// gone says whether a process has ended; it may still wait for its parent.
func gone(pid int) bool {
	p, err := proc.New("").Process(pid)
	return err != nil || p.State == 'Z' || p.State == 'X'
}

// only fails the test if the run acted on a process that is none of these, and
// ends the run, which must have gone well.
func only(t *testing.T, r *runner, pids ...int) {
	t.Helper()
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, e := range r.all() {
		acts := e.Event == "acting" || e.Event == "acted" || e.Event == "act_failed"
		if acts && !slices.Contains(pids, e.PID) {
			t.Errorf("acted on pid %d, want only %v: %+v", e.PID, pids, e)
		}
	}
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// answered fails the test unless every one of many new requests is.
func answered(t *testing.T, ns *livetest.Namespace, to string) {
	t.Helper()
	for i := range 100 {
		if err := ask(ns, to); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// held waits until the run holds a listener back for this reason, maybe among
// others, looks on for longer than an act takes, and fails the test unless it
// still holds. Each change of the first reason is told, with all of them.
func held(t *testing.T, r *runner, reason string) told {
	t.Helper()
	is := func(e told) bool { return e.Event == "held" && slices.Contains(e.Listener.Decision.Reasons, reason) }
	first := r.await("held: "+reason, is)
	time.Sleep(actsWithin)
	last := first
	for _, e := range r.all() {
		if e.Listener.Cookie == first.Listener.Cookie && e.Event != "suspect" {
			last = e
		}
	}
	if !is(last) {
		t.Errorf("held for %s, and then: %+v", reason, last)
	}
	return first
}

// actsWithin is how long after a verdict an act that nothing holds has come.
const actsWithin = 3 * time.Second

// look lets as much time pass as a verdict and an act take, twice.
func look() { time.Sleep(2 * (2*time.Second + actsWithin)) }

// leftAlone looks on, and fails the test should anything be stuck.
func leftAlone(t *testing.T, r *runner) {
	t.Helper()
	look()
	r.none("stuck")
	only(t, r)
}
