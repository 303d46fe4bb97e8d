package main

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
	"github.com/reusewatch/reusewatch/internal/report"
)

// meter says where this process runs and what it costs. What its BPF programs cost the kernel counts
// only while somebody wants to see it, for counting costs too.
type meter struct {
	kernel  *kernel.Kernel
	started time.Time
	host    report.Host

	mu    sync.Mutex
	stats io.Closer // nil: off
}

func newMeter(k *kernel.Kernel) *meter {
	return &meter{kernel: k, started: time.Now(), host: thisHost()}
}

// on turns the kernel's statistics on or off. Without the right to do so they stay
// off, and the cost of the programs unknown.
func (m *meter) on(on bool) {
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

// cost is what was used so far; unknown where the kernel does not say.
func (m *meter) cost() listener.Maybe[report.Cost] {
	c := report.Cost{PID: os.Getpid(), Started: m.started}
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return listener.Maybe[report.Cost]{}
	}
	c.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return listener.Maybe[report.Cost]{}
	}
	var size, resident uint64
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident); err != nil {
		return listener.Maybe[report.Cost]{}
	}
	c.RSS = resident * uint64(os.Getpagesize())
	m.mu.Lock()
	counting := m.stats != nil
	m.mu.Unlock()
	if counting {
		if c.BPFTime, c.BPFRuns, err = m.kernel.RunTime(); err != nil {
			return listener.Maybe[report.Cost]{}
		}
	}
	return listener.Known(c)
}
