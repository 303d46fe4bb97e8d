package view

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// RunTimes tells what BPF programs have cost the kernel, which counts only while somebody wants
// to know.
type RunTimes interface {
	RunTime() (took time.Duration, runs uint64, err error)
}

// Meter says where this process runs and what it costs. What its BPF programs cost the kernel counts
// only while somebody wants to see it, for counting costs too.
type Meter struct {
	kernel  RunTimes
	started time.Time
	host    wire.Host

	mu    sync.Mutex
	stats io.Closer // nil: off
}

// NewMeter measures from now on.
func NewMeter(k RunTimes) *Meter {
	return &Meter{kernel: k, started: time.Now(), host: thisHost()}
}

// On turns the kernel's statistics on or off. Without the right to do so they stay
// off, and the cost of the programs unknown.
func (m *Meter) On(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case on && m.stats == nil:
		if stats, err := kernel.CountRunTime(); err == nil {
			m.stats = stats
		}
	case !on && m.stats != nil:
		_ = m.stats.Close() // a descriptor that only counts
		m.stats = nil
	}
}

// Cost is what was used so far; unknown where the kernel does not say.
func (m *Meter) Cost() listener.Maybe[wire.Cost] {
	c := wire.Cost{PID: os.Getpid(), Started: m.started}
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return listener.Maybe[wire.Cost]{}
	}
	c.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return listener.Maybe[wire.Cost]{}
	}
	var size, resident uint64
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident); err != nil {
		return listener.Maybe[wire.Cost]{}
	}
	c.RSS = resident * uint64(os.Getpagesize())
	m.mu.Lock()
	counting := m.stats != nil
	m.mu.Unlock()
	if counting {
		if c.BPFTime, c.BPFRuns, err = m.kernel.RunTime(); err != nil {
			return listener.Maybe[wire.Cost]{}
		}
	}
	return listener.Known(c)
}
