package benchtest

import (
	"io"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// attached is something that runs in the kernel until it is closed.
type attached interface {
	io.Closer
	// RunTime is what its programs took and how often they ran, as the kernel counts it.
	RunTime() (took float64, runs uint64)
}

// ours is reusewatch's own kernel side.
type ours struct {
	*kernel.Kernel
	b *testing.B
}

func (o ours) RunTime() (float64, uint64) {
	took, runs, err := o.Kernel.RunTime()
	must(o.b, err)
	return float64(took), runs
}

// attach loads the kernel side in one tier; another one is no answer.
func attach(b *testing.B, tier listener.Tier, count kernel.Count) ours {
	b.Helper()
	k, err := kernel.Open(kernel.Options{Tier: tier, Count: count, Namespaces: livetest.Only()})
	must(b, err)
	if got, reasons, lost := k.Tier(); got != tier || len(lost) > 0 {
		_ = k.Close()
		b.Fatalf("tier %s runs, not %s: %v, %v", got, tier, reasons, lost)
	}
	return ours{k, b}
}

// countOnly counts one listener and no other, as where it is suspected.
func (o ours) countOnly(l *livetest.Listener) {
	o.b.Helper()
	look, err := o.Look(listener.LookAll)
	must(o.b, err)
	i := slices.IndexFunc(look.Samples, func(s listener.Sample) bool { return s.Inode == l.Inode })
	if i < 0 {
		o.b.Fatalf("no sample of the listener on %s", l.Addr)
	}
	must(o.b, o.SetCounted(map[listener.Key]uint32{look.Samples[i].Key: look.Samples[i].Netns}))
}

// empty is a program that does nothing, where reusewatch's always-on part is.
type empty struct {
	b       *testing.B
	program *ebpf.Program
	link    link.Link
}

func attachEmpty(b *testing.B) empty {
	b.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "empty", Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "inet_sock_set_state",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}, License: "GPL",
	})
	must(b, err)
	l, err := link.AttachTracing(link.TracingOptions{Program: program})
	must(b, err)
	return empty{b, program, l}
}

func (e empty) Close() error {
	if err := e.link.Close(); err != nil {
		return err
	}
	return e.program.Close()
}

func (e empty) RunTime() (float64, uint64) {
	s, err := e.program.Stats()
	must(e.b, err)
	return float64(s.Runtime), s.RunCount
}

// with measures while something is attached.
func with[A attached](b *testing.B, attach func(*testing.B) A, measure func() float64) func() float64 {
	return func() float64 {
		a := attach(b)
		defer a.Close()
		return measure()
	}
}

// quietly is the always-on part of the tracepoints tier; countingAll counts every listener.
func quietly(b *testing.B) ours { return attach(b, listener.TierTracepoints, kernel.CountSuspected) }

func countingAll(b *testing.B) ours { return attach(b, listener.TierTracepoints, kernel.CountAlways) }
