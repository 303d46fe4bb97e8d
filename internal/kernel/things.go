package kernel

import (
	"fmt"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// maxThings is how many things of one process are reported, maxAllThings how many of all
// processes: a process may hold a million things, and a user have a thousand such processes.
const (
	maxThings    = 1 << 15 // tests set another one in Kernel.mostThings
	maxAllThings = 1 << 18
)

// Things gives what the descriptors of these processes refer to, each thing once a process,
// by its lowest descriptor. It is Async if any open file of it is. A process that holds more
// than there is room for is omitted.
func (k *Kernel) Things(pids []int) (things []listener.Thing, omitted []int, err error) {
	if len(pids) == 0 {
		return nil, nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.openIterator(bpf.KernelProgTellHeld); err != nil { // a command that looks once seldom needs it
		return nil, nil, err
	}
	questions := make(map[uint32]bpf.KernelAsk, len(pids))
	for _, pid := range pids {
		questions[uint32(pid)] = bpf.KernelAskASK_HELD
	}
	type held struct {
		object uint64
		mode   uint32 // the two ends of a pipe are two things
	}
	var raw bpf.KernelThing
	seen := make(map[held]int) // the things of one process, whose rows come together, by their index
	pid, first, over := uint32(0), 0, false
	err = k.asking(questions, false, func() error {
		return k.iterate(bpf.KernelProgTellHeld, nil, memoryOf(&raw), func() {
			if raw.Pid != pid {
				pid, first, over = raw.Pid, len(things), false
				clear(seen)
			}
			h := held{raw.Object, raw.Mode}
			i, known := seen[h]
			switch {
			case over:
			case known:
				things[i].Async = things[i].Async || raw.Async != 0
			case len(things)-first == k.mostThings || len(things) == maxAllThings:
				omitted, things, over = append(omitted, int(pid)), things[:first], true
			default:
				seen[h] = len(things)
				things = append(things, thing(&raw))
			}
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look at what %d processes hold: %w", len(pids), err)
	}
	return things, omitted, nil
}

const (
	fmodeRead  = 1
	fmodeWrite = 2
	heldMade   = 4 // HELD_MADE
	tcpListen  = 10
)

func thing(raw *bpf.KernelThing) listener.Thing {
	t := listener.Thing{
		Kind: thingKind(raw.Kind), PID: int(raw.Pid), FD: int(raw.Fd), File: listener.Key(raw.File),
		Object: listener.Key(raw.Object), Peer: listener.Key(raw.Peer),
		Inode: raw.Inode, NetNS: raw.Netns, Port: raw.Port, Remote: raw.RemotePort, Type: int(raw.Type),
		Listening: raw.State == tcpListen, Readers: int(raw.Readers), Writers: int(raw.Writers),
		Reads: raw.Mode&fmodeRead != 0, Writes: raw.Mode&fmodeWrite != 0,
		Locked: raw.Locked != 0, Async: raw.Async != 0,
		TimedReads: raw.TimedReads != 0, TimedWrites: raw.TimedWrites != 0,
	}
	if raw.Known != 0 {
		t.Position = listener.Known(listener.Position{Read: raw.Read, Wrote: raw.Wrote})
	}
	return t
}

func thingKind(k bpf.KernelThingKind) listener.ThingKind {
	switch k {
	case bpf.KernelThingKindTHING_LISTENER:
		return listener.ThingListener
	case bpf.KernelThingKindTHING_CONNECTION:
		return listener.ThingConnection
	case bpf.KernelThingKindTHING_UDP:
		return listener.ThingUDP
	case bpf.KernelThingKindTHING_UNIX:
		return listener.ThingUnix
	case bpf.KernelThingKindTHING_PIPE:
		return listener.ThingPipe
	case bpf.KernelThingKindTHING_EPOLL:
		return listener.ThingEpoll
	case bpf.KernelThingKindTHING_SOCKET:
		return listener.ThingSocket
	case bpf.KernelThingKindTHING_OTHER:
		return listener.ThingOther
	default:
		return listener.ThingRing
	}
}
