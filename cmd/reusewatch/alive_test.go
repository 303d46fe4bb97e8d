package main

import (
	"context"
	"errors"
	"testing"

	"github.com/reusewatch/reusewatch/internal/watch"
)

// TestRefreshingEnds: an act does not wait for a watcher that has ended.
func TestRefreshingEnds(t *testing.T) {
	alive, end := context.WithCancel(t.Context())
	end()
	if _, err := refreshing(alive, watch.New(nil, watch.Options{}))(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("a watcher that does not run: %v", err)
	}
}
