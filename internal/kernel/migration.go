package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// constantsMap holds the constants that are set before loading.
const constantsMap = ".rodata"

// Migration is a program that moves the clients of a closing member of the group that it is
// attached to, except those that have gone, to heirs in the same group.
type Migration struct {
	coll *ebpf.Collection
	id   ebpf.ProgramID
}

// LoadMigration loads the program; the caller attaches it (SO_ATTACH_REUSEPORT_EBPF).
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

// migrationSpec gives the object with nothing but this program, its maps and constants.
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

// fill gives the kernel the heirs. It refuses one that has closed meanwhile, or that is in
// such a map already; where heirs are needed, one is enough.
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

// Release lets the heirs go, so that another program of the same group may have them: each
// can be in one such map at a time.
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

// ID is the id by which samples of its group show it.
func (m *Migration) ID() uint32 { return uint32(m.id) }

// Rescued gives what has become of the clients so far.
func (m *Migration) Rescued() (listener.Rescued, error) {
	var raw bpf.KernelRescued
	if err := m.coll.Maps[bpf.KernelMapRescues].Lookup(uint32(0), &raw); err != nil {
		return listener.Rescued{}, fmt.Errorf("read who was rescued: %w", err)
	}
	return listener.Rescued{Moved: int(raw.Moved), HalfOpen: int(raw.HalfOpen), Gone: int(raw.Gone)}, nil
}

// Close closes the program; where it is attached it stays.
func (m *Migration) Close() error {
	m.coll.Close()
	return nil
}

// isMigration says whether a program is one of ours, also of an earlier run. It remembers
// the answer, for the kernel gives no id again.
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
		return false // a program of classic BPF has no id
	}
	defer prog.Close()
	info, err := prog.Info()
	return err == nil && info.Type == ebpf.SkReuseport && info.Name == bpf.KernelProgReusewatchMove
}
