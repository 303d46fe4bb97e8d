package kernel

import (
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Hooks are the signals of each tier that has hooks, with whether its tier falls
// without it.
func Hooks() (functions, tracepoints map[Signal]bool) {
	required := func(hooks []hook) map[Signal]bool {
		m := make(map[Signal]bool)
		for _, h := range hooks {
			m[h.signal] = h.required
		}
		return m
	}
	return required(functionHooks()), required(tracepointHooks())
}

// Sharing makes all kernel sides that are opened with these options share the kernel's
// types, which take long to decode in an emulated machine.
func (o Options) Sharing(types *btf.Cache) Options {
	o.decoded = types
	return o
}

// WithoutHook makes a signal's hook attach to a function that no kernel has, in every tier,
// so that it is refused as on a kernel without it.
func (o Options) WithoutHook(s Signal) Options {
	o.prepare = func(spec *ebpf.CollectionSpec) {
		for _, h := range slices.Concat(functionHooks(), tracepointHooks(), []hook{callHook()}) {
			if h.signal == s {
				spec.Programs[h.program].AttachTo = "no_such_hook"
			}
		}
	}
	return o
}

// LimitThings bounds how many things of one process are reported.
func (k *Kernel) LimitThings(things int) (undo func()) {
	was := k.mostThings
	k.mostThings = things
	return func() { k.mostThings = was }
}
