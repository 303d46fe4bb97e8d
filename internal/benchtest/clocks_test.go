package benchtest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// read reads a clock of the kernel's, in nanoseconds.
func read(b *testing.B, clock int32) float64 {
	b.Helper()
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		b.Fatalf("read clock %d: %v", clock, err)
	}
	return float64(t.Nano())
}

// threadCPU is what the calling thread has used of a CPU, in nanoseconds. On
// loopback that includes the receiving side: the kernel does it before a send ends.
func threadCPU(b *testing.B) float64 { return read(b, unix.CLOCK_THREAD_CPUTIME_ID) }

// cost is how that of something that is done many times is told.
type cost int

const (
	// cpu is the CPU time of all, divided: also what the kernel puts off, such as freeing.
	cpu cost = iota
	// counted is for a VM whose clock counts instructions. The only CPU does other things
	// too, which only adds: so it is what a tenth of all took at the most.
	counted
)

// each does something n times on the calling thread, and gives the nanoseconds, or
// instructions, of one.
func (c cost) each(b *testing.B, n int, do func(i int)) float64 {
	b.Helper()
	if c == cpu {
		began := threadCPU(b)
		for i := range n {
			do(i)
		}
		return (threadCPU(b) - began) / float64(n)
	}
	tenth := func(do func(i int)) float64 {
		all := make([]float64, n)
		for i := range all {
			began := read(b, unix.CLOCK_MONOTONIC)
			do(i)
			all[i] = read(b, unix.CLOCK_MONOTONIC) - began
		}
		return quantile(all, 0.1)
	}
	return tenth(do) - tenth(func(int) {})
}

// processCPU is what all threads of a process have used, in nanoseconds.
func processCPU(b *testing.B, pid int) float64 {
	const scheduled = 2 // CPUCLOCK_SCHED
	return read(b, int32(^pid)<<3|scheduled)
}

// resident is the resident set of a process, in MB of 2^20 bytes.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	var kib float64
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatalf("VmRSS of %d: %v", pid, err)
	}
	return kib / 1024
}

// spent is what a command and its children took from start to end.
type spent struct{ wall, cpu float64 } // milliseconds

// do runs a command to its end; its output goes to /dev/null.
func do(b *testing.B, cmd *exec.Cmd) spent {
	b.Helper()
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v", cmd, err)
	}
	wall := time.Since(began)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return spent{wall: milliseconds(wall), cpu: milliseconds(cpu)}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
