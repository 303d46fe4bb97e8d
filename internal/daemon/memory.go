package daemon

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/proc"
)

const (
	// gcPercent is how much garbage a daemon lets grow beside what lives. A steady tick makes
	// next to none: a fifth of what is usual costs nothing and keeps it small.
	gcPercent = 20
	// softLimit is which part of the memory that a cgroup may have is the heap's: programs and
	// maps of the kernel side are in it, too.
	softLimit = 0.6
	// A complete look at a host with many listeners, as at the start and for an act, takes
	// more than watching them does. What is not needed any more of a heap that is larger than
	// heapLarge is given back a while after the start and then every minute: that takes 1 ms
	// of CPU time for each MB that lives.
	heapLarge              = 32 << 20
	spareFirst, spareEvery = 5 * time.Second, time.Minute
)

// BoundHeap bounds the heap of a daemon by what its cgroup may have.
func BoundHeap(fs proc.FS) {
	debug.SetGCPercent(gcPercent)
	if most, bounded := memoryMax(fs); bounded && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(float64(most) * softLimit))
	}
}

// giveBack returns to the host what a daemon does not need any more, until the context ends.
func giveBack(ctx context.Context) {
	debug.FreeOSMemory() // to load the programs took more than watching does
	for wait := time.After(spareFirst); ; wait = time.After(spareEvery) {
		select {
		case <-wait:
		case <-ctx.Done():
			return
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapSys-m.HeapReleased > heapLarge {
			debug.FreeOSMemory()
		}
	}
}

// memoryMax is what the cgroup of this process may have, and whether there is a bound: that
// of a unit's MemoryMax=, or of a container. (v2 alone; of a parent's bound nobody asks.)
func memoryMax(fs proc.FS) (bytes uint64, bounded bool) {
	cgroups, err := fs.OwnCgroups()
	if err != nil || cgroups.V2 == "" {
		return 0, false
	}
	b, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", cgroups.V2, "memory.max"))
	if err != nil {
		return 0, false
	}
	bytes, err = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return bytes, err == nil && bytes < math.MaxInt64
}
