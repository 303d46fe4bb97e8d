package demo

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
}

func netnsLink(t *testing.T, path string) string {
	t.Helper()
	link, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// hearUntil runs what comes from the stage until something is so.
func hearUntil(t *testing.T, s *stage, so func() bool) {
	t.Helper()
	for deadline := time.After(10 * time.Second); !so(); {
		select {
		case hear := <-s.said:
			if err := hear(); err != nil {
				t.Fatal(err)
			}
		case <-deadline:
			t.Fatal("not within 10 s")
		}
	}
}

func shell(script string) *exec.Cmd { return exec.Command("sh", "-c", script) }

func TestStageLive(t *testing.T) {
	needRoot(t)
	home := netnsLink(t, "/proc/self/ns/net")
	s, err := openStage()
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	// As a shell would it waits for what it started.
	sleeper, err := start(s, "sleeper", func(v string) { said = append(said, v) },
		shell(`for v in $(readlink /proc/self/ns/net) $(grep -c 127.0.0.1 /proc/net/fib_trie) `+
			`$(sed -n 's/:.*//p' /proc/net/dev) done; do echo "\"$v\""; done; exec sleep 300`))
	if err != nil {
		t.Fatal(err)
	}
	hearUntil(t, s, func() bool { return len(said) > 0 && said[len(said)-1] == "done" })
	if said[0] == home || !strings.HasPrefix(said[0], "net:[") {
		t.Errorf("the actor is in %s, and we are in %s", said[0], home)
	}
	if said[1] == "0" {
		t.Error("the loopback is not up: it has no address")
	}
	if interfaces := said[2 : len(said)-1]; !slices.Equal(interfaces, []string{"lo"}) {
		t.Errorf("there is not lo alone: %q", interfaces)
	}
	if !sleeper.alive {
		t.Error("the actor has ended")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if sleeper.alive || sleeper.err == nil || sleeper.err.Error() != "signal: killed" {
		t.Errorf("the actor ended by %v", sleeper.err)
	}
	// Neither the main thread nor any other is left in the namespace.
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if link, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil && link != home {
			t.Errorf("thread %s is in %s", task.Name(), link)
		}
	}
}

func TestActorEndsLive(t *testing.T) {
	needRoot(t)
	s, err := openStage()
	if err != nil {
		t.Fatal(err)
	}
	heard := 0
	for script, want := range map[string]string{
		"echo 1; echo first >&2; echo oh >&2; exit 3": "actor ended: exit status 3: oh",
		"echo 1; exit 0":        "actor ended: before its time",
		"echo 1; kill -TERM $$": "actor ended: signal: terminated",
	} {
		a, err := start(s, "actor", func(v int) { heard += v }, shell(script))
		if err != nil {
			t.Fatal(err)
		}
		before := heard
		hearUntil(t, s, func() bool { return !a.alive })
		if got := a.failure().Error(); got != want || heard != before+1 {
			t.Errorf("%s: %q, want %q; heard %d times", script, got, want, heard-before)
		}
	}
	if _, err := start(s, "babbler", func(int) {}, shell("echo oh; exec sleep 300")); err != nil {
		t.Fatal(err)
	}
	if err := (<-s.said)(); err == nil || !strings.Contains(err.Error(), "read what babbler tells") {
		t.Errorf("took what is no number: %v", err)
	}
	deaf, err := start(s, "deaf", func(int) {}, shell("trap '' TERM; echo 1; while :; do sleep 0.05; done"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := start(s, "nobody", func(int) {}, exec.Command("/nonexistent")); err == nil {
		t.Error("started what is not there")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if deaf.alive {
		t.Error("the close left one alive")
	}
}

// A server that never accepts must not come up beside real ones.
func TestRolesStayOnStage(t *testing.T) {
	for _, role := range []string{"old", "new", "clients", "nobody"} {
		if err := Play(role, os.Stderr); err == nil {
			t.Errorf("%s plays in the namespace of its parent", role)
		}
	}
}
