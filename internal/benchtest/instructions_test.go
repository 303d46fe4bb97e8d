package benchtest

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// inVM skips elsewhere. Under `qemu -icount shift=0` the clocks of the guest count
// instructions: a nanosecond is one, whatever the machine around it does.
func inVM(b *testing.B) {
	b.Helper()
	if !livetest.InVM() {
		b.Skip("counts instructions: `make bench` runs it in a VM under qemu -icount")
	}
}

// functionsTier counts every listener; functionsQuiet is attached and counts none.
func functionsTier(b *testing.B) ours { return attach(b, listener.TierFunctions, kernel.CountAlways) }

func functionsQuiet(b *testing.B) ours {
	return attach(b, listener.TierFunctions, kernel.CountSuspected)
}

// script counts with bpftrace what the functions tier counts, by kprobes: SYNs,
// selections, connections queued and accepted, per listener or port.
const script = `
kprobe:tcp_conn_request { @syns[arg2] = count(); }
kretprobe:reuseport_select_sock { @selected[retval] = count(); }
kprobe:inet_csk_complete_hashdance { @queued[arg0] = count(); }
kretprobe:inet_csk_accept { @accepted[((struct sock *)retval)->__sk_common.skc_num] = count(); }
`

// trace starts a program that traces, and waits until its probes are in place: to
// sleep costs nothing where time is instructions. It gives the end of it.
func trace(b *testing.B, name string, args ...string) (end func()) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(b, cmd.Start())
	time.Sleep(time.Minute)
	return func() {
		must(b, cmd.Process.Signal(syscall.SIGINT)) // it would have ended, had it failed
		must(b, cmd.Wait())
	}
}

// instructionCaller makes connections that are counted.
func instructionCaller(b *testing.B) *caller {
	inVM(b)
	c := &caller{b: b, ns: livetest.Netns(b), n: 1000, spread: 1, of: counted}
	c.ns.Sysctl("net.ipv4.tcp_max_tw_buckets", "0") // ports in TIME_WAIT make it dearer to find one
	return c
}

// BenchmarkInstructionsConnection is the instructions of a connection over loopback.
func BenchmarkInstructionsConnection(b *testing.B) {
	c := instructionCaller(b)
	t := takeTurns(b, 9,
		side{"off", c.perConnection},
		side{"empty", with(b, attachEmpty, c.perConnection)},
		side{"quiet", with(b, functionsQuiet, c.perConnection)},
		side{"counting", with(b, functionsTier, c.perConnection)},
	)
	t.median("off", "insns")
	for _, name := range []string{"empty", "quiet", "counting"} {
		t.ratio(name, "off")
	}
}

// BenchmarkInstructionsTools is what other tools add to that, beside the functions tier.
func BenchmarkInstructionsTools(b *testing.B) {
	c := instructionCaller(b)
	while := func(name string, args ...string) func() float64 {
		return func() float64 {
			defer trace(b, name, args...)()
			return c.perConnection()
		}
	}
	t := takeTurns(b, 5,
		side{"off", c.perConnection},
		side{"counting", with(b, functionsTier, c.perConnection)},
		side{"bpftrace", while("bpftrace", "-e", script)},
		side{"tcptracer", while("tcptracer")},
	)
	for _, theirs := range []string{"bpftrace", "tcptracer"} {
		t.ratio(theirs, "off")
		t.added("counting", theirs, "off")
	}
}

// BenchmarkInstructionsSYNFlood is the instructions of a SYN that meets a full
// queue: alone, and in a group of two.
func BenchmarkInstructionsSYNFlood(b *testing.B) {
	inVM(b)
	for name, members := range map[string]int{"alone": 1, "group": 2} {
		b.Run(name, func(b *testing.B) {
			f := &flood{b: b, ns: livetest.Netns(b), n: 2000, members: members, of: counted}
			t := takeTurns(b, 7,
				side{"damaged", f.perDamaged},
				side{"off", f.perSYN},
				side{"counting", with(b, functionsTier, f.perSYN)},
			)
			t.median("damaged", "insns")
			t.median("off", "insns")
			t.ratio("counting", "off")
		})
	}
}
