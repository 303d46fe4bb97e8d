package demo

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
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

func TestStageLive(t *testing.T) {
	needRoot(t)
	home := netnsLink(t, "/proc/self/ns/net")
	s, err := openStage()
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	// As a shell would it waits for what it started.
	sleeper, err := s.start("sleeper", exec.Command("sh", "-c", "readlink /proc/self/ns/net; cat /sys/class/net/lo/flags; cat /proc/net/dev; echo done; exec sleep 300"),
		func(b []byte) { lines <- string(b) })
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for len(said) == 0 || said[len(said)-1] != "done" {
		select {
		case l := <-lines:
			said = append(said, l)
		case <-time.After(10 * time.Second):
			t.Fatalf("the actor only said %q", said)
		}
	}
	if said[0] == home || !strings.HasPrefix(said[0], "net:[") {
		t.Errorf("the actor is in %s, and we are in %s", said[0], home)
	}
	if interfaces := said[4 : len(said)-1]; len(interfaces) != 1 || !strings.Contains(interfaces[0], "lo:") {
		t.Errorf("there is more than lo: %q", interfaces)
	}
	if !sleeper.alive() {
		t.Error("the actor has ended")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if sig, killed := sleeper.killedBy(); !killed || sig != syscall.SIGKILL {
		t.Errorf("the actor ended by %v, %v", sig, sleeper.err)
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
	start := func(script string) *actor {
		a, err := s.start("actor", exec.Command("sh", "-c", script), func([]byte) {})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	failing := start("echo first >&2; echo oh >&2; exit 3")
	<-failing.ended
	if err := failing.unexpected(); err == nil || err.Error() != "actor ended: exit status 3: oh" {
		t.Errorf("error %v", err)
	}
	early := start("exit 0")
	<-early.ended
	if err := early.unexpected(); early.failure() != nil || err == nil {
		t.Errorf("failure %v, unexpected %v", early.failure(), err)
	}
	polite := start("trap 'exit 0' TERM; while :; do sleep 0.05; done")
	time.Sleep(200 * time.Millisecond)
	if err := polite.stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	deaf := start("trap '' TERM; while :; do sleep 0.05; done")
	time.Sleep(200 * time.Millisecond)
	if err := deaf.stop(300 * time.Millisecond); err == nil || !deaf.alive() {
		t.Errorf("error %v, alive %v", err, deaf.alive())
	}
	if _, err := s.start("nobody", exec.Command("/nonexistent"), nil); err == nil {
		t.Error("started what is not there")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if deaf.alive() {
		t.Error("the close left one alive")
	}
}

// A server that never accepts must not come up beside real ones.
func TestRolesStayOnStage(t *testing.T) {
	for _, role := range []string{roleOld, roleNew, roleClients} {
		if err := Play(t.Context(), role, os.Stderr); err == nil {
			t.Errorf("%s plays in the namespace of its parent", role)
		}
	}
}
