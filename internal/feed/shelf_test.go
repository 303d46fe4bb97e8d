package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// many are the judgements of a host with so many listeners.
func many(n int) []listener.Judgement {
	js := make([]listener.Judgement, n)
	for i := range js {
		js[i] = judged(listener.Cookie(i+1), 0)
	}
	return js
}

// busy are the same a second later, each with something new.
func busy(js []listener.Judgement) []listener.Judgement {
	js = slices.Clone(js)
	for i := range js {
		l := *js[i].Listener
		l.Queue++
		js[i].Listener = &l
	}
	return js
}

// size is how long the text of a frame is.
func size(t *testing.T, f *wire.Frame) int {
	t.Helper()
	var e encoded
	if err := wire.WriteFrame(&e, f); err != nil {
		t.Fatal(err)
	}
	return e.size
}

// state is what a shelf has done, and holds now.
func (s *shelf) state() (makes, held, bases int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makes, s.held, len(s.bases)
}

// highest follows how much is allocated until stop is called.
func highest() (stop func() uint64) {
	var most uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return most
	}
}

// TestManyReaders: two hundred readers of 10,000 listeners make the daemon encode once a
// frame and keep no more than one text of each, and publishing waits for none of them.
func TestManyReaders(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{})
	js := many(10_000)
	const frames, readers = 3, 200
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	stop := highest()
	var kept encoded
	if err := wire.WriteFrame(&kept, frameOf(0, js...)); err != nil {
		t.Fatal(err)
	}
	text := kept.length
	for second := range frames {
		f := frameOf(second, js...)
		s.Publish(f)
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				for {
					body, err := c.get(t.Context(), "/v1/snapshot")
					if errors.Is(err, ErrBusy) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					n, err := io.Copy(io.Discard, body)
					_ = body.Close()
					if err != nil || n < int64(text-100) {
						t.Errorf("%d bytes, %v", n, err)
					}
					return
				}
			})
		}
		all.Wait()
	}
	grown := int(stop()) - int(before.HeapInuse)
	makes, _, _ := s.shelf.state()
	t.Logf("%d encodings of %d bytes, kept in %d, for %d readers; the heap grew by %d bytes at the most",
		makes, text, kept.size, frames*readers, grown)
	if makes != frames {
		t.Errorf("%d encodings of %d frames", makes, frames)
	}
	// What encoding leaves for the collector, and buffers: the text itself is kept in little.
	if grown > 6*text || kept.size > text/4 {
		t.Errorf("the heap grew by %d bytes for a text of %d", grown, text)
	}
	s.Publish(frameOf(frames))
	livetest.Eventually(t, "nothing is kept when nobody reads it", func() bool {
		_, held, _ := s.shelf.state()
		return held == 0
	})
}

// TestStreamsShare: streams that keep up share one encoding of what changed, and the daemon
// remembers one frame for all of them.
func TestStreamsShare(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{})
	js := many(100)
	const streams, frames = 50, 5
	s.Publish(frameOf(0, js...))
	open := make([]*Stream, streams)
	for i := range open {
		var err error
		if open[i], err = c.Stream(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer open[i].Close()
		if _, err := open[i].Next(); err != nil {
			t.Fatal(err)
		}
	}
	awaitStreams(t, s, streams)
	for second := range frames {
		js = busy(js)
		s.Publish(frameOf(second+1, js...))
		for _, stream := range open {
			f, err := stream.Next()
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Listeners) != len(js) || f.Listeners[99].Queue != js[99].Queue {
				t.Fatalf("%d listeners", len(f.Listeners))
			}
		}
	}
	makes, _, bases := s.shelf.state()
	if makes != 1+frames {
		t.Errorf("%d encodings for %d streams of %d frames", makes, streams, frames)
	}
	if bases != 1 {
		t.Errorf("%d frames are kept for streams that are all at the same", bases)
	}
	for _, stream := range open {
		_ = stream.Close()
	}
	livetest.Eventually(t, "no frame is kept for streams that have ended", func() bool {
		_, _, bases := s.shelf.state()
		return bases == 0
	})
}

// TestLaggards: streams that are late, each at another frame, are brought to the newest
// one, by what changed or by a whole one, and few frames are kept for them.
func TestLaggards(t *testing.T) {
	s := newShelf(shelfRoom)
	js := many(10)
	var streams [3 * mostBases]place
	read := make([]whole, len(streams))
	take := func(i int) {
		e, err := s.take(t.Context(), &streams[i])
		if err != nil {
			t.Fatal(err)
		}
		defer s.giveBack(e)
		var sent bytes.Buffer
		if _, err := e.WriteTo(&sent); err != nil {
			t.Fatal(err)
		}
		f, err := wire.NewFrameReader(&sent).Next()
		if err != nil {
			t.Fatal(err)
		}
		read[i].take(f)
	}
	for i := range streams {
		js = busy(js)
		s.publish(frameOf(i, js...))
		take(i)
	}
	if len(s.bases) != mostBases {
		t.Errorf("%d frames are kept", len(s.bases))
	}
	js = busy(js)[1:]
	last := frameOf(59, js...)
	s.publish(last)
	before := s.makes
	for i := range streams {
		take(i)
		if got := queues(&wire.Frame{Listeners: read[i].listeners}); got != queues(last) {
			t.Errorf("stream %d reads %s, want %s", i, got, queues(last))
		}
	}
	if n := s.makes - before; n != mostBases {
		t.Errorf("%d encodings, want a whole one, and one for each frame that is kept beside the newest", n)
	}
	for i := range streams {
		s.leave(&streams[i])
	}
	if len(s.bases) != 0 {
		t.Errorf("%d frames are kept for nobody", len(s.bases))
	}
}

