package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// MaxClients bounds how many clients of one queue are listed.
	MaxClients = 4096
	// clientWalks bounds how often a queue is walked again that moved meanwhile.
	clientWalks = 5
)

// The states of a child that its client has left, as in <net/tcp_states.h>.
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

// ErrNotListening says that the listener has ended.
var ErrNotListening = errors.New("it listens no more")

// Clients walks the accept queue of a listener and gives its clients, oldest
// first, maxRows or MaxClients of them at the most. Its program is loaded for this
// one call, for watching has no use for it. Of a queue that moves all the time it
// gives what the last walk met.
func (k *Kernel) Clients(l *listener.Listener, maxRows int) (_ listener.Clients, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	spec, err := bpf.LoadKernel()
	if err != nil {
		return listener.Clients{}, fmt.Errorf("read the embedded BPF object: %w", err)
	}
	spec.Programs = map[string]*ebpf.ProgramSpec{bpf.KernelProgWalkClients: spec.Programs[bpf.KernelProgWalkClients]}
	spec.Maps = map[string]*ebpf.MapSpec{bpf.KernelMapClients: spec.Maps[bpf.KernelMapClients]}
	spec.Variables = nil
	types, err := k.opts.types()
	if err != nil {
		return listener.Clients{}, err
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: types})
	if err != nil {
		return listener.Clients{}, fmt.Errorf("load BPF program %s: %w", bpf.KernelProgWalkClients, err)
	}
	defer coll.Close()

	io, err := walkClients(coll.Programs[bpf.KernelProgWalkClients], bpf.KernelClientsIo{
		Sk: uint64(l.Key), Cookie: uint64(l.Cookie), RowsMax: uint32(min(max(maxRows, 0), MaxClients)),
	})
	if err != nil {
		return listener.Clients{}, fmt.Errorf("walk the queue of %s: %w", l.Local, err)
	}
	rows := make([]bpf.KernelClient, io.Rows)
	if err := readClients(coll.Maps[bpf.KernelMapClients], rows); err != nil {
		return listener.Clients{}, err
	}
	clients := listener.Clients{Oldest: make([]listener.Client, len(rows)), Total: int(io.Total), Gone: int(io.Gone)}
	for i := range rows {
		clients.Oldest[i] = k.client(&rows[i])
	}
	return clients, nil
}

// walkClients walks until a walk was not disturbed, or clientWalks have been tried.
func walkClients(prog *ebpf.Program, ask bpf.KernelClientsIo) (io bpf.KernelClientsIo, err error) {
	for range clientWalks {
		io = ask
		if _, err := prog.Run(&ebpf.RunOptions{Context: &io, ContextOut: &io}); err != nil {
			return io, fmt.Errorf("run the program: %w", err)
		}
		switch io.End {
		case bpf.KernelWalkEndWALK_NOT_LISTENING:
			return io, ErrNotListening
		case bpf.KernelWalkEndWALK_BROKEN:
			continue
		default:
			return io, nil
		}
	}
	return io, nil
}

func readClients(m *ebpf.Map, rows []bpf.KernelClient) error {
	if len(rows) == 0 {
		return nil
	}
	mem, err := m.Memory()
	if err != nil {
		return fmt.Errorf("map the clients: %w", err)
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&rows[0])), len(rows)*int(unsafe.Sizeof(rows[0])))
	if _, err := mem.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read %d clients: %w", len(rows), err)
	}
	return nil
}

func (k *Kernel) client(raw *bpf.KernelClient) listener.Client {
	remote := addrPort(raw.Family, raw.Addr, raw.Port)
	c := listener.Client{
		// A socket of both families has its IPv4 addresses mapped.
		Remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()),
		Waited: k.clock.duration(uint64(raw.Age)),
	}
	if raw.UnreadKnown != 0 {
		c.Unread = listener.Known(raw.Unread)
	}
	switch raw.State {
	case tcpClose:
		c.Gone = listener.GoneRST
	case tcpCloseWait:
		c.Gone = listener.GoneFIN
	default: // ESTABLISHED, or SYN_RECV of a client that came by fast open
	}
	return c
}
