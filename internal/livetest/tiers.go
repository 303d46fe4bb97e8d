package livetest

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// kernelTier is the highest tier of kernels of one machine, from a version on.
type kernelTier struct {
	machine      string // as Go names it
	major, minor int
	tier         string
}

// tiers is what each kernel must give; a lower one fails the tests. From the most
// recent to the oldest, for each machine.
func tiers() []kernelTier {
	return []kernelTier{
		{"amd64", 5, 17, "functions"},
		// 2aa6ac03516d (6.4): fentry and fexit attach on arm64 (ftrace direct calls).
		{"arm64", 6, 4, "functions"},
		{"arm64", 5, 17, "tracepoints"},
	}
}

// HighestTier is the highest tier that the running kernel must give, unless a policy
// of its host forbids it; "" on one that is too old for any.
func HighestTier(t testing.TB) string {
	t.Helper()
	major, minor := kernelVersion(t)
	for _, k := range tiers() {
		if k.machine == runtime.GOARCH && (major > k.major || major == k.major && minor >= k.minor) {
			return k.tier
		}
	}
	return ""
}

func kernelVersion(t testing.TB) (major, minor int) {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("kernel %q: %v", release, err)
	}
	return major, minor
}
