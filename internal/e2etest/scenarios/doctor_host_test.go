package scenarios

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/cli"
)

// asSurrounded makes the test binary change what is around it, described in JSON, and
// then be reusewatch.
const asSurrounded = "REUSEWATCH_TEST_SURROUNDINGS"

// surroundings are what a reusewatch finds itself in, in place of the host's.
type surroundings struct {
	Mounts  []mount // in a mount namespace of its own
	Drop    []int   // capabilities
	Memlock *uint64 // bytes
}

// mount is one of a file system.
type mount struct {
	Type, On string
	ReadOnly bool
}

// hidden has nothing at all below a folder.
func hidden(on ...string) surroundings {
	var s surroundings
	for _, path := range on {
		s.Mounts = append(s.Mounts, mount{Type: "tmpfs", On: path})
	}
	return s
}

// without drops capabilities.
func without(caps ...int) surroundings { return surroundings{Drop: caps} }

// outputIn runs a command to its end in these surroundings.
func outputIn(t *testing.T, s surroundings, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	spec, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, args...)
	cmd.Env = append(cmd.Env, asSurrounded+"="+string(spec))
	cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	return outputOf(t, cmd)
}

// beSurrounded returns only to fail.
func beSurrounded(spec string) error {
	var s surroundings
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return err
	}
	for _, m := range s.Mounts {
		err := unix.Mount(m.Type, m.On, m.Type, 0, "")
		if errors.Is(err, unix.EBUSY) {
			err = nil // it is there already
		}
		if err == nil && m.ReadOnly {
			err = unix.Mount("", m.On, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
		if err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.Type, m.On, err)
		}
	}
	if s.Memlock != nil {
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: *s.Memlock, Max: *s.Memlock}); err != nil {
			return fmt.Errorf("set the memlock limit: %w", err)
		}
	}
	runtime.LockOSThread() // whose capabilities are those of the program that it becomes
	for _, c := range s.Drop {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := os.Unsetenv(asSurrounded); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", os.Args, os.Environ())
}

// diagnosis is what doctor says.
type diagnosis struct {
	stdout, stderr string
	code           int
}

// diagnose runs doctor in these surroundings.
func diagnose(t *testing.T, s surroundings, args ...string) diagnosis {
	t.Helper()
	var d diagnosis
	d.stdout, d.stderr, d.code = outputIn(t, s, append([]string{"doctor"}, args...)...)
	return d
}

// says expects these lines, their columns one space apart, and that it can observe in
// this tier.
func (d diagnosis) says(t *testing.T, tier string, lines ...string) {
	t.Helper()
	if tooOld(t) {
		d.refuses(t, "", "")
		return
	}
	if d.code != 0 || d.stderr != "" {
		t.Errorf("exit code %d: %s", d.code, d.stderr)
	}
	d.lines(t, append(lines, "tier "+tier)...)
}

// refuses expects these lines, and that nothing can be observed: what is missing and
// the way out as doctor's lines and as one message. Of a kernel that is too old there
// is nothing else to say.
func (d diagnosis) refuses(t *testing.T, missing, wayOut string, lines ...string) {
	t.Helper()
	if tooOld(t) {
		missing, lines = "is too old: reusewatch needs 5.17 or newer (bpf_loop)", nil
		wayOut = "boot a newer kernel (Debian 12 has 6.1)"
	}
	said := d.stderr
	framed := strings.HasPrefix(said, "reusewatch: cannot observe: ") && strings.HasSuffix(said, "; "+wayOut+"\n")
	if d.code != cli.ExitCannotObserve || strings.Count(said, "\n") != 1 || !framed || !strings.Contains(said, missing) {
		t.Errorf("exit code %d, says %q; want %d, one line with %q and %q",
			d.code, said, cli.ExitCannotObserve, missing, wayOut)
	}
	tier, found := d.line("tier")
	if !found || !strings.HasPrefix(tier, "none: ") || !strings.Contains(tier, missing) {
		t.Errorf("tier %q, want none and %q", tier, missing)
	}
	d.lines(t, append(lines, "way out "+wayOut)...)
}

func (d diagnosis) lines(t *testing.T, lines ...string) {
	t.Helper()
	said := strings.Split(d.stdout, "\n")
	for i := range said {
		said[i] = strings.Join(strings.Fields(said[i]), " ")
	}
	for _, want := range lines {
		if !strings.Contains("\n"+strings.Join(said, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("no line %q in\n%s", want, d.stdout)
		}
	}
}

// line gives what is said of a subject.
func (d diagnosis) line(subject string) (string, bool) {
	for line := range strings.Lines(d.stdout) {
		if rest, found := strings.CutPrefix(line, subject+" "); found {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// tooOld says whether the kernel is older than reusewatch needs: in a VM alone.
func tooOld(t *testing.T) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major < 5 || major == 5 && minor < 17
}

// tierHere is what doctor says where nothing was changed.
func tierHere(t *testing.T) string {
	t.Helper()
	tier, found := diagnose(t, surroundings{}).line("tier")
	if !found {
		t.Fatal("doctor names no tier")
	}
	return tier
}
