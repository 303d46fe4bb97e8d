package benchtest

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// The busy host of BenchmarkHost.
const (
	hostProcesses   = 2000
	hostDescriptors = 45_000
	hostListeners   = 1000
)

// BenchmarkHost is reusewatch on a host with 2,000 processes, which hold 45,000
// descriptors, 1,000 of them listeners.
func BenchmarkHost(b *testing.B) {
	ns := livetest.Netns(b)
	populate(b, ns)
	b.Run("Census", func(b *testing.B) { benchmarkCensus(b, ns) })
	b.Run("List", func(b *testing.B) { benchmarkList(b, ns) })
	b.Run("Ready", BenchmarkReady)
	b.Run("Daemon", func(b *testing.B) { benchmarkDaemon(b, ns) })
	b.Run("Births", func(b *testing.B) { benchmarkBirths(b, ns) })
}

// populate starts the processes: each sleeps and holds its share of descriptors,
// every other one a listener.
func populate(b *testing.B, ns *livetest.Namespace) {
	b.Helper()
	null, err := os.Open(os.DevNull)
	must(b, err)
	defer null.Close()
	left := hostDescriptors
	for i := range hostProcesses {
		share := left / (hostProcesses - i)
		left -= share
		cmd := exec.Command("sleep", "infinity")
		for range share - 3 { // it has standard ones
			cmd.ExtraFiles = append(cmd.ExtraFiles, null)
		}
		if i%(hostProcesses/hostListeners) != 0 {
			spawn(b, ns, cmd)
			continue
		}
		fd := -1
		ns.Do(func() { fd, err = listen(i) })
		must(b, err)
		listener := os.NewFile(uintptr(fd), "listener")
		cmd.ExtraFiles[0] = listener
		spawn(b, ns, cmd)
		must(b, listener.Close())
	}
}

// command measures a program inside the namespace.
func command(b *testing.B, ns *livetest.Namespace, name string, args ...string) (took spent) {
	b.Helper()
	ns.Do(func() { took = do(b, exec.Command(name, args...)) })
	return took
}

// benchmarkCensus is one pass over all descriptors of the host, with a look at every
// listener, against the programs that tell the same of one namespace: CPU time.
func benchmarkCensus(b *testing.B, ns *livetest.Namespace) {
	k, err := kernel.Open(kernel.Options{LookOnly: true, Namespaces: livetest.Only(ns)})
	must(b, err)
	defer k.Close()
	census := func() float64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		began := threadCPU(b)
		held := 0
		must(b, k.Census(func(*listener.Held) { held++ }))
		if held < hostListeners {
			b.Fatalf("%d descriptors of listeners, want %d", held, hostListeners)
		}
		return (threadCPU(b) - began) / 1e6
	}
	t := takeTurns(b, 9,
		side{"census", census},
		side{"ss", func() float64 { return command(b, ns, "ss", "-lntp").cpu }},
		side{"netstat", func() float64 { return command(b, ns, "netstat", "-lntp").cpu }},
	)
	for _, name := range []string{"census", "ss", "netstat"} {
		t.median(name, "ms")
	}
	t.ratio("ss", "census")
	t.ratio("netstat", "census")
}

// benchmarkList is `reusewatch list` from start to table against `ss -lntp`: time
// on the clock, for somebody waits.
func benchmarkList(b *testing.B, ns *livetest.Namespace) {
	list := func() spent { return command(b, ns, reusewatch(b), "list", "--from", "kernel") }
	var cpu []float64
	t := takeTurns(b, 9,
		side{"list", func() float64 {
			took := list()
			cpu = append(cpu, took.cpu)
			return took.wall
		}},
		side{"ss", func() float64 { return command(b, ns, "ss", "-lntp").wall }},
	)
	t.median("list", "ms")
	t.median("ss", "ms")
	t.ratio("ss", "list")
	b.ReportMetric(quantile(cpu, 0.5), "list-cpu-ms")
}

// BenchmarkReady is from the start of the daemon to its word that it watches: on this
// host as it is.
func BenchmarkReady(b *testing.B) {
	t := takeTurns(b, 7, side{"ready", func() float64 {
		d := run(b)
		defer d.stop()
		return d.ready()
	}})
	t.spread("ready-ms", t.of["ready"])
}

// loop is what the operator of the incident had instead, at the interval of a second,
// for twenty of them; it kills nobody here.
const loop = `for i in $(seq 20); do
	sleep 1
	n=$(netstat -lntp | grep -c ':80 .*haproxy')
	[ "$n" -gt 2 ] && echo "more than two"
done; true`

// benchmarkDaemon is the CPU time of the daemon and of the loop, while both run at
// a look a second.
func benchmarkDaemon(b *testing.B, ns *livetest.Namespace) {
	d := run(b)
	d.ready()
	time.Sleep(2 * time.Second) // what it costs to start is another matter
	used, began := processCPU(b, d.pid()), time.Now()
	theirs := command(b, ns, "bash", "-c", loop)
	seconds := time.Since(began).Seconds()
	ours := (processCPU(b, d.pid()) - used) / 1e6
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*ours/1e3/seconds, "ours-%cpu")
	b.ReportMetric(100*theirs.cpu/1e3/seconds, "loop-%cpu")
	b.ReportMetric(theirs.cpu/ours, "loop:ours")
	b.ReportMetric(resident(b, d.pid()), "rss-MB")
}

// benchmarkBirths has listeners born and die, 10,000 a minute, and compares the
// daemon's memory after the first 3,000 with that after as many more.
func benchmarkBirths(b *testing.B, ns *livetest.Namespace) {
	d := run(b)
	d.ready()
	before := resident(b, d.pid())
	churn(b, ns, 3000)
	first := resident(b, d.pid())
	used, began := processCPU(b, d.pid()), time.Now()
	churn(b, ns, 3000)
	cpu := 100 * (processCPU(b, d.pid()) - used) / 1e9 / time.Since(began).Seconds()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(before, "before-MB")
	b.ReportMetric(first, "first-MB")
	b.ReportMetric(resident(b, d.pid())-first, "grown-MB")
	b.ReportMetric(cpu, "%cpu")
}

func churn(b *testing.B, ns *livetest.Namespace, births int) {
	b.Helper()
	ns.Do(func() {
		next := time.Now()
		for i := range births {
			fd, err := listen(hostProcesses + i%1000)
			must(b, err)
			next = next.Add(time.Minute / 10_000)
			time.Sleep(time.Until(next))
			must(b, unix.Close(fd))
		}
	})
	time.Sleep(2 * time.Second) // its next look has seen them go
}
