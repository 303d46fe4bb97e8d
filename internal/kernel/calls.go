package kernel

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// calls is the program watch_calls, and the processes that it is attached for.
type calls struct {
	prog  *ebpf.Program     // nil: this kernel does not give it
	link  link.Link         // nil: nobody is watched
	since map[int]time.Time // when each process began to be watched
}

// callHook slows every system call of the host: it is attached only while somebody is watched.
func callHook() hook {
	return hook{SignalCalls, bpf.KernelProgWatchCalls, "tp_btf/sys_exit", false}
}

// callKinds gives the kinds of the system calls of this machine, by their number.
func callKinds() (kinds [512]uint8) {
	for kind, numbers := range map[bpf.KernelCallKind][]int{
		bpf.KernelCallKindCALL_ACCEPT:  {unix.SYS_ACCEPT, unix.SYS_ACCEPT4},
		bpf.KernelCallKindCALL_RECEIVE: {unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG},
		bpf.KernelCallKindCALL_SEND:    {unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_SENDFILE, unix.SYS_SPLICE},
	} {
		for _, number := range numbers {
			kinds[number] = uint8(kind)
		}
	}
	return kinds
}

// loadCalls loads the program without attaching it.
func (k *Kernel) loadCalls() {
	h := callHook()
	var err error
	if k.calls.prog, err = loadHook(k.objs, h); err != nil {
		k.lost = append(k.lost, Lost{h.signal, h.target, err})
	}
}

// WatchCalls counts the system calls of exactly these processes. While there are any, each
// system call of the host is a little slower. Where the kernel does not give the program,
// and in the queues tier, which attaches nothing, it does nothing, and Calls gives nobody.
// The calls of processes that there is no room for stay unknown.
func (k *Kernel) WatchCalls(pids []int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.watchCalls(pids)
}

func (k *Kernel) watchCalls(pids []int) error {
	if k.calls.prog == nil {
		return nil
	}
	wanted := make(map[int]bool, len(pids))
	for _, pid := range pids {
		wanted[pid] = true
	}
	if err := k.unwatch(wanted); err != nil {
		return err
	}
	if len(wanted) == 0 {
		return k.calls.detach()
	}
	if k.calls.link == nil {
		l, err := link.AttachTracing(link.TracingOptions{Program: k.calls.prog})
		if err != nil {
			k.calls.prog = nil // closed with all others; the calls stay unknown from now on
			return nil         //nolint:nilerr // a signal that cannot be had is unknown, and no failure
		}
		k.calls.link = l
	}
	called := k.objs.maps.Maps[bpf.KernelMapCalled]
	for pid := range wanted {
		if _, known := k.calls.since[pid]; known || len(k.calls.since) >= int(called.MaxEntries()) {
			continue
		}
		if err := called.Put(uint32(pid), bpf.KernelCalls{}); err != nil {
			return fmt.Errorf("watch the calls of process %d: %w", pid, err)
		}
		if k.calls.since == nil {
			k.calls.since = make(map[int]time.Time)
		}
		k.calls.since[pid] = time.Now()
	}
	return nil
}

// unwatch drops the processes that are not wanted any more, with their counts.
func (k *Kernel) unwatch(wanted map[int]bool) error {
	ended := false
	for pid := range k.calls.since {
		if wanted[pid] {
			continue
		}
		if err := k.objs.maps.Maps[bpf.KernelMapCalled].Delete(uint32(pid)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("stop watching the calls of process %d: %w", pid, err)
		}
		delete(k.calls.since, pid)
		ended = true
	}
	if !ended {
		return nil
	}
	// A call that was being counted while its process was dropped may have left an entry.
	all, err := k.refusals()
	if err != nil {
		return err
	}
	for key := range all {
		if _, watched := k.calls.since[int(key.Pid)]; watched {
			continue
		}
		if err := k.objs.maps.Maps[bpf.KernelMapRefused].Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget what process %d was refused: %w", key.Pid, err)
		}
	}
	return nil
}

// refusals reads all entries; one that comes meanwhile may be missing.
func (k *Kernel) refusals() (map[bpf.KernelRefusedKey]bpf.KernelRefusal, error) {
	all := make(map[bpf.KernelRefusedKey]bpf.KernelRefusal)
	var key bpf.KernelRefusedKey
	var r bpf.KernelRefusal
	entries := k.objs.maps.Maps[bpf.KernelMapRefused].Iterate()
	for entries.Next(&key, &r) {
		all[key] = r
	}
	if err := entries.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return nil, fmt.Errorf("read what was refused: %w", err)
	}
	return all, nil
}

// Calls gives what the calls of each watched process did since it began to be watched. They
// begin anew when the kernel side makes room for more listeners.
func (k *Kernel) Calls() (map[int]listener.Calls, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	byPID := make(map[int]listener.Calls, len(k.calls.since))
	if len(k.calls.since) == 0 {
		return byPID, nil
	}
	for pid, since := range k.calls.since {
		var c bpf.KernelCalls
		if err := k.objs.maps.Maps[bpf.KernelMapCalled].Lookup(uint32(pid), &c); err != nil {
			return nil, fmt.Errorf("read the calls of process %d: %w", pid, err)
		}
		byPID[pid] = listener.Calls{
			Over: time.Since(since), Total: c.Total, Received: c.Received, Sent: c.Sent, Accepted: c.Accepted,
			Refused: make(map[listener.Key]listener.Refusal),
		}
	}
	all, err := k.refusals()
	if err != nil {
		return nil, err
	}
	for key, r := range all {
		if c, watched := byPID[int(key.Pid)]; watched {
			c.Refused[listener.Key(key.Sk)] = listener.Refusal{N: r.N, Errno: int(r.Error)}
		}
	}
	return byPID, nil
}

// watched gives the processes whose calls are watched.
func (c *calls) watched() []int {
	pids := make([]int, 0, len(c.since))
	for pid := range c.since {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// detach detaches the program.
func (c *calls) detach() error {
	if c.link == nil {
		return nil
	}
	l := c.link
	c.link = nil
	if err := l.Close(); err != nil {
		return fmt.Errorf("detach %s: %w", callHook().target, err)
	}
	return nil
}
