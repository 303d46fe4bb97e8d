package daemon

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestOutlet: a reader that stops makes nobody wait; what it did take is whole and in order,
// and what found no room is counted.
func TestOutlet(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o := NewOutlet(w)
	line := strings.Repeat("x", 1000)
	const lines = outletRoom/1000 + 5000
	for i := range lines {
		if _, err := fmt.Fprintf(o, "%d %s\n", i, line); err != nil {
			t.Fatal(err)
		}
	}
	if n := o.left(); n != 0 {
		t.Errorf("%d are told as left out, with no room to tell it", n)
	}
	read := 0
	in := bufio.NewReader(r)
	take := func() {
		text, err := in.ReadString('\n')
		if err != nil || text != fmt.Sprintf("%d %s\n", read, line) {
			t.Fatalf("line %d is %.20q, %v", read, text, err)
		}
		read++
	}
	var left int
	for left == 0 {
		take()
		left = o.left()
	}
	for read < lines-left {
		take()
	}
	if left < 1000 || read+left != lines {
		t.Errorf("%d lines read, %d left out, of %d", read, left, lines)
	}
	o.End()
	w.Close()
}

// TestOutletWithoutReader: only a reader that is gone is an error, and none that looks
// like the end of a pipeline.
func TestOutletWithoutReader(t *testing.T) {
	for want, w := range map[error]io.Writer{nil: failing{syscall.ENOSPC}, syscall.EPIPE: failing{syscall.EPIPE}} {
		o := NewOutlet(w)
		if _, err := o.Write([]byte("x\n")); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			livetest.Eventually(t, "it is counted", func() bool { return o.left() == 1 })
			if o.err() != nil {
				t.Errorf("a full disk: %v", o.err())
			}
			continue
		}
		livetest.Eventually(t, "the reader is known to be gone", func() bool { return o.err() != nil })
		if _, err := o.Write([]byte("x\n")); err == nil || errors.Is(err, syscall.EPIPE) {
			t.Errorf("%v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
