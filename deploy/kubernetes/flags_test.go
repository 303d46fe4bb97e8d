package kubernetes_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestFlags: the binary knows each flag that a pod is started with. It is stopped
// at one more, which it checks before it does anything.
func TestFlags(t *testing.T) {
	reusewatch := binary(t)
	for _, overlay := range overlays() {
		args := slices.Concat(container(t, overlay).Args, []string{"--tier=none"})
		out, err := exec.Command(reusewatch, args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), `unknown --tier "none"`) {
			t.Errorf("%s: %v: %s", overlay, err, out)
		}
	}
}
