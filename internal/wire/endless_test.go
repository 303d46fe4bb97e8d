package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// endless is a reader whose value never ends; it counts what is taken from it.
type endless struct {
	head  string
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = ' '
	}
	e.taken += len(p)
	return len(p), nil
}

// TestEndlessFrame: a daemon that never comes to an end is not read for ever.
func TestEndlessFrame(t *testing.T) {
	const most = 1 << 20 // the whole bound takes a second
	from := &endless{head: `{"schema":"reusewatch/v1",`}
	r := NewFrameReader(from)
	r.from.most = most
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "larger than") || from.taken > 2*most {
		t.Errorf("%v after %d bytes", err, from.taken)
	}
	// What is bounded is one frame, and no stream of them.
	var sent bytes.Buffer
	for range 3 {
		if err := WriteFrame(&sent, frame(listenertest.Full())); err != nil {
			t.Fatal(err)
		}
	}
	r = NewFrameReader(&sent)
	r.from.most = int64(sent.Len()) / 2
	for n := range 3 {
		if _, err := r.Next(); err != nil {
			t.Errorf("frame %d: %v", n, err)
		}
	}
}
