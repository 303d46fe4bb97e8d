package remedy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// migrateReq turns migration on for every group of the namespace that the
// thread that opens it is in, wherever /proc/sys is mounted.
const migrateReq = "net/ipv4/tcp_migrate_req"

// Keeper keeps values of migrateReq where the next start finds them.
type Keeper interface {
	// Keeps says whether values can be kept, once there is room.
	Keeps() bool
	// Keep keeps a value before that is replaced; it is an error if it cannot be kept.
	Keep(listener.Kept) error
	Forget(listener.Kept) error
	Kept() ([]listener.Kept, error)
}

// errUnkept says that a value cannot be kept now, but can once there is room.
var errUnkept = errors.New("what is to be restored after a crash could not be kept")

// sysctl is a namespace in which migration was turned on for all groups.
type sysctl struct {
	kept   listener.Kept
	path   string
	keeper Keeper
	lock   *lock
}

func (a *Actor) sysctl(l *lock, k listener.Kept) *sysctl {
	dir := a.ProcSys
	if dir == "" {
		dir = "/proc/sys"
	}
	return &sysctl{kept: k, path: filepath.Join(dir, migrateReq), keeper: a.Keeper, lock: l}
}

// migrateAll turns migration on in a whole namespace, and keeps the old value before that.
func (a *Actor) migrateAll(l *lock, of *listener.Listener) (*sysctl, error) {
	s := a.sysctl(l, listener.Kept{Netns: of.Netns, NetCookie: of.NetCookie})
	err := l.namespace().Do(func() error {
		old, err := os.ReadFile(s.path)
		if err != nil {
			return fmt.Errorf("read net.ipv4.tcp_migrate_req of namespace %d: %w", of.Netns, err)
		}
		s.kept.Value = string(bytes.TrimSpace(old))
		if s.kept.Value == "1" {
			return nil // the operator has turned it on
		}
		if err := a.Keeper.Keep(s.kept); err != nil {
			if a.Keeper.Keeps() {
				err = fmt.Errorf("%w: %w", errUnkept, err)
			}
			return err
		}
		if err := os.WriteFile(s.path, []byte("1"), 0); err != nil {
			return errors.Join(fmt.Errorf("set net.ipv4.tcp_migrate_req of namespace %d: %w", of.Netns, err), a.Keeper.Forget(s.kept))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// restore restores the sysctl, if this rescue has turned it on.
func (r *rescue) restore() error {
	if r.sysctl == nil {
		return nil
	}
	err := r.sysctl.restore()
	if err == nil {
		r.sysctl = nil
	}
	return err
}

// restore writes the old value back, unless somebody else has changed it.
func (s *sysctl) restore() error {
	if s.kept.Value == "1" {
		return nil
	}
	err := s.lock.namespace().Do(func() error {
		now, err := os.ReadFile(s.path)
		if err == nil && string(bytes.TrimSpace(now)) == "1" {
			err = os.WriteFile(s.path, []byte(s.kept.Value), 0)
		}
		if err != nil {
			return fmt.Errorf("restore net.ipv4.tcp_migrate_req of namespace %d: %w", s.kept.Netns, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.keeper.Forget(s.kept)
}
