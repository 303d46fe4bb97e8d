package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bounding are the capabilities of a unit or drop-in.
func bounding(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if set, ok := strings.CutPrefix(line, "CapabilityBoundingSet="); ok {
			return strings.Fields(set)
		}
	}
	t.Fatalf("%s bounds no capabilities", path)
	return nil
}

func TestUnit(t *testing.T) {
	observing := bounding(t, "systemd/reusewatch.service")
	if d := cmp.Diff(Observing(), observing); d != "" {
		t.Errorf("as installed (-want +got):\n%s", d)
	}
	if d := cmp.Diff(Acting(), append(observing, bounding(t, "systemd/armed.conf")...)); d != "" {
		t.Errorf("armed (-want +got):\n%s", d)
	}
}
