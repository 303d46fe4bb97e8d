package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// halted were told to stand still.
func halted() []*row {
	return []*row{
		{
			name: "stopped", issue: "kahliburke/Kaimon.jl#85",
			about: "a signal such as SIGTTIN stopped it in the background",
			bad:   server{mode: "pause"}, then: func(s *scene) { s.stop(s.pid) },
			want: livesAndSays(causes(listener.CauseStopped), listener.Stopped),
		},
		{
			name: "thread-traced", about: "a debugger has one thread of it, not the leader; all are at a dead end",
			bad: server{mode: "crowd"}, then: traceThread, state: state{threads: 9},
			want: livesAndSays(causes(listener.CauseTraced), listener.Traced),
		},
		{
			name: "frozen", about: "its cgroup is frozen",
			bad: server{mode: "pause"}, then: freeze,
			want: livesAndSays(causes(listener.CauseFrozen), listener.Frozen),
		},
	}
}

// traceThread has the last thread of the server stopped by a tracer.
func traceThread(s *scene) {
	var tid string
	livetest.Eventually(s.t, "its threads have begun", func() bool {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.pid))
		if len(tasks) < 9 {
			return false
		}
		tid = tasks[len(tasks)-1].Name()
		return true
	})
	s.helper("traces", tid)
}

// freeze freezes it by cgroup v2, in a group of its own.
func freeze(s *scene) {
	root := livetest.Cgroup2(s.t)
	dir := filepath.Join(root, fmt.Sprintf("rw-corpus-%d", s.pid))
	s.must(os.Mkdir(dir, 0o755))
	put := func(dir, file, value string) error { return os.WriteFile(filepath.Join(dir, file), []byte(value), 0) }
	s.t.Cleanup(func() {
		_ = put(dir, "cgroup.freeze", "0")
		_ = unix.Kill(s.pid, unix.SIGKILL)
		livetest.Eventually(s.t, "its cgroup has gone", func() bool {
			_ = put(root, "cgroup.procs", strconv.Itoa(s.pid)) // a zombie stays in it otherwise
			return os.Remove(dir) == nil
		})
	})
	s.must(put(dir, "cgroup.procs", strconv.Itoa(s.pid)))
	s.must(put(dir, "cgroup.freeze", "1"))
	livetest.Eventually(s.t, "it is frozen", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "cgroup.events"))
		return strings.Contains(string(b), "frozen 1")
	})
}
