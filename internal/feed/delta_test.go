package feed

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// published makes a frame of a few bytes: each is a listener, that an eighth of them tells
// apart and whose queue is the rest of it. Listeners that are as before are the same.
func published(second int, spec []byte, before map[byte]listener.Judgement) *wire.Frame {
	now := make(map[byte]listener.Judgement)
	for _, b := range spec {
		if known, there := before[b]; there {
			now[b] = known
		} else {
			j := judged(listener.Cookie(b>>3+1), uint32(b&7))
			j.Local = netip.AddrPortFrom(j.Local.Addr(), 80+uint16(b>>6))
			now[b] = j
		}
	}
	var js []listener.Judgement
	seen := make(map[listener.Cookie]bool)
	for _, b := range spec {
		if j := now[b]; !seen[j.Cookie] {
			seen[j.Cookie] = true
			js = append(js, j)
		}
	}
	slices.SortFunc(js, func(a, b listener.Judgement) int { return listener.Compare(a.Listener, b.Listener) })
	clear(before)
	for b, j := range now {
		before[b] = j
	}
	return frameOf(second, js...)
}

// FuzzStream: whatever a stream tells, its reader has each listener once, in the order of
// snapshots; and of what a daemon publishes it has the very same as the daemon.
func FuzzStream(f *testing.F) {
	var last *wire.Frame
	var sent bytes.Buffer
	for _, frame := range []*wire.Frame{
		frameOf(1, judged(1, 2), judged(2, 0)), frameOf(2, judged(1, 3), judged(3, 0)), frameOf(3),
	} {
		if err := wire.WriteFrame(&sent, changed(last, frame)); err != nil {
			f.Fatal(err)
		}
		last = frame
	}
	f.Add(sent.Bytes(), []byte("\x01\x09\x00\x02\x11\x00\x00\x01"))
	const one = `{"cookie":"1","local":"1.1.1.1:1"}`
	const twice = `{"schema":"reusewatch/v1","gone":["1"],"listeners":[` + one + `,{"cookie":"1","local":"1.1.1.1:2"}]}`
	f.Add([]byte(twice), []byte{0, 0, 8, 0xff, 0, 7})
	const two = `{"schema":"reusewatch/v1","listeners":[` + one + `,{"cookie":"2","local":"1.1.1.1:2"}]}`
	const moved = `{"schema":"reusewatch/v1","listeners":[{"cookie":"1","local":"1.1.1.1:9"}]}`
	f.Add([]byte(two+moved), []byte("\x08\x00\x48\x09"))
	f.Fuzz(func(t *testing.T, sent, spec []byte) {
		var w whole
		frames := wire.NewFrameReader(bytes.NewReader(sent))
		for {
			in, err := frames.Next()
			if err != nil {
				break
			}
			got := w.take(in)
			if !got.Complete || got.Gone != nil || len(w.at) != len(got.Listeners) {
				t.Errorf("%q: %+v, of %d listeners", sent, got, len(w.at))
			}
			for i := range got.Listeners {
				if c := got.Listeners[i].Cookie; w.at[c] != i {
					t.Errorf("%q: listener %s is at %d, not %d", sent, c, i, w.at[c])
				}
			}
			order := func(a, b listener.Judgement) int { return listener.Compare(a.Listener, b.Listener) }
			if !slices.IsSortedFunc(got.Listeners, order) {
				t.Errorf("%q: in no order: %s", sent, queues(got))
			}
		}

		var last *wire.Frame
		var served bytes.Buffer
		var want []string
		before := make(map[byte]listener.Judgement)
		for second, part := range bytes.Split(spec, []byte{0}) {
			frame := published(second%60, part, before)
			want = append(want, queues(frame))
			if err := wire.WriteFrame(&served, changed(last, frame)); err != nil {
				t.Fatal(err)
			}
			last = frame
		}
		w, frames = whole{}, wire.NewFrameReader(&served)
		for i := 0; ; i++ {
			in, err := frames.Next()
			if errors.Is(err, io.EOF) && i == len(want) {
				break
			}
			if err != nil || i >= len(want) {
				t.Fatalf("frame %d of %d: %v", i, len(want), err)
			}
			if got := queues(w.take(in)); got != want[i] {
				t.Errorf("%q: frame %d is %q, want %q", spec, i, got, want[i])
			}
		}
	})
}
