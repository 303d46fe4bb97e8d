package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
)

func TestCheckConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	for _, c := range []struct {
		text           string
		code           int
		stdout, stderr []string
	}{
		{
			"version: 1\n", 0,
			[]string{"nothing is killed", "never acted on, whatever a rule says: systemd, sshd", "would kill after 30s"}, nil,
		},
		{
			"rules:\n- name: edge\n  match: {port: 80}\n  set: {action: kill}\n", 0,
			[]string{`ARMED TO KILL: rule 1 "edge"`, "on port 80", "kill after 30s", "every other listener: observe only"}, nil,
		},
		{"rulez: 1\n", 2, nil, []string{path + `:1:1: unknown key "rulez"`, "reusewatch: " + path + ": 1 error"}},
		{"rulez: 1\nversion: 2\n", 2, nil, []string{path + ":1:1: ", path + ":2:10: ", "reusewatch: " + path + ": 2 errors"}},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, code := output(t, "check-config", path)
		if code != c.code || (stdout == "") != (c.stdout == nil) || strings.Count(stderr, "\n") != len(c.stderr) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", c.text, code, stdout, stderr)
		}
		for _, want := range c.stdout {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: stdout %s\nhas no %q", c.text, stdout, want)
			}
		}
		lines := strings.Split(stderr, "\n")
		for i, want := range c.stderr {
			if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
				t.Errorf("%q: stderr %q has no %q in line %d", c.text, stderr, want, i+1)
			}
		}
	}
	for _, args := range [][]string{{}, {path, path}, {path + ".none"}} {
		_, stderr, code := output(t, append([]string{"check-config"}, args...)...)
		if code != ExitUsage || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, stderr %q", args, code, stderr)
		}
	}
}

// TestBuiltinPolicy: check-config begins where run does, and each setting that a file has
// is a flag, in the table's words.
func TestBuiltinPolicy(t *testing.T) {
	flags := newRun(streams{}, proc.FS{}, "devel").Flags()
	s := builtinPolicy().Default
	for _, row := range policy.Table() {
		if row.FileOnly {
			continue
		}
		f := flags.Lookup(row.Key)
		if f == nil {
			t.Errorf("run has no --%s", row.Key)
			continue
		}
		if want := (&policy.Flag{At: s.Field(row.Key)}).String(); f.DefValue != want {
			t.Errorf("--%s is %s, check-config takes %s", row.Key, f.DefValue, want)
		}
		if f.Usage != row.Usage() {
			t.Errorf("--%s: %q, the table says %q", row.Key, f.Usage, row.Usage())
		}
	}
}
