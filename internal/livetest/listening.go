package livetest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Listening are the inodes of the sockets that a process holds and that listen on this
// port of IPv4, in order.
func Listening(pid, port int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	listens := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) && f[3] == "0A" {
			listens["socket:["+f[9]+"]"] = true
		}
	}
	var held []string
	fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	for _, fd := range fds {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		if listens[to] && !slices.Contains(held, to) {
			held = append(held, to)
		}
	}
	slices.Sort(held)
	return held
}

// AwaitListening waits until a process holds a socket that listens on this port.
func AwaitListening(t testing.TB, pid, port int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("pid %d listens on port %d", pid, port), func() bool {
		return len(Listening(pid, port)) > 0
	})
}

// Children are the pids of the children of a process's leader.
func Children(pid int) []int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var all []int
	for word := range strings.FieldsSeq(string(b)) {
		var child int
		if _, err := fmt.Sscan(word, &child); err == nil {
			all = append(all, child)
		}
	}
	return all
}

// Cgroup2 is where the unified hierarchy of cgroups is mounted.
func Cgroup2(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[2] == "cgroup2" {
			return f[1]
		}
	}
	t.Fatal("no cgroup2 is mounted here")
	return ""
}
