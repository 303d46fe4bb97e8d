package kernel_test

import "testing"

func testProcessKinds(t *testing.T, f *field) {}
func testCalls(t *testing.T, f *field) {}
func testThings(t *testing.T, f *field) {}
