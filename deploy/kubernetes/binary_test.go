package kubernetes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// binary builds reusewatch.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reusewatch")
	cmd := exec.Command("go", "build", "-o", path, "../../cmd/reusewatch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return path
}

// TestPolicies: base arms nothing, the others arm what they say, and what is
// shipped beside the unit is as good.
func TestPolicies(t *testing.T) {
	reusewatch := binary(t)
	policies := map[string]string{}
	for _, overlay := range overlays() {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		if err := os.WriteFile(path, []byte(load(t, overlay).policy), 0o600); err != nil {
			t.Fatal(err)
		}
		policies[path] = overlay
	}
	policies["../package/policy.yaml"] = "package"
	for path, name := range policies {
		out, err := exec.Command(reusewatch, "check-config", path).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		armed := strings.Contains(string(out), "ARMED TO KILL: rule 1")
		if want := name == "overlays/enforce" || name == "overlays/privileged"; armed != want {
			t.Errorf("%s: armed is %v:\n%s", name, armed, out)
		}
	}
}
