package scenarios

import (
	"os/exec"
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestProcSysElsewhere: in a container /proc/sys is read-only, and what a group of
// MPTCP listeners takes its clients along by is written where the host's /proc is.
func TestProcSysElsewhere(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	stuck := serve(t, ns, server{Addr: web, Then: wayMutex, MPTCP: true})
	serve(t, ns, server{Addr: web, MPTCP: true})
	v := queueUp(t, ns, web, 100)
	dir := t.TempDir()
	cmd := command(t, "run", "-o", "json", "--action", "kill", "--netns", ns.Path, "--state-dir", t.TempDir(),
		"--proc-sys", dir+"/sys", "--stuck-after", "2s", "--act-after", "3s", "--startup-grace", "1s", "--interval", "200ms")
	// In a mount namespace of its own, which ends with it.
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(err)
	}
	const readOnly = `mount --bind /proc "$0" && mount --bind /proc/sys /proc/sys && ` +
		`mount -o remount,bind,ro /proc/sys && exec "$@"`
	cmd.Args = append([]string{unshare, "--mount", "sh", "-c", readOnly, dir, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = unshare
	r := await(t, cmd)
	load(t, ns, web, 4)
	e := rescued(t, r, stuck.pid())
	if o := v.outcome(t); o != (outcome{answered: 100}) {
		t.Errorf("%+v, want all of 100 answered (%+v)", o, e)
	}
	r.stop()
	nothingAttached(t, ns)
}
