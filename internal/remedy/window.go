package remedy

import (
	"context"
	"errors"
	"time"
)

// halfOpenWindow is how long a handshake may take: the SYN-ACK is sent six times
// within 63 s (tcp_synack_retries 5).
const halfOpenWindow = 63 * time.Second

// window is the time in which handshakes that were under way at the act may still
// be completed, to be moved then.
type window struct {
	timer   *time.Timer
	program Migration
	end     func() error
	lock    *lock
}

// end takes what is on off: programs at once where no handshake was under way that may be
// moved, else after the window, or when the agent ends.
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

// Wait waits until no handshake can be under way any more that an act met, or
// the context ends.
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

// HalfOpen says whether an act waits for handshakes.
func (a *Actor) HalfOpen() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.windows) > 0
}

// moves says whether a program is one of ours whose window is open: the next act
// on its group replaces it.
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

// release takes the heirs from a program of ours whose window is open: the next one on
// its group is to have them. If that fails, the next one cannot have them, and says so.
func (a *Actor) release(program uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.windows {
		if w.program.ID() == program {
			_ = w.program.Release()
		}
	}
}

// Close ends what acts have left turned on.
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
