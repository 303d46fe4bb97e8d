package armed

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// Processes are those of the host, but for the test's own, of which this is true.
func Processes(are func(pid int) bool) []int {
	var all []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() && are(pid) {
			all = append(all, pid)
		}
	}
	return all
}

// Inhabitants are the processes of a network namespace, but for the test's own.
func Inhabitants(ns *livetest.Namespace) []int {
	return Processes(func(pid int) bool {
		in, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
		return err == nil && in == fmt.Sprintf("net:[%d]", ns.Inode)
	})
}

// State is the letter of a process's state, "" where there is none.
func State(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1]
}

// Alive says whether a process is there, and no zombie.
func Alive(pid int) bool {
	state := State(pid)
	return state != "" && state != "Z" && state != "X"
}
