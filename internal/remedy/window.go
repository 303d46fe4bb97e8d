package remedy

import (
	"context"
	"errors"
	"time"
)

// halfOpenWindow is how long a handshake may take: the SYN-ACK is sent six times
// within 63 s (tcp_synack_retries 5).
const halfOpenWindow = 63 * time.Second

// window is the time in which handshakes that were under way at the act may still complete,
// and are moved then.
type window struct {
	timer   *time.Timer
	program Migration
	end     func() error
	lock    *lock
}

// end turns everything off. A program is detached at once if no handshake was under way that
// it may move, else after the window, or when the agent ends.
func (r *rescue) end() error {
	errs := []error{r.restore()}
	for _, g := range r.groups {
		if g.program == nil {
			continue
		}
		end := func() error { return g.end(r.actor) }
		if g.halfOpen == 0 || !r.actor.MoveHalfOpen {
			errs = append(errs, end())
		} else {
			r.actor.openWindow(&window{end: end, lock: r.held, program: g.program})
		}
	}
	return errors.Join(errs...)
}

func (g *moving) end(a *Actor) error {
	return errors.Join(a.detach(g.program.ID()), g.program.Close())
}

func (a *Actor) openWindow(w *window) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.lock.users++
	a.windows[w] = true
	a.ending.Add(1)
	w.timer = time.AfterFunc(halfOpenWindow, func() { a.closeWindow(w) })
}

func (a *Actor) closeWindow(w *window) {
	defer a.ending.Done()
	err := w.end()
	a.mu.Lock()
	delete(a.windows, w)
	a.mu.Unlock()
	a.unlock(w.lock)
	if err != nil {
		a.Warn(err)
	}
}

// Wait waits until all windows are closed, or the context ends.
func (a *Actor) Wait(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		a.ending.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// HalfOpen says whether the window of some act is open.
func (a *Actor) HalfOpen() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.windows) > 0
}

// moves says whether a program is one of ours whose window is open. The next act on its
// group replaces it.
func (a *Actor) moves(program uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.windows {
		if w.program.ID() == program {
			return true
		}
	}
	return false
}

// release makes a program of ours whose window is open let its heirs go, so that the next
// one on its group can have them. If it fails, the next one cannot have them, which is an
// error there.
func (a *Actor) release(program uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.windows {
		if w.program.ID() == program {
			_ = w.program.Release()
		}
	}
}

// Close closes all windows.
func (a *Actor) Close() {
	a.mu.Lock()
	var open []*window
	for w := range a.windows {
		if w.timer.Stop() {
			open = append(open, w)
		}
	}
	a.mu.Unlock()
	for _, w := range open {
		a.closeWindow(w)
	}
	a.ending.Wait()
}
