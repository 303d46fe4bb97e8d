package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// event is what these tests read of one.
type event struct {
	Event    string
	PID      int
	Method   string
	Listener *struct {
		Cookie   string
		Class    string
		Decision *struct{ Reasons []string }
	}
}

func events(t *testing.T, m *livetest.Messages) (all []event) {
	t.Helper()
	for line := range strings.Lines(m.String()) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, e)
	}
	return all
}

func told(t *testing.T, m *livetest.Messages, kind string) (event, bool) {
	t.Helper()
	all := events(t, m)
	if i := slices.IndexFunc(all, func(e event) bool { return e.Event == kind }); i >= 0 {
		return all[i], true
	}
	return event{}, false
}

func await(t *testing.T, m *livetest.Messages, kind string) event {
	t.Helper()
	var e event
	livetest.Eventually(t, kind, func() (there bool) {
		e, there = told(t, m, kind)
		return there
	})
	return e
}

// running runs a daemon; what it returns ends it, and gives its error.
func running(t *testing.T, o Options) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	end = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(20 * time.Second):
			t.Fatal("it does not end")
			return nil
		}
	}
	t.Cleanup(func() { _ = end() })
	return end
}

// TestActs: the child that hangs is ended, the act is told and counted, and the socket is away
// when the daemon has ended.
func TestActs(t *testing.T) {
	h := newFakeHost(t)
	var out livetest.Messages
	o := h.options(t, listener.Kill, &out)
	end := running(t, o)
	acted := await(t, &out, "acted")
	if acted.PID != h.child.Process.Pid || acted.Method != "sigterm" || !h.gone() {
		t.Errorf("%+v, want the end of %d", acted, h.child.Process.Pid)
	}
	await(t, &out, "closed")
	if err := end(); err != nil {
		t.Error(err)
	}
	var kinds []string
	for _, e := range events(t, &out) {
		kinds = append(kinds, e.Event)
	}
	for _, want := range []string{"ready", "stuck", "acting", "acted", "closed"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("told %q, want %s too", kinds, want)
		}
	}
	if _, err := os.Stat(SocketIn(o.Acting.StateDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	acts, err := os.ReadFile(o.Acting.StateDir + "/acts.json")
	if err != nil || !bytes.Contains(acts, []byte("127.0.0.1:80")) {
		t.Errorf("counted is %s, %v", acts, err)
	}
}

// TestObserves: who is stuck is told, and left alone; a new policy takes effect, and a bad one
// does not; readers see what the daemon sees.
func TestObserves(t *testing.T) {
	h := newFakeHost(t)
	var out livetest.Messages
	o := h.options(t, listener.Observe, &out)
	reloads := make(chan os.Signal)
	o.Reloads = reloads
	armed := o.Policy
	armed.Default.Action = listener.Kill
	policies := make(chan judge.Policy, 1)
	o.Reload = func() (judge.Policy, error) {
		select {
		case p := <-policies:
			return p, nil
		default:
			return judge.Policy{}, errors.New("a bad policy")
		}
	}
	end := running(t, o)
	if held := await(t, &out, "held"); !slices.Contains(held.Listener.Decision.Reasons, "not-armed") {
		t.Errorf("%+v", held.Listener)
	}
	c := feed.NewClient(SocketIn(o.Acting.StateDir))
	defer c.Close()
	stream, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := stream.Next()
	if err != nil || len(f.Listeners) != 2 || f.Listeners[hanging].Verdict != listener.Stuck {
		t.Errorf("%v: a reader is shown %+v", err, f)
	}
	if e, err := c.Explain(t.Context(), 2, 10); err != nil || e.Policy.Action != listener.Observe {
		t.Errorf("explained: %+v, %v", e, err)
	}
	reloads <- syscall.SIGHUP
	if _, acts := told(t, &out, "acting"); acts || h.gone() {
		t.Error("it acts, and was not to")
	}
	policies <- armed
	reloads <- syscall.SIGHUP
	await(t, &out, "acted")
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestDisarmed: a file in the state folder stops every act.
func TestDisarmed(t *testing.T) {
	h := newFakeHost(t)
	var out livetest.Messages
	o := h.options(t, listener.Kill, &out)
	if err := os.WriteFile(o.Acting.StateDir+"/disarmed", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	end := running(t, o)
	if held := await(t, &out, "held"); held.Listener.Decision.Reasons[0] != "disarmed" {
		t.Errorf("held for %q", held.Listener.Decision.Reasons)
	}
	time.Sleep(2 * o.Policy.Default.ActAfter) // by then it would have been ended
	if err := end(); err != nil || h.gone() {
		t.Errorf("%v; ended: %t", err, h.gone())
	}
}

// TestEndsInTheAct: a daemon that is to end waits for the act under way.
func TestEndsInTheAct(t *testing.T) {
	h := newFakeHost(t)
	var out livetest.Messages
	end := running(t, h.options(t, listener.Kill, &out))
	await(t, &out, "acting")
	if err := end(); err != nil {
		t.Error(err)
	}
	if _, acted := told(t, &out, "acted"); !acted || !h.gone() {
		t.Errorf("the act was begun, and is not told of: %s", out.String())
	}
}

// TestByHand: a person's act goes the same way, and is refused for the same reasons.
func TestByHand(t *testing.T) {
	h := newFakeHost(t)
	var out livetest.Messages
	o := h.options(t, listener.Kill, &out)
	hand := HandOptions{
		Log: o.Log, Stream: o.Stream, Out: &out, Err: t.Output(), Kernel: h, Watcher: o.Watcher, Interval: o.Interval,
		StuckAfter: o.Policy.Default.StuckAfter, ActAfter: o.Policy.Default.ActAfter, Policy: o.Policy, Acting: o.Acting,
		Cookie: 1, Action: listener.Kill,
	}
	var refused Refused
	if err := ByHand(t.Context(), hand); !errors.As(err, &refused) || !strings.Contains(refused.Why, "is not stuck") {
		t.Errorf("of one that accepts it says %v", err)
	}
	hand.Watcher, hand.Cookie = h.options(t, listener.Kill, &out).Watcher, 2
	if err := ByHand(t.Context(), hand); err != nil || !h.gone() {
		t.Errorf("%v; ended: %t", err, h.gone())
	}
}
