package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// Signal is what a hook contributes.
type Signal string

// The signals. Births carries the tracepoints tier; Queued the functions tier.
const (
	SignalBirths   Signal = "births"
	SignalSYNs     Signal = "syns"
	SignalSelected Signal = "selected"
	SignalQueued   Signal = "queued"
	SignalCookies  Signal = "queued-cookies-tfo"
	SignalAdopted  Signal = "adopted"
	SignalCalls    Signal = "calls" // its hook is attached while calls of suspects are watched
)

// hook is one program and where it attaches.
type hook struct {
	signal   Signal
	program  string
	target   string
	required bool // without it the tier falls
}

func functionHooks() []hook {
	return []hook{
		{SignalBirths, bpf.KernelProgSetState, "tp_btf/inet_sock_set_state", true},
		{SignalQueued, bpf.KernelProgCountQueued, "fexit/inet_csk_complete_hashdance", true},
		{SignalCookies, bpf.KernelProgCountQueueAdd, "fexit/inet_csk_reqsk_queue_add", true},
		{SignalSYNs, bpf.KernelProgCountSyn, "fentry/tcp_conn_request", false},
		{SignalSelected, bpf.KernelProgCountSelected, "fexit/reuseport_select_sock", false},
		{SignalAdopted, bpf.KernelProgCountAdopted, "fexit/reuseport_migrate_sock", false},
	}
}

func tracepointHooks() []hook {
	return []hook{
		{SignalBirths, bpf.KernelProgSetStateCounting, "tp_btf/inet_sock_set_state", true},
	}
}

// hooksOf gives the hooks of a tier, in the order in which they attach: births
// first, so that nothing is born between them and the first enumeration.
func hooksOf(t listener.Tier) []hook {
	switch t {
	case listener.TierFunctions:
		return functionHooks()
	case listener.TierTracepoints:
		return tracepointHooks()
	default:
		return nil
	}
}

// Lost is a signal that this kernel does not give, and why.
type Lost struct {
	Signal Signal
	Target string
	Err    error
}

// attach loads and attaches the hooks of a tier. Some kernels refuse a hook at load,
// others only at attach, so only attaching it shows. All are loaded first: where the kernel
// refuses a required one then, none was attached in vain. A required hook that fails to
// attach undoes all.
func attach(objs *objects, t listener.Tier) (links []link.Link, lost []Lost, err error) {
	hooks := hooksOf(t)
	progs, errs := make([]*ebpf.Program, len(hooks)), make([]error, len(hooks))
	for i, h := range hooks {
		if progs[i], errs[i] = loadHook(objs, h); errs[i] != nil && h.required {
			return nil, nil, fmt.Errorf("load %s: %w", h.target, errs[i])
		}
	}
	for i, h := range hooks {
		err := errs[i]
		if err == nil {
			var l link.Link
			if l, err = link.AttachTracing(link.TracingOptions{Program: progs[i]}); err == nil {
				links = append(links, l)
				continue
			}
		}
		if h.required {
			return nil, nil, errors.Join(fmt.Errorf("attach %s: %w", h.target, err), closeLinks(links))
		}
		lost = append(lost, Lost{h.signal, h.target, err})
	}
	return links, lost, nil
}

func loadHook(objs *objects, h hook) (*ebpf.Program, error) {
	prog, err := objs.load(h.program)
	if errors.Is(err, unix.EPERM) {
		// The library's own words blame the memlock limit, which these kernels do not have.
		return nil, fmt.Errorf("%w: a security policy of this host forbids this kind of program", unix.EPERM)
	}
	if err != nil {
		return nil, err
	}
	objs.hooks = append(objs.hooks, prog)
	return prog, nil
}

func closeLinks(links []link.Link) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// ProgramStats is what one loaded program costs.
type ProgramStats struct {
	Name            string
	RunTime         uint64 // nanoseconds; 0 unless the kernel's BPF statistics are on
	RunCount        uint64
	RecursionMisses uint64 // runs that the kernel skipped
	Instructions    uint32 // that the verifier processed
}

func statsOf(p *ebpf.Program) (ProgramStats, error) {
	info, err := p.Info()
	if err != nil {
		return ProgramStats{}, fmt.Errorf("program info: %w", err)
	}
	s, err := p.Stats()
	if err != nil {
		return ProgramStats{}, fmt.Errorf("statistics of %s: %w", info.Name, err)
	}
	insns, _ := info.VerifiedInstructions()
	return ProgramStats{
		Name: info.Name, RunTime: uint64(s.Runtime.Nanoseconds()), RunCount: s.RunCount,
		RecursionMisses: s.RecursionMisses, Instructions: insns,
	}, nil
}
