package livetest

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

// Every does something again and again, until the test ends.
func Every(t testing.TB, d time.Duration, do func()) {
	end := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-end:
				return
			case <-time.After(d):
				do()
			}
		}
	})
	t.Cleanup(func() {
		close(end)
		done.Wait()
	})
}

// Messages are what a process writes, to be read while it does.
type Messages struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (m *Messages) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b.Write(b)
}

func (m *Messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b.String()
}
