package corpus

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// running is in place of a system call where a thread is in its own code.
const running = ^uintptr(0)

// state fails the test unless the server is in the state that its row is about. It is
// looked at while clients come: some get there only by them.
func (s *scene) state() {
	s.t.Helper()
	want := &s.row.state
	var call uintptr
	var children, threads int
	if !livetest.Within(func() bool {
		call, children, threads = callOf(s.pid), len(livetest.Children(s.pid)), threadsOf(s.pid)
		there := len(want.calls) == 0 || slices.Contains(want.calls, call)
		return there && children >= want.children && threads >= want.threads
	}) {
		wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", s.pid))
		s.t.Fatalf("pid %d is in system call %d (%s), with %d threads and %d children; want one of %d, %d, %d",
			s.pid, int(call), wchan, threads, children, want.calls, want.threads, want.children)
	}
}

// callOf is the system call in which the leader of a process is.
func callOf(pid int) uintptr {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	first, _, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	if n, bad := strconv.Atoi(first); err == nil && bad == nil && n >= 0 {
		return uintptr(n)
	}
	return running
}

func threadsOf(pid int) int {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(tasks)
}