// TestNoRoom: readers who keep many frames have new ones get the last that is there, and
// streams wait, until there is room again.
func TestNoRoom(t *testing.T) {
	js := many(100)
	s := newShelf(2 * size(t, frameOf(0, js...)))
	take := func(second int, at *place) *encoded {
		s.publish(frameOf(second, js...))
		e, err := s.take(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	var at place
	slow := []*encoded{take(0, nil), take(1, nil), take(2, &at)}
	if !slow[2].frame.Time.Equal(frameOf(1).Time) || slow[2] != slow[1] || s.makes != 2 {
		t.Errorf("got the frame of %s, after %d encodings", slow[2].frame.Time, s.makes)
	}
	slow = append(slow, take(3, &at)) // what changed is small
	if !slow[3].frame.Time.Equal(frameOf(3).Time) || slow[3].size > 1000 {
		t.Errorf("a stream got %d bytes of the frame of %s", slow[3].size, slow[3].frame.Time)
	}
	fresh := place{had: s.number}
	s.publish(frameOf(4, js...))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.take(ctx, &fresh); err == nil {
		t.Error("a stream goes back in time, or there is more room than said")
	}
	for _, e := range slow {
		s.giveBack(e)
	}
	e, err := s.take(t.Context(), &fresh)
	if err != nil || !e.frame.Time.Equal(frameOf(4).Time) {
		t.Fatal(err)
	}
	s.giveBack(e)
	s.publish(frameOf(5))
	if s.held != 0 || s.whole != nil {
		t.Errorf("%d bytes are held by nobody", s.held)
	}
}

// TestNeverReads: who asks and takes nothing is ended, and counts as no stream.
func TestNeverReads(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{patience: 200 * time.Millisecond})
	s.Publish(frameOf(0, many(20_000)...))
	for _, what := range []string{"snapshot", "stream"} {
		conn, err := connect(t.Context(), c.path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "GET /v1/%s HTTP/1.1\r\nHost: a\r\n\r\n", what); err != nil {
			t.Fatal(err)
		}
	}
	livetest.Eventually(t, "both are being answered", func() bool { return len(s.reading) == 2 })
	livetest.Eventually(t, "both are ended", func() bool {
		if n, _ := s.Streams(); n != 0 {
			t.Fatal("who reads nothing counts as a reader")
		}
		return len(s.reading) == 0
	})
	s.Publish(frameOf(1))
	if _, held, bases := s.shelf.state(); held != 0 || bases != 0 {
		t.Errorf("%d bytes and %d frames are kept for who has been ended", held, bases)
	}
}

// TestTooMany: beyond the bound a reader is told so, and those inside go on.
func TestTooMany(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{readers: 3})
	s.Publish(frameOf(0, judged(1, 0)))
	var inside []*Stream
	for range 3 {
		stream, err := c.Stream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		inside = append(inside, stream)
	}
	for range 500 {
		_, err := c.Snapshot(t.Context())
		if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "3 readers are being answered") {
			t.Fatalf("one too many: %v", err)
		}
	}
	s.Publish(frameOf(1, judged(1, 1)))
	for _, stream := range inside {
		for want := range 2 {
			if f, err := stream.Next(); err != nil || f.Listeners[0].Queue > uint32(want) {
				t.Errorf("inside: %v", err)
			} else if f.Time.Equal(frameOf(1).Time) {
				break
			}
		}
	}
	_ = inside[0].Close()
	awaitStreams(t, s, 2)
	livetest.Eventually(t, "there is a place again", func() bool {
		_, err := c.Snapshot(t.Context())
		return err == nil
	})
}

// TestBodyNeverSent: a request that announces more than it sends is not waited for.
func TestBodyNeverSent(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{})
	s.Publish(frameOf(0))
	conn, err := connect(t.Context(), c.path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.UnixConn).SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(conn, "GET /v1/snapshot HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 400") {
		t.Errorf("%q, %v", b, err)
	}
}

// TestMutes: connections on which nobody asks keep nobody out.
func TestMutes(t *testing.T) {
	s, c := serve(t, filepath.Join(t.TempDir(), "s"), Options{})
	s.Publish(frameOf(0, judged(1, 5)))
	for range mostConnections + 10 {
		conn, err := connect(t.Context(), c.path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if f, err := c.Snapshot(t.Context()); err != nil || queues(f) != "1:5 accepting; " {
		t.Error(err)
	}
}
