// Package benchtest measures what reusewatch costs, always side by side with what
// a user would run instead, or with nothing. `make bench` runs it and draws the
// table; docs/performance.md says what each figure is.
package benchtest

import (
	"fmt"
	"os"
	"testing"
)

// The test binary is other processes too, which hold listeners or serve.
const (
	asHolder = "REUSEWATCH_BENCH_HOLDER"
	asServer = "REUSEWATCH_BENCH_SERVER"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(asHolder); spec != "" {
		exit(beHolder(spec))
	}
	if spec := os.Getenv(asServer); spec != "" {
		exit(beServer(spec))
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// reusewatch is the binary under test, as users get it.
func reusewatch(b *testing.B) string {
	b.Helper()
	path := os.Getenv("REUSEWATCH_BENCH_BINARY")
	if path == "" {
		b.Fatal("REUSEWATCH_BENCH_BINARY names no binary: `make bench` builds it")
	}
	return path
}
