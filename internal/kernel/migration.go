package kernel

import (
	"errors"
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
	spec, err := migrationSpec(&o)
	if err != nil {
		return nil, err
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("load BPF program %s: %w", bpf.KernelProgReusewatchMove, err)
	}
	m := &Migration{coll: coll}
	info, err := coll.Programs[bpf.KernelProgReusewatchMove].Info()
	if err != nil {
		err = fmt.Errorf("info of BPF program %s: %w", bpf.KernelProgReusewatchMove, err)
	} else {
		m.id, _ = info.ID()
		err = m.fill(&o)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// migrationSpec leaves only what the program has.
func migrationSpec(o *listener.Moving) (*ebpf.CollectionSpec, error) {
	spec, err := bpf.LoadKernel()
	if err != nil {
		return nil, fmt.Errorf("read the embedded BPF object: %w", err)
	}
	for name, v := range map[string]any{
		bpf.KernelVarMoveHalfOpen: flag(o.HalfOpen),
		bpf.KernelVarHeirsLen:     uint32(len(o.Heirs)),
		bpf.KernelVarHeirsOnly:    flag(o.Only),
	} {
		if err := spec.Variables[name].Set(v); err != nil {
			return nil, fmt.Errorf("set constant %s: %w", name, err)
		}
	}
	spec.Programs = map[string]*ebpf.ProgramSpec{bpf.KernelProgReusewatchMove: spec.Programs[bpf.KernelProgReusewatchMove]}
	maps := make(map[string]*ebpf.MapSpec)
	for _, name := range []string{bpf.KernelMapRescues, bpf.KernelMapHeirs, constantsMap} {
		maps[name] = spec.Maps[name]
	}
	maps[bpf.KernelMapHeirs].MaxEntries = uint32(max(1, len(o.Heirs)))
	spec.Maps = maps
	for name, v := range spec.Variables {
		if v.SectionName != constantsMap {
			delete(spec.Variables, name)
		}
	}
	return spec, nil
}

func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

// fill tells the kernel who the heirs are. It takes none that has closed meanwhile, or
// that is in such a map already; if there must be some, one of them is enough.
func (m *Migration) fill(o *listener.Moving) error {
	var errs []error
	for i, fd := range o.Heirs {
		if err := m.coll.Maps[bpf.KernelMapHeirs].Put(uint32(i), uint64(fd)); err != nil {
			errs = append(errs, fmt.Errorf("make a member an heir: %w", err))
		}
	}
	if o.Only && len(errs) == len(o.Heirs) {
		return fmt.Errorf("no member can be made an heir: %w", errors.Join(errs...))
	}
	return nil
}

// Release lets the heirs go, each of which is in one such map at a time: another program
// of the same group may have them then.
func (m *Migration) Release() error {
	heirs := m.coll.Maps[bpf.KernelMapHeirs]
	var errs []error
	for i := range heirs.MaxEntries() {
		if err := heirs.Delete(i); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("let an heir go: %w", err))
		}
	}
	return errors.Join(errs...)
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
