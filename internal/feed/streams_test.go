package feed

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// watcher publishes frames, one after the other, and in between answers whoever asks
// it, as a daemon's does.
type watcher struct {
	asks chan func()
}

func (w *watcher) run(ctx context.Context, s *Server) {
	for second := 0; ; second++ {
		s.Publish(frameOf(second, judged(1, uint32(second))))
		select {
		case <-ctx.Done():
			return
		case ask := <-w.asks:
			ask()
		case <-time.After(time.Millisecond):
		}
	}
}

// TestStreamsAreFollowed: whoever follows the number of streams may wait for the one
// who publishes, however readers come and go, and ends up with the last number.
func TestStreamsAreFollowed(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{})
	w := &watcher{asks: make(chan func())}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { w.run(ctx, s) })

	told := 0 // of the goroutine that publishes
	running.Go(func() {
		for {
			n, changed := s.Streams()
			select {
			case w.asks <- func() { told = n }:
			case <-ctx.Done():
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	})
	last := func() int {
		answer := make(chan int, 1)
		select {
		case w.asks <- func() { answer <- told }:
			return <-answer
		case <-time.After(20 * time.Second):
			t.Fatal("who publishes answers no more")
			return 0
		}
	}
	await := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); last() != want; {
			if time.Now().After(deadline) {
				t.Fatalf("told of %d streams at last, want %d", last(), want)
			}
		}
	}
	comeAndGo := func() {
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for range 50 {
					stream, err := c.Stream(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := stream.Next(); err != nil {
						t.Error(err)
					}
					if err := stream.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		readers.Wait()
	}
	comeAndGo()
	await(0)
	stays, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	comeAndGo()
	await(1)
	if err := stays.Close(); err != nil {
		t.Fatal(err)
	}
	await(0)
}
