package wire

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

func frame(js ...listener.Judgement) *Frame {
	return &Frame{
		Time: listenertest.Instant(), Tier: listener.TierFunctions, Complete: true,
		Cost: listener.Known(Cost{PID: 99}), Listeners: js,
	}
}

// TestFrameInPieces: what is written listener by listener is what one object would be.
func TestFrameInPieces(t *testing.T) {
	gone := frame(listenertest.Bare())
	gone.Complete, gone.Gone = false, []listener.Cookie{7}
	for name, f := range map[string]*Frame{
		"none": frame(), "one": frame(listenertest.Bare()), "gone": gone,
		"three": frame(listenertest.Full(), listenertest.Bare(), listenertest.Unowned()),
	} {
		all := f.head()
		all.Listeners = allJSON(f.Listeners)
		for kind, write := range map[string]struct {
			pieces func(*bytes.Buffer) error
			whole  func() ([]byte, error)
		}{
			"a line": {
				func(b *bytes.Buffer) error { return WriteFrame(b, f) },
				func() ([]byte, error) { return json.Marshal(all) },
			},
			"for a person": {
				func(b *bytes.Buffer) error { return WriteIndented(b, f) },
				func() ([]byte, error) { return json.MarshalIndent(all, "", "  ") },
			},
		} {
			var got, want bytes.Buffer
			b, err := write.whole()
			if err == nil {
				err = writeLine(&want, b)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := write.pieces(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("%s, %s (-whole +in pieces):\n%s", name, kind, diff)
			}
		}
	}
}

// BenchmarkFrame writes a host of 10,000 listeners.
func BenchmarkFrame(b *testing.B) {
	f := frame()
	for range 10_000 {
		f.Listeners = append(f.Listeners, listenertest.Bare())
	}
	var size counting
	b.ReportAllocs()
	for b.Loop() {
		size = 0
		if err := WriteFrame(&size, f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/float64(len(f.Listeners)), "B/listener")
}

// counting is how much was written.
type counting int

func (c *counting) Write(b []byte) (int, error) {
	*c += counting(len(b))
	return len(b), nil
}
