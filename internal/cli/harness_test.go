package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// output runs a command to its end, in this process.
func output(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, "devel", &out, &errs)
	return out.String(), errs.String(), code
}

// write puts a file into a folder of the test.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
