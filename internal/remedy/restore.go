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

// detach detaches a program from its group, if that still exists.
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

// Restore turns off what an earlier agent that was killed in an act left turned on, except
// in namespaces in which another agent acts.
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
		return nil // another agent acts there
	}
	if err != nil {
		return err
	}
	defer a.unlock(held)
	return do(held)
}
