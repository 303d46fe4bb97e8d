package kernel

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// constantsMap holds what is set before loading.
const constantsMap = ".rodata"

// Migration is a program that sends the clients of a closing member of the
// group it is attached to on to its siblings, but for those who have gone.
type Migration struct {
	coll *ebpf.Collection
	id   ebpf.ProgramID
}

// LoadMigration loads the program; whoever asks attaches it (SO_ATTACH_REUSEPORT_EBPF).
func LoadMigration(o listener.Moving) (*Migration, error) {
	spec, err := bpf.LoadKernel()
	if err != nil {
		return nil, fmt.Errorf("read the embedded BPF object: %w", err)
	}
	var halfOpen uint8
	if o.HalfOpen {
		halfOpen = 1
	}
	if err := spec.Variables[bpf.KernelVarMoveHalfOpen].Set(halfOpen); err != nil {
		return nil, fmt.Errorf("set constant %s: %w", bpf.KernelVarMoveHalfOpen, err)
	}
	spec.Programs = map[string]*ebpf.ProgramSpec{bpf.KernelProgReusewatchMove: spec.Programs[bpf.KernelProgReusewatchMove]}
	maps := make(map[string]*ebpf.MapSpec)
	for _, name := range []string{bpf.KernelMapRescues, constantsMap} {
		maps[name] = spec.Maps[name]
	}
	spec.Maps = maps
	for name, v := range spec.Variables {
		if v.SectionName != constantsMap {
			delete(spec.Variables, name)
		}
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("load BPF program %s: %w", bpf.KernelProgReusewatchMove, err)
	}
	info, err := coll.Programs[bpf.KernelProgReusewatchMove].Info()
	if err != nil {
		coll.Close()
		return nil, fmt.Errorf("info of BPF program %s: %w", bpf.KernelProgReusewatchMove, err)
	}
	id, _ := info.ID()
	return &Migration{coll, id}, nil
}

// FD is the program's descriptor.
func (m *Migration) FD() int { return m.coll.Programs[bpf.KernelProgReusewatchMove].FD() }

// ID is what a sample of a group shows that it is attached to.
func (m *Migration) ID() uint32 { return uint32(m.id) }

// Rescued says what became of the clients so far.
func (m *Migration) Rescued() (listener.Rescued, error) {
	var raw bpf.KernelRescued
	if err := m.coll.Maps[bpf.KernelMapRescues].Lookup(uint32(0), &raw); err != nil {
		return listener.Rescued{}, fmt.Errorf("read who was rescued: %w", err)
	}
	return listener.Rescued{Moved: int(raw.Moved), HalfOpen: int(raw.HalfOpen), Gone: int(raw.Gone)}, nil
}

// Close forgets the program; where it is attached it stays.
func (m *Migration) Close() error {
	m.coll.Close()
	return nil
}

// isMigration says whether a program is one of ours, of an earlier run too. It
// remembers: the kernel gives no id again.
func (k *Kernel) isMigration(id uint32) bool {
	ours, known := k.programs[id]
	if !known {
		ours = isMigration(ebpf.ProgramID(id))
		k.programs[id] = ours
	}
	return ours
}

func isMigration(id ebpf.ProgramID) bool {
	prog, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return false // such as one of classic BPF, which has no id
	}
	defer prog.Close()
	info, err := prog.Info()
	return err == nil && info.Type == ebpf.SkReuseport && info.Name == bpf.KernelProgReusewatchMove
}
