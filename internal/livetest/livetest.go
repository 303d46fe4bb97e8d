// Package livetest helps tests that run against the real kernel: network
// namespaces of their own, real servers and clients in them. Whatever a helper
// makes ends with the test, also with one that fails.
package livetest

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// Root skips the test unless root runs it. Nothing else is a reason to skip: a
// feature that is missing where it should be there is a failure.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("live tests need root")
	}
}

// InVM says whether the test runs in a VM of scripts/vm-test, where every tier
// can be had.
func InVM() bool { return os.Getenv("REUSEWATCH_VM") != "" }

// Fact tells scripts/vm-matrix a figure of the kernel that the tests run on.
func Fact(name string, values ...any) { fmt.Println(append([]any{"fact:", name}, values...)...) }

// Within waits until ok says true, and says whether it did. A failed test is the
// only use of the limit: it is far longer than anything takes.
func Within(ok func() bool) bool {
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// Eventually fails the test unless ok says true in the end.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !Within(ok) {
		t.Fatalf("waited in vain: %s", what)
	}
}
