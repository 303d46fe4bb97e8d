package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/top"
	"github.com/reusewatch/reusewatch/internal/view"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// topSource gives the listeners that the filters choose, and comes back when a daemon
// that was lost does.
type topSource struct {
	open  func() (view.View, error)
	scope *scope

	mu   sync.Mutex // of view, and of nothing that a view does
	view view.View  // nil: lost
}

// connect belongs to whoever asks for frames, one at a time: nobody else opens a view.
func (s *topSource) connect() (view.View, error) {
	if v := s.current(); v != nil {
		return v, nil
	}
	v, err := s.open()
	if err != nil {
		return nil, err
	}
	s.change(v)
	return v, nil
}

func (s *topSource) close() {
	if v := s.change(nil); v != nil {
		_ = v.Close() // nothing is written to it
	}
}

func (s *topSource) current() view.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

// change gives the view that was.
func (s *topSource) change(to view.View) (was view.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, s.view = s.view, to
	return was
}

func (s *topSource) Next(ctx context.Context) (*wire.Frame, error) {
	v, err := s.connect()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", top.ErrLost, err)
	}
	f, err := v.Next(ctx)
	if err == nil {
		chosen := *f
		chosen.Listeners = s.scope.chosen(f)
		return &chosen, nil
	}
	if _, own := v.(*view.Own); own || ctx.Err() != nil {
		return nil, err
	}
	s.close()
	return nil, fmt.Errorf("%w: %w", top.ErrLost, err)
}

func (s *topSource) Explain(ctx context.Context, c listener.Cookie) (*wire.Explanation, error) {
	v := s.current()
	if v == nil {
		return nil, top.ErrLost // until the next frame comes
	}
	return v.Explain(ctx, c, topClients)
}

// topClients is how many waiting clients the detail view shows.
const topClients = 10
