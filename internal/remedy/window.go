package remedy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
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

// detach takes a program from the group that it is attached to; a group that has
// gone took it along.
func (a *Actor) detach(id uint32) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	snap, err := a.Refresh(ctx)
	if err != nil {
		return fmt.Errorf("find the group of program %d: %w", id, err)
	}
	return a.detachIn(snap, id)
}

func (a *Actor) detachIn(snap *listener.Snapshot, id uint32) error {
	var errs []error
	for _, l := range snap.Listeners {
		if l.Migration != id {
			continue
		}
		for i := range l.Owners {
			err := a.detachBy(l, &l.Owners[i])
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (a *Actor) detachBy(l *listener.Listener, o *listener.Owner) error {
	p, err := openProcess(a.Kernel, o.PID, o.Start)
	if err != nil {
		return err
	}
	defer p.close()
	fd, err := p.descriptor(&l.Sample, o.FD)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("detach the program from the group of %s: %w", l.Local, err)
	}
	return nil
}

// Restore ends what an earlier agent left turned on that was killed in an act.
// Where another one lives and acts, it is left alone.
func (a *Actor) Restore(s *listener.Snapshot) error {
	var errs []error
	seen := make(map[uint32]bool)
	for _, l := range s.Listeners {
		if l.Migration != 0 && !seen[l.Migration] && len(l.Owners) > 0 {
			seen[l.Migration] = true
			errs = append(errs, a.restoring(l.Netns, l.NetCookie, func(*lock) error { return a.detachIn(s, l.Migration) }))
		}
	}
	kept, err := a.Keeper.Kept()
	errs = append(errs, err)
	for _, k := range kept {
		err := a.restoring(k.Netns, k.NetCookie, func(held *lock) error {
			return a.sysctl(held, k).restore()
		})
		if errors.Is(err, os.ErrNotExist) {
			err = a.Keeper.Forget(k) // its namespace has gone
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (a *Actor) restoring(inode uint32, cookie uint64, do func(*lock) error) error {
	f, err := a.openNamespace(inode, cookie)
	if err != nil {
		return err
	}
	held, err := a.lock(f, cookie)
	if errors.Is(err, ErrChanged) {
		return nil // somebody is at it
	}
	if err != nil {
		return err
	}
	defer a.unlock(held)
	return do(held)
}
