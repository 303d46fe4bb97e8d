package feed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

func judged(cookie listener.Cookie, queue uint32) listener.Judgement {
	l := &listener.Listener{}
	l.Cookie, l.Queue = cookie, queue
	l.Local = netip.MustParseAddrPort("127.0.0.1:80")
	return listener.Judgement{Listener: l, Verdict: listener.Accepting}
}

func frameOf(second int, js ...listener.Judgement) *wire.Frame {
	return &wire.Frame{
		Time: time.Date(2026, 3, 1, 12, 0, second, 0, time.UTC), Tier: listener.TierTracepoints,
		Interval: time.Second, Watched: true, Complete: true, Listeners: js,
	}
}

// queues is what a frame says, in its order.
func queues(f *wire.Frame) string {
	var b strings.Builder
	for _, j := range f.Listeners {
		fmt.Fprintf(&b, "%s:%d %s; ", j.Cookie, j.Queue, j.Verdict)
	}
	return b.String()
}

// awaitStreams follows the number of streams until it is n.
func awaitStreams(t *testing.T, s *Server, n int) {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		now, changed := s.Streams()
		if now == n {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%d streams are read, want %d", now, n)
		}
	}
}

func serve(t *testing.T, path string, o Options) (*Server, *Client) {
	t.Helper()
	s, err := Serve(path, o)
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(path)
	t.Cleanup(func() {
		c.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

func TestStream(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{})
	one, two := judged(1, 5), judged(2, 0)
	s.Publish(frameOf(0, one, two))
	stream, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	awaitStreams(t, s, 1)
	stuck := one
	stuck.Verdict = listener.Stuck
	stuck.Decision = &listener.Decision{
		Act: listener.Hold, Reason: listener.TooSoon, Reasons: []listener.Reason{listener.TooSoon},
	}
	for i, step := range []struct {
		frame *wire.Frame
		want  string
	}{
		{nil, "1:5 accepting; 2:0 accepting; "},
		{frameOf(1, stuck, two), "1:5 stuck; 2:0 accepting; "},
		{frameOf(2, stuck, two), "1:5 stuck; 2:0 accepting; "},
		{frameOf(3, judged(1, 6)), "1:6 accepting; "},
		{frameOf(4, judged(1, 6), judged(3, 7)), "1:6 accepting; 3:7 accepting; "},
		{frameOf(5), ""},
	} {
		if step.frame != nil {
			s.Publish(step.frame)
		}
		f, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if queues(f) != step.want || !f.Complete || step.frame != nil && !f.Time.Equal(step.frame.Time) {
			t.Errorf("step %d: %s of %s, want %s", i, queues(f), f.Time, step.want)
		}
		for _, j := range f.Listeners {
			if !j.At.Equal(f.Time) {
				t.Errorf("step %d: a listener of %s in a frame of %s", i, j.At, f.Time)
			}
		}
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	awaitStreams(t, s, 0)
}

// TestOnlyWhatChanged: a stream tells what is not as it was, and no more.
func TestOnlyWhatChanged(t *testing.T) {
	zero, a, b := judged(0, 0), judged(1, 0), judged(2, 0)
	var last *wire.Frame
	held := a
	held.Decision = &listener.Decision{Act: listener.Hold, Reasons: []listener.Reason{listener.TooSoon}}
	other := held
	other.Decision = &listener.Decision{Act: listener.Hold, Reasons: []listener.Reason{listener.Busy}}
	for i, step := range []struct {
		js   []listener.Judgement
		want string
		gone int
	}{
		{[]listener.Judgement{a, b}, "1:0 accepting; 2:0 accepting; ", 0},
		{[]listener.Judgement{a, b}, "", 0},
		{[]listener.Judgement{held, b}, "1:0 accepting; ", 0},
		{[]listener.Judgement{held, b}, "", 0},
		{[]listener.Judgement{other, judged(2, 0)}, "1:0 accepting; 2:0 accepting; ", 0},
		{[]listener.Judgement{other}, "", 1},
		{[]listener.Judgement{zero, other, elsewhere(3)}, "0:0 accepting; 3:0 accepting; ", 0},
		{[]listener.Judgement{zero, judged(3, 0)}, "3:0 accepting; ", 1}, // it is bound anew
		{[]listener.Judgement{zero, judged(5, 0), elsewhere(3)}, "5:0 accepting; 3:0 accepting; ", 0},
		{nil, "", 3},
	} {
		was := last
		last = frameOf(i, step.js...)
		f := changed(was, last)
		if queues(f) != step.want || len(f.Gone) != step.gone || f.Complete != (i == 0) {
			t.Errorf("step %d: %q, %d gone, complete %v", i, queues(f), len(f.Gone), f.Complete)
		}
	}
}

// elsewhere is one that listens on another address.
func elsewhere(cookie listener.Cookie) listener.Judgement {
	j := judged(cookie, 0)
	l := *j.Listener
	l.Local = netip.MustParseAddrPort("127.0.0.2:80")
	j.Listener = &l
	return j
}

// TestSlowReader: who reads late gets the newest frame, and holds nobody up.
func TestSlowReader(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{})
	s.Publish(frameOf(0))
	stream, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var js []listener.Judgement
	for i := range 3000 {
		js = append(js, judged(listener.Cookie(i+1), 0))
	}
	const last = 500
	for second := range last {
		for i := range js {
			js[i] = judged(js[i].Cookie, uint32(second))
		}
		s.Publish(frameOf(second, slices.Clone(js)...)) // never waits
	}
	s.Publish(frameOf(last, judged(7, last)))
	for n := 0; ; n++ {
		f, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if queues(f) == fmt.Sprintf("7:%d accepting; ", last) {
			break
		}
		if n > last {
			t.Fatal("the last frame never came")
		}
	}
}

func TestSnapshotAndExplain(t *testing.T) {
	explain := func(
		_ context.Context, _ *wire.Frame, cookie listener.Cookie, clients int,
	) (*wire.Explanation, error) {
		switch cookie {
		case 0xab:
			return &wire.Explanation{
				Judgement: judged(0xab, 9), Tier: listener.TierQueues,
				Clients: listener.Known(listener.Clients{Total: 9, Oldest: make([]listener.Client, 0, clients)}),
			}, nil
		case 2:
			return nil, errors.New("the kernel is gone")
		default:
			return nil, fmt.Errorf("%w: %s", ErrUnknown, cookie)
		}
	}
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{Explain: explain})
	got := make(chan string)
	go func() { // before there is any
		f, err := c.Snapshot(t.Context())
		if err != nil {
			got <- err.Error()
			return
		}
		got <- queues(f)
	}()
	s.Publish(frameOf(1, judged(1, 2)))
	if q := <-got; q != "1:2 accepting; " {
		t.Errorf("the first snapshot: %s", q)
	}
	e, err := c.Explain(t.Context(), 0xab, 3)
	if err != nil {
		t.Fatal(err)
	}
	if e.Queue != 9 || e.Tier != listener.TierQueues || e.Clients.Or(listener.Clients{}).Total != 9 {
		t.Errorf("%+v", e)
	}
	if _, err := c.Explain(t.Context(), 1, 0); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown one: %v", err)
	}
	if _, err := c.Explain(t.Context(), 2, 0); err == nil || !strings.Contains(err.Error(), "the kernel is gone") {
		t.Errorf("a failure: %v", err)
	}
	for path, want := range map[string]int{
		"/v1/explain/xyz?clients=1": http.StatusBadRequest, "/v1/explain/ab?clients=-1": http.StatusBadRequest,
		"/v1/explain/ab": http.StatusBadRequest, "/v2/snapshot": http.StatusNotFound,
	} {
		resp, err := c.http.Get("http://reusewatch" + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
}

func TestSocket(t *testing.T) {
	for name, dir := range map[string]string{
		"short": filepath.Join(t.TempDir(), "run"),
		"long":  filepath.Join(t.TempDir(), strings.Repeat("long", 40)),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "reusewatch.sock")
			s, err := Serve(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != fs.ModeSocket|0o600 {
				t.Errorf("%v, %v: want a socket for its owner alone", info.Mode(), err)
			}
			if _, err := Serve(path, Options{}); !errors.Is(err, ErrServed) {
				t.Errorf("served twice: %v", err)
			}
			s.Publish(frameOf(0, judged(1, 1)))
			if f, err := NewClient(path).Snapshot(t.Context()); err != nil || queues(f) != "1:1 accepting; " {
				t.Errorf("%v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket is left: %v", err)
			}
			if _, err := NewClient(path).Snapshot(t.Context()); err == nil {
				t.Error("answered by nobody")
			}
		})
	}
}

// TestCrashed: a socket that nobody serves any more is replaced.
func TestCrashed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s, c := serve(t, path, Options{})
	s.Publish(frameOf(0))
	if _, err := c.Snapshot(t.Context()); err != nil {
		t.Error(err)
	}
}
