package kernel

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	claimTries = 20
	claimPause = 5 * time.Millisecond
)

// Claim takes the right to act in the network namespace of a cookie, which one agent
// of the host has at a time; it gives it back when closed, and the kernel does when the
// agent dies, however it dies. While another has it the error is listener.ErrClaimed.
//
// A claim is a loaded program that nobody ever runs, named after the cookie. Its type,
// sched_cls, takes CAP_NET_ADMIN or CAP_SYS_ADMIN in the initial user namespace beside
// CAP_BPF, also where unprivileged users may load socket filters: nobody but root can
// make one, or hold one. The kernel lists the programs of the whole host, so that agents
// in containers and other mount namespaces see each other's, and it frees a program with
// its last descriptor.
//
// Of several claims the one with the lowest id holds. The kernel gives ids in rising order,
// and gives one in the very step that makes a program visible. So an agent with a higher id
// became visible later, lists the programs later, sees the lower id and yields. The agent
// with the lowest id never yields, whether it sees the others or not. The time of loading
// would not do, for it is read long before a program becomes visible: each of two agents
// might be first by it, and one of them not see the other.
func (k *Kernel) Claim(netns uint64) (io.Closer, error) {
	name := claimName(netns)
	for try := 1; ; try++ {
		c, err := claim(name)
		// A claim that yields, or was just closed, is still listed for a moment.
		if !errors.Is(err, listener.ErrClaimed) || try == claimTries {
			return c, err
		}
		time.Sleep(claimPause)
	}
}

// claimName is of at most 15 bytes, all that the kernel keeps: 64 bits are up to 11
// digits of base 62, so that no two cookies share a name.
func claimName(netns uint64) string { return "rwa_" + new(big.Int).SetUint64(netns).Text(62) }

func claim(name string) (_ io.Closer, err error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.SchedCLS, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return nil, fmt.Errorf("load BPF program %s, the right to act: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	info, err := p.Info()
	if err != nil {
		return nil, fmt.Errorf("info of BPF program %s: %w", name, err)
	}
	own, known := info.ID()
	if !known || info.Name != name {
		return nil, fmt.Errorf("BPF program %s is known to the kernel as %q, id %d: nobody else would see it", name, info.Name, own)
	}
	held, err := claimedBefore(name, own)
	if err != nil {
		return nil, err
	}
	if held {
		return nil, listener.ErrClaimed
	}
	return p, nil
}

// claimedBefore says whether there is a claim of that name that is earlier than one's own.
func claimedBefore(name string, own ebpf.ProgramID) (bool, error) {
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("list the BPF programs: %w", err)
		}
		id = next
		if !before(id, own) {
			continue
		}
		same, err := isClaim(id, name)
		if same || err != nil {
			return same, err
		}
	}
}

// before says whether one id was given before another. Ids begin anew after 2^31, so an id
// was given before if it is less than half of that behind.
func before(id, own ebpf.ProgramID) bool { return int32((id-own)<<1) < 0 }

func isClaim(id ebpf.ProgramID, name string) (bool, error) {
	p, err := ebpf.NewProgramFromID(id)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // it has gone meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("open BPF program %d: %w", id, err)
	}
	defer p.Close()
	if p.Type() != ebpf.SchedCLS {
		return false, nil
	}
	info, err := p.Info()
	if err != nil {
		return false, fmt.Errorf("info of BPF program %d: %w", id, err)
	}
	return info.Name == name, nil
}
