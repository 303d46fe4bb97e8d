package kernel_test

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// After Close nothing of ours is in the kernel and no descriptor is left, in any
// tier, also where a higher one was tried first in vain.
func TestCloseLeavesNothing(t *testing.T) {
	livetest.Root(t)
	rounds := 20
	if livetest.InVM() {
		rounds = 2 // emulated, one takes seconds
	}
	ns := livetest.Netns(t)
	l := ns.Listen(livetest.Listen{})
	ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	livetest.AwaitQueue(1, l)
	for _, tier := range []listener.Tier{functions, tracepoints, queues} {
		t.Run(string(tier), func(t *testing.T) {
			opts := kernel.Options{Tier: tier, Count: kernel.CountAlways, Namespaces: livetest.Only(ns)}
			inKernel := openAndClose(t, opts, l) // what the libraries keep for ever they open now
			if len(inKernel["prog_id"]) == 0 || len(inKernel["map_id"]) == 0 || tier != queues && len(inKernel["link_id"]) == 0 {
				t.Fatalf("while open, the kernel side has %+v: this test sees nothing", inKernel)
			}
			// Descriptors that are lost are lost until a collection closes them.
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			before := descriptors(t)
			for range rounds {
				for kind, ids := range openAndClose(t, opts, l) {
					inKernel[kind] = append(inKernel[kind], ids...)
				}
			}
			// A thread that was in another namespace may take a moment to close what it had.
			if !livetest.Within(func() bool { return len(descriptors(t)) <= len(before) }) {
				t.Errorf("descriptors after %d rounds: %v, before %v", rounds, descriptors(t), before)
			}
			// A mapping of a map ends with a collection.
			runtime.GC()
			livetest.Eventually(t, "programs, links and maps are gone", func() bool { return !anyThere(t, inKernel) })
		})
	}
}

// openAndClose uses the kernel side once and gives the ids that it had there.
func openAndClose(t *testing.T, opts kernel.Options, l *livetest.Listener) map[string][]uint32 {
	t.Helper()
	k, err := kernel.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	tier, _, _ := k.Tier()
	use := live{k, tier}
	if err := k.Enter(); err != nil {
		t.Fatal(err)
	}
	s := sampleOf(t, use, l)
	if s.Queue != 1 {
		t.Errorf("%d wait, want 1", s.Queue)
	}
	sampleNow(t, use, s)
	if err := k.Census(func(*listener.Held) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Events(); err != nil {
		t.Fatal(err)
	}
	if err := k.WatchCalls([]int{os.Getpid()}); err != nil { // Close takes it off, too
		t.Fatal(err)
	}
	ids := kernelIDs(t)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if left := kernelIDs(t); len(left) > 0 {
		t.Errorf("descriptors of %+v after Close", left)
	}
	return ids
}

// kernelIDs gives the ids of the programs, links and maps that this process has
// descriptors of; other processes may have the like.
func kernelIDs(t *testing.T) map[string][]uint32 {
	t.Helper()
	ids := make(map[string][]uint32)
	for _, fd := range descriptors(t) {
		info, err := os.ReadFile("/proc/self/fdinfo/" + fd)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(info)) {
			kind, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if kind != "prog_id" && kind != "link_id" && kind != "map_id" {
				continue
			}
			id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			ids[kind] = append(ids[kind], uint32(id))
		}
	}
	return ids
}

// anyThere says whether the kernel still knows one of these ids.
func anyThere(t *testing.T, ids map[string][]uint32) bool {
	t.Helper()
	there := 0
	count := func(err error) {
		if err == nil {
			there++
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	for _, id := range ids["prog_id"] {
		p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
		count(err)
		_ = p.Close()
	}
	for _, id := range ids["map_id"] {
		m, err := ebpf.NewMapFromID(ebpf.MapID(id))
		count(err)
		_ = m.Close()
	}
	for _, id := range ids["link_id"] {
		l, err := link.NewFromID(link.ID(id))
		count(err)
		if err == nil {
			_ = l.Close()
		}
	}
	return there > 0
}

// descriptors of this process, but for the one that lists them.
func descriptors(t *testing.T) []string {
	t.Helper()
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		t.Fatal(err)
	}
	own := strconv.Itoa(int(dir.Fd()))
	names = slices.DeleteFunc(names, func(n string) bool { return n == own })
	slices.Sort(names)
	return names
}
