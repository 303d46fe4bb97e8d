package kernel

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestVerifierBudget: the verifier processes no more instructions of a program than
// testdata/verifier allows, on any kernel, so that a kernel with another verifier, or
// one more branch, is not what refuses it one day (the limit is a million).
func TestVerifierBudget(t *testing.T) {
	livetest.Root(t)
	budgets := readBudgets(t)
	all, err := bpf.LoadKernel()
	if err != nil {
		t.Fatal(err)
	}
	if len(budgets) != len(all.Programs) {
		t.Errorf("testdata/verifier knows %d programs of %d", len(budgets), len(all.Programs))
	}
	// As in an act: what the constants exclude is not looked at.
	for name, v := range map[string]any{
		bpf.KernelVarMoveHalfOpen: uint8(1),
		bpf.KernelVarHeirsLen:     uint32(100),
		bpf.KernelVarHeirsOnly:    uint8(1),
	} {
		if err := all.Variables[name].Set(v); err != nil {
			t.Fatal(err)
		}
	}
	types := btf.NewCache()
	names := make([]string, 0, len(all.Programs))
	for name := range all.Programs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		spec := all.Copy()
		spec.Programs = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}
		coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: types})
		if !livetest.InVM() && errors.Is(err, unix.EPERM) {
			t.Logf("%s: the policy of this host forbids it", name)
			continue
		}
		if err != nil {
			t.Errorf("load %s: %v", name, err)
			continue
		}
		s, err := statsOf(coll.Programs[name])
		coll.Close()
		if err != nil {
			t.Fatal(err)
		}
		livetest.Fact("verified", name, s.Instructions)
		if budget := budgets[name]; s.Instructions == 0 || s.Instructions > budget {
			t.Errorf("%s: %d instructions processed, the budget is %d", name, s.Instructions, budget)
		}
	}
}

// readBudgets reads lines of "program instructions"; # begins a comment.
func readBudgets(t *testing.T) map[string]uint32 {
	t.Helper()
	b, err := os.ReadFile("testdata/verifier")
	if err != nil {
		t.Fatal(err)
	}
	budgets := make(map[string]uint32)
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		var name string
		var n uint32
		if _, err := fmt.Sscan(line, &name, &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		budgets[name] = n
	}
	return budgets
}
