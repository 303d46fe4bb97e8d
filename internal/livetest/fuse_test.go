package livetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Whoever enters the jail is in state D, whatever signal comes, until the release.
func TestDeadMount(t *testing.T) {
	Root(t)
	d := DeadMount(t)
	for range 3 {
		if st, err := os.Stat(d.Jail); err != nil || !st.IsDir() {
			t.Fatalf("before somebody enters: %v, %v", st, err)
		}
	}
	if _, err := os.Stat(d.Jail + "/file"); !os.IsNotExist(err) {
		t.Fatalf("a file in it: %v", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || bytes.Contains(mounts, []byte(" - fuse dead ")) {
		t.Errorf("others can come upon it: %v, %s", err, mounts)
	}
	var stuck []*exec.Cmd
	enter := func(script string) {
		cmd := exec.Command("sh", "-c", script, "sh", d.Jail)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			d.Release()
			_ = cmd.Wait()
		})
		stuck = append(stuck, cmd)
		Eventually(t, script+" is in state D", func() bool { return d.Stuck() == len(stuck) && state(cmd) == "D" })
	}
	enter(`cd "$1"`)
	enter(`test -d "$1"`) // the server is dead for others too
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, cmd := range stuck {
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Millisecond)
		for _, cmd := range stuck {
			if s := state(cmd); s != "D" {
				t.Errorf("after %v: %v is in state %q", sig, cmd.Args, s)
			}
		}
	}
	d.Release()
	for _, cmd := range stuck {
		if err := cmd.Wait(); err == nil {
			t.Errorf("%v got in", cmd.Args)
		}
	}
}

// state is a process's state as ps shows it.
func state(cmd *exec.Cmd) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if i := bytes.LastIndexByte(b, ')'); i >= 0 && len(b) > i+2 {
		return string(b[i+2 : i+3])
	}
	return ""
}
