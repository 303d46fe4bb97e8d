// Package fleettest tries the built binary as a fleet runs it: beside containers
// and inside one, with the rights of a DaemonSet and no more, next to a container
// runtime, scraped by Prometheus.
package fleettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is a folder with the reusewatch under test in it: static, so that it
// runs in an empty root file system.
const binary = "REUSEWATCH_FLEETTEST"

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reusewatch-fleet-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "reusewatch"), "../../cmd/reusewatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build reusewatch: %v: %s\n", err, out)
		return 1
	}
	if err := os.Setenv(binary, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func reusewatch() string { return filepath.Join(os.Getenv(binary), "reusewatch") }

// unpacked gives a file of a Debian package that scripts/setup unpacks and does not
// install, for it would start a service.
func unpacked(t *testing.T, name, file string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "reusewatch", name, file)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: `scripts/setup test` gets it", err)
	}
	return path
}
