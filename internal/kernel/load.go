// Package kernel loads the programs, attaches them by tier and reads what they
// saw. It alone talks to the kernel side.
package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/reusewatch/reusewatch/bpf"
)

// objects are the maps, and the programs, which are loaded one by one beside them: if the
// kernel refuses one, the others still load.
type objects struct {
	spec  *ebpf.CollectionSpec
	maps  *ebpf.Collection
	progs []*ebpf.Program
	hooks []*ebpf.Program // those of progs that run at hooks
	// types are the kernel's, decoded once for all programs; nil once the tier is open,
	// for they are large. Programs that are loaded later call decode.
	types  *btf.Cache
	decode func() (*btf.Cache, error)
}

// minRows and maxRows bound how many rows the tick has room for, of 400 bytes each.
const minRows, maxRows = 64, 8192

// constants are set before loading; the verifier drops the code that they exclude.
type constants struct {
	countAll      bool // count every listener from its first day on
	countChildren bool // children count themselves by the key that they inherit
	countsExact   bool // a listener that queued nothing need not be read
}

func newObjects(capacity uint32, c constants, opts *Options) (*objects, error) {
	types, err := opts.types()
	if err != nil {
		return nil, err
	}
	spec, err := bpf.LoadKernel()
	if err != nil {
		return nil, fmt.Errorf("read the embedded BPF object: %w", err)
	}
	if opts.prepare != nil {
		opts.prepare(spec)
	}
	// These are made with their programs, for a list of clients and for an act.
	delete(spec.Maps, bpf.KernelMapClients)
	delete(spec.Maps, bpf.KernelMapRescues)
	delete(spec.Maps, bpf.KernelMapHeirs)
	for _, name := range []string{bpf.KernelMapListeners, bpf.KernelMapCounted} {
		spec.Maps[name].MaxEntries = capacity
	}
	// Most listeners are idle at most times; a look with more rows takes several runs.
	spec.Maps[bpf.KernelMapSamples].MaxEntries = min(max(capacity/4, minRows), maxRows)
	for name, on := range map[string]bool{
		bpf.KernelVarCountAll:      c.countAll,
		bpf.KernelVarCountChildren: c.countChildren,
		bpf.KernelVarCountsExact:   c.countsExact,
	} {
		if err := spec.Variables[name].Set(flag(on)); err != nil {
			return nil, fmt.Errorf("set constant %s: %w", name, err)
		}
	}
	if err := spec.Variables[bpf.KernelVarCallKinds].Set(callKinds()); err != nil {
		return nil, fmt.Errorf("set what the system calls are: %w", err)
	}
	only := spec.Copy()
	only.Programs = nil
	maps, err := ebpf.NewCollection(only)
	if err != nil {
		return nil, fmt.Errorf("create the BPF maps: %w", err)
	}
	return &objects{spec: spec, maps: maps, types: types, decode: opts.types}, nil
}

// load loads one program beside the maps.
func (o *objects) load(name string) (*ebpf.Program, error) {
	types := o.types
	if types == nil {
		var err error
		if types, err = o.decode(); err != nil {
			return nil, err
		}
	}
	one := o.spec.Copy()
	one.Programs = map[string]*ebpf.ProgramSpec{name: one.Programs[name]}
	coll, err := ebpf.NewCollectionWithOptions(one, ebpf.CollectionOptions{MapReplacements: o.maps.Maps, Cache: types})
	if err != nil {
		return nil, fmt.Errorf("load BPF program %s: %w", name, err)
	}
	prog := coll.DetachProgram(name)
	coll.Close()
	o.progs = append(o.progs, prog)
	return prog, nil
}

// capacity gives how many listeners there is room for.
func (o *objects) capacity() int { return int(o.maps.Maps[bpf.KernelMapListeners].MaxEntries()) }

func (o *objects) close() error {
	var errs []error
	for _, p := range o.progs {
		errs = append(errs, p.Close())
	}
	o.maps.Close()
	return errors.Join(errs...)
}
