package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
)

// network gives a way into each network namespace that is to be entered: our own, those
// that a process is in, and those that the options add, which a mount or a descriptor
// keeps. One that only a socket keeps is not found.
func (k *Kernel) network() ([]netns.Namespace, error) {
	own := netns.Own()
	var err error
	if own.Inode, err = own.Number(); err != nil {
		return nil, err
	}
	found := map[uint32]netns.Namespace{own.Inode: own}
	processes, err := k.processes(listener.Ask{All: true})
	if err != nil {
		return nil, fmt.Errorf("find network namespaces: %w", err)
	}
	for pid, p := range processes {
		if known, other := found[p.NetNS]; p.NetNS != 0 && (!other || known.PID > pid) {
			found[p.NetNS] = netns.Namespace{Inode: p.NetNS, PID: pid, TID: p.Speaker}
		}
	}
	byInode := func(a, b netns.Namespace) int { return cmp.Compare(a.Inode, b.Inode) }
	all := slices.SortedFunc(maps.Values(found), byInode)
	if k.opts.Namespaces == nil {
		return all, nil
	}
	if all, err = k.opts.Namespaces(all); err != nil {
		return nil, fmt.Errorf("find network namespaces: %w", err)
	}
	return all, nil
}

// Namespace opens a network namespace that can be found; the caller closes it. The error is
// os.ErrNotExist if none has this inode.
func (k *Kernel) Namespace(inode uint32) (*os.File, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all, err := k.network()
	if err != nil {
		return nil, err
	}
	errs := []error{fmt.Errorf("network namespace %d: %w", inode, os.ErrNotExist)}
	for _, n := range all {
		if n.Inode != inode {
			continue
		}
		f, err := n.Open()
		if err == nil {
			return f, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// Unreachable gives the network namespaces that can be found and not entered: a listener
// in them that is older than the kernel side, and that no process holds, stays unseen.
func (k *Kernel) Unreachable() ([]netns.Namespace, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all, err := k.network()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(n netns.Namespace) bool {
		err := n.Do(func() error { return nil })
		return err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH)
	}), nil
}
