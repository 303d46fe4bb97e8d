package kernel_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// BenchmarkWatchCalls: what the calls of a process that nobody watches cost while another
// one is watched, in pairs of rounds.
func BenchmarkWatchCalls(b *testing.B) {
	livetest.Root(b)
	k, err := kernel.Open(kernel.Options{Tier: tracepoints})
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	other := livetest.Hold(b)
	benchCalls(b, func(watched bool) {
		var pids []int
		if watched {
			pids = []int{other.PID}
		}
		if err := k.WatchCalls(pids); err != nil {
			b.Fatal(err)
		}
	})
}

// benchCalls measures getpid and read, with and without watching in turns. It reports the
// lower quartile of each and the median difference of a pair, in CPU time: other work on the
// machine only adds to the time.
func benchCalls(b *testing.B, with func(bool)) {
	zero, err := unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(zero)
	one := make([]byte, 1)
	for name, call := range map[string]func(){
		"getpid": func() { _, _, _ = unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0) },
		"read":   func() { _, _ = unix.Read(zero, one) },
	} {
		b.Run(name, func(b *testing.B) {
			runtime.LockOSThread() // whose time is taken
			defer runtime.UnlockOSThread()
			const calls, rounds = 10_000, 200
			measure := func(watched bool) float64 {
				with(watched)
				start := onCPU(b)
				for range calls {
					call()
				}
				return float64((onCPU(b) - start).Nanoseconds()) / calls
			}
			var off, on, more []float64
			for b.Loop() {
				for range rounds {
					without, with := measure(false), measure(true)
					off, on, more = append(off, without), append(on, with), append(more, with-without)
				}
			}
			with(false)
			slices.Sort(off)
			slices.Sort(on)
			slices.Sort(more)
			b.ReportMetric(off[len(off)/4], "off-ns/call")
			b.ReportMetric(on[len(on)/4], "on-ns/call")
			b.ReportMetric(on[len(on)/4]/off[len(off)/4], "ratio")
			b.ReportMetric(more[len(more)/2], "more-ns/call")
		})
	}
}

func onCPU(b *testing.B) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return time.Duration(now.Nano())
}
