package scenarios

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// stuckInChroot is an unmodified haproxy that blocks after bind and before its
// poll loop, as root, in chroot(2) to a file system whose server is lost: in
// state D, where not even SIGKILL ends it before the test does.
func stuckInChroot(t *testing.T, ns *livetest.Namespace, dir string) *process {
	t.Helper()
	return stuckIn(t, ns, dir, livetest.DeadMount(t))
}

// stuckIn is the same; the release of the file system ends it.
func stuckIn(t *testing.T, ns *livetest.Namespace, dir string, dead *livetest.Dead) *process {
	t.Helper()
	config := strings.Replace(haproxyConfig, "global\n", "global\n    chroot "+dead.Jail+"\n", 1)
	p := start(t, ns, nil, "haproxy", "-db", "-f", write(t, dir, "stuck.cfg", config))
	t.Cleanup(dead.Release) // before the test waits for its end
	listens(t, ns, p, 80)
	livetest.Eventually(t, "haproxy is stuck in chroot", func() bool { return dead.Stuck() == 1 && stateOf(t, p) == 'D' })
	return p
}

func stateOf(t *testing.T, p *process) byte {
	t.Helper()
	is, err := proc.New("").Process(p.pid())
	if err != nil {
		t.Fatalf("%v: %s", err, p.log.String())
	}
	return is.State
}

func TestStuckInChrootSurvives(t *testing.T) {
	ns, dead := livetest.Netns(t), livetest.DeadMount(t)
	p := stuckIn(t, ns, t.TempDir(), dead)
	for _, sig := range []unix.Signal{unix.SIGUSR1, unix.SIGTERM, unix.SIGKILL} {
		if err := unix.Kill(p.pid(), sig); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if state := stateOf(t, p); !p.alive() || state != 'D' {
			t.Fatalf("after %v it is in state %c", sig, state)
		}
	}
	listens(t, ns, p, 80)
	dead.Release()
	livetest.Eventually(t, "it has ended", func() bool { return !p.alive() })
	if p.ProcessState.Success() {
		t.Error("it came through")
	}
}
