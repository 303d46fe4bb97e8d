package watch

import (
	"context"
	"errors"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestAskOfOneThatEnded: nobody waits for a watcher that has ended with its context or its
// kernel side. Questions that were asked before are answered.
func TestAskOfOneThatEnded(t *testing.T) {
	s := &script{looks: []listener.Look{look(0, sampleOf(1, 1, 0, 0))}}
	w := watcher(s)
	mustStart(t, w)
	ran := make(chan error)
	go func() { ran <- w.Run(t.Context(), func(*listener.Snapshot, []Change) {}) }()
	asked := false
	if err := w.Ask(t.Context(), func() { asked = true }); err != nil || !asked {
		t.Errorf("of one that runs: %v, asked %v", err, asked)
	}
	if err := <-ran; err == nil { // the script is over
		t.Error("it ended without an error")
	}
	if err := w.Ask(context.Background(), func() {}); !errors.Is(err, ErrEnded) {
		t.Errorf("of one that ended: %v", err)
	}
	if _, err := w.Refresh(context.Background()); !errors.Is(err, ErrEnded) {
		t.Errorf("of one that ended: %v", err)
	}
}
