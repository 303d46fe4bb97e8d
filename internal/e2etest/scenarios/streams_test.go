package scenarios

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// onlyOne asks the daemon for the one listener of a namespace, and whether it is counted.
func onlyOne(t *testing.T, c *feed.Client, ns *livetest.Namespace) (*listener.Listener, bool) {
	t.Helper()
	f := snapshot(t, c)
	for _, j := range f.Listeners {
		if j.Netns == ns.Inode {
			return j.Listener, j.Queued.IsKnown()
		}
	}
	t.Fatal("no listener of the test's")
	return nil, false
}

// snapshot fails the test where the daemon does not answer.
func snapshot(t *testing.T, c *feed.Client) *wire.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	f, err := c.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ticks waits until the daemon has looked again, a few times.
func ticks(t *testing.T, c *feed.Client) {
	t.Helper()
	for range 3 {
		before := snapshot(t, c).Time
		livetest.Eventually(t, "the daemon looks again", func() bool { return snapshot(t, c).Time.After(before) })
	}
}

// crowd are readers of all that is served, who come and go side by side.
func crowd(t *testing.T, path string, about listener.Cookie) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	stream := func(c *feed.Client, frames int) error {
		s, err := c.Stream(ctx)
		if err != nil {
			return err
		}
		defer s.Close()
		for range frames {
			if _, err := s.Next(); err != nil {
				return err
			}
		}
		return nil
	}
	var readers sync.WaitGroup
	for name, r := range map[string]struct {
		times int
		do    func(*feed.Client) error
	}{
		"a stream that is not read": {100, func(c *feed.Client) error { return stream(c, 0) }},
		"a stream":                  {100, func(c *feed.Client) error { return stream(c, 1) }},
		"a longer stream":           {20, func(c *feed.Client) error { return stream(c, 3) }},
		"a snapshot": {100, func(c *feed.Client) error {
			_, err := c.Snapshot(ctx)
			return err
		}},
		"an explanation": {5, func(c *feed.Client) error {
			_, err := c.Explain(ctx, about, 1)
			return err
		}},
	} {
		for range 2 {
			readers.Go(func() {
				c := feed.NewClient(path)
				defer c.Close()
				for i := range r.times {
					if err := r.do(c); err != nil {
						t.Errorf("%s, number %d: %v", name, i, err)
						return
					}
				}
			})
		}
	}
	readers.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// TestReadersComeAndGo: whoever opens and closes what the daemon serves, however often,
// neither stops it nor leaves it counting.
func TestReadersComeAndGo(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	stays(t, serve(t, ns, server{Addr: web}))
	r := run(t, "--netns", ns.Path, "--state-dir", dir, "--interval", "20ms", "--count", "suspected")
	c := feed.NewClient(daemon.SocketIn(dir))
	defer c.Close()
	l, counted := onlyOne(t, c, ns)
	if counted {
		t.Error("counted, though nobody looks and nothing is suspected")
	}
	await := func(want bool, what string) {
		t.Helper()
		ticks(t, c)
		livetest.Eventually(t, what, func() bool {
			_, counted := onlyOne(t, c, ns)
			return counted == want
		})
	}

	crowd(t, daemon.SocketIn(dir), l.Cookie)
	await(false, "it is not counted when all have gone")

	last, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	crowd(t, daemon.SocketIn(dir), l.Cookie)
	await(true, "it is counted while one stays")
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	await(false, "it is not counted when the last has gone")

	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	r.none("suspect", "stuck")
}
