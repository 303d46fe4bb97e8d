package cli

import (
	"errors"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/top"
	"github.com/reusewatch/reusewatch/internal/view"
)

// TestTopSourceWhileLost: nobody waits for a daemon that is sought but whoever wants the
// next frame.
func TestTopSourceWhileLost(t *testing.T) {
	sought, found := make(chan struct{}), make(chan struct{})
	s := &topSource{open: func() (view.View, error) {
		close(sought)
		<-found
		return nil, errors.New("no daemon")
	}}
	next := make(chan error)
	go func() {
		_, err := s.Next(t.Context())
		next <- err
	}()
	<-sought
	explained := make(chan error, 1)
	go func() {
		_, err := s.Explain(t.Context(), 1)
		explained <- err
	}()
	select {
	case err := <-explained:
		if !errors.Is(err, top.ErrLost) {
			t.Errorf("an explanation: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("an explanation waits for the daemon")
	}
	close(found)
	if err := <-next; !errors.Is(err, top.ErrLost) {
		t.Errorf("the next frame: %v", err)
	}
	s.close()
}
