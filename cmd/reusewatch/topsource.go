package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/top"
)

// topSource gives the listeners that the filters choose, and comes back when a daemon
// that was lost does.
type topSource struct {
	open  func() (view, error)
	scope *scope

	mu   sync.Mutex
	view view // nil: lost
}

func (s *topSource) connect() (view, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view != nil {
		return s.view, nil
	}
	v, err := s.open()
	if err != nil {
		return nil, err
	}
	s.view = v
	return v, nil
}

func (s *topSource) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view != nil {
		_ = s.view.Close() // nothing is written to it
		s.view = nil
	}
}

func (s *topSource) Next(ctx context.Context) (*report.Frame, error) {
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
	if _, own := v.(*ownView); own || ctx.Err() != nil {
		return nil, err
	}
	s.close()
	return nil, fmt.Errorf("%w: %w", top.ErrLost, err)
}

func (s *topSource) Explain(ctx context.Context, c listener.Cookie) (*report.Explanation, error) {
	v, err := s.connect()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", top.ErrLost, err)
	}
	return v.Explain(ctx, c, topClients)
}

// topClients is how many waiting clients the detail view shows.
const topClients = 10
