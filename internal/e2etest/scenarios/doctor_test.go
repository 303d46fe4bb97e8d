package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

func TestDoctor(t *testing.T) {
	beside(t)
	livetest.Root(t)
	d := diagnose(t, surroundings{})
	d.says(t, tierHere(t), "BTF /sys/kernel/btf/vmlinux", "pid namespace the host's",
		"capability CAP_BPF (programs and maps)")
	subjects := []string{"kernel", "tier", "way out"}
	if !tooOld(t) {
		subjects = append(subjects, "lockdown", "kptr_restrict", "memlock", "tracefs", "bpffs", "lost", "half-open")
	}
	for _, subject := range subjects {
		if _, found := d.line(subject); !found {
			t.Errorf("doctor says nothing of %s:\n%s", subject, d.stdout)
		}
	}
}

// TestDoctorMounts: neither tracefs nor bpffs is needed.
func TestDoctorMounts(t *testing.T) {
	beside(t)
	livetest.Root(t)
	const (
		tracefs, bpffs = "/sys/kernel/tracing", "/sys/fs/bpf"
		noTracefs      = ": not needed, tracepoints are found by their types"
		noBPFFS        = ": not needed, nothing is pinned"
	)
	here := tierHere(t)
	diagnose(t, hidden(tracefs, bpffs)).says(t, here, "tracefs not mounted"+noTracefs, "bpffs not mounted"+noBPFFS)
	for _, readOnly := range []bool{false, true} {
		how := map[bool]string{false: "mounted", true: "mounted read-only"}[readOnly]
		diagnose(t, surroundings{Mounts: []mount{{"tracefs", tracefs, readOnly}, {"bpf", bpffs, readOnly}}}).
			says(t, here, "tracefs "+how+noTracefs, "bpffs "+how+noBPFFS)
	}
}

// TestDoctorMemlock: since 5.11 the limit is not that of BPF.
func TestDoctorMemlock(t *testing.T) {
	beside(t)
	livetest.Root(t)
	here := tierHere(t)
	for limit, says := range map[uint64]string{0: "0 bytes", 4096: "4 KiB"} {
		const costsNothing = ": costs nothing, the memory of BPF is charged to the cgroup"
		diagnose(t, surroundings{Memlock: &limit}).says(t, here, "memlock "+says+costsNothing)
	}
}

// TestDoctorCapabilities: what is missing is said, and refused only if it is needed.
func TestDoctorCapabilities(t *testing.T) {
	beside(t)
	livetest.Root(t)
	here := tierHere(t)
	diagnose(t, without(unix.CAP_SYSLOG)).
		says(t, here, "capability missing: CAP_SYSLOG (not needed: symbols are named in the kernel, not by /proc/kallsyms)")
	diagnose(t, without(unix.CAP_SYSLOG, unix.CAP_SYS_ADMIN, unix.CAP_KILL)).
		says(t, here, "capability missing: CAP_KILL (--action kill)",
			"capability missing: CAP_SYS_ADMIN (acts; counts and list in other network namespaces; kernel stacks)")
	diagnose(t, without(unix.CAP_BPF, unix.CAP_SYS_PTRACE)).
		refuses(t, "no CAP_BPF, CAP_SYS_PTRACE", "run it as root, or give it these capabilities",
			"capability missing: CAP_BPF (programs and maps)")
}

// TestDoctorKptrRestrict: whatever kptr_restrict, and without CAP_SYSLOG, it is told who
// waits on a listener and where its threads are. The sysctl is the whole host's: it is
// set in a VM alone.
func TestDoctorKptrRestrict(t *testing.T) {
	livetest.Root(t)
	const path = "/proc/sys/kernel/kptr_restrict"
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	here := tierHere(t)
	levels := []string{strings.TrimSpace(string(was))}
	if livetest.InVM() {
		levels = []string{"0", "1", "2"}
		t.Cleanup(func() {
			if err := os.WriteFile(path, was, 0); err != nil {
				t.Error(err)
			}
		})
	}
	for _, level := range levels {
		if livetest.InVM() {
			if err := os.WriteFile(path, []byte(level), 0); err != nil {
				t.Fatal(err)
			}
		}
		const costsNothing = ": costs nothing, symbols are named in the kernel"
		diagnose(t, without(unix.CAP_SYSLOG)).says(t, here, "kptr_restrict "+level+costsNothing)
		if !tooOld(t) {
			symbolsAreNamed(t, without(unix.CAP_SYSLOG))
		}
	}
}

// symbolsAreNamed explains a listener of the test's own, with an epoll set that nobody
// sleeps in, while threads of the test sleep in a futex.
func symbolsAreNamed(t *testing.T, s surroundings) {
	t.Helper()
	ns := inhabited(t)
	l := ns.Listen(livetest.Listen{})
	livetest.Epoll(t, l.FD, unix.EPOLLIN)
	ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	stdout, stderr, code := outputIn(t, s, "explain", fmt.Sprintf("cookie:%x", l.Cookie), "-o", "json", "--netns", ns.Path,
		"--for", "1200ms", "--interval", "100ms", "--stuck-after", "500ms")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var e struct {
		Listener struct {
			Waiters  []struct{ Kind string }
			Evidence struct {
				Owners []struct {
					Threads []struct {
						Wchan string
						Stack []string
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Listener.Waiters) != 1 || e.Listener.Waiters[0].Kind != "epoll" {
		t.Errorf("waiters %+v, want the epoll set", e.Listener.Waiters)
	}
	inFutex := false
	for _, owner := range e.Listener.Evidence.Owners {
		for _, thread := range owner.Threads {
			stack := strings.Join(thread.Stack, " ")
			inFutex = inFutex || strings.HasPrefix(thread.Wchan, "futex_") && strings.Contains(stack, "futex_wait")
		}
	}
	if !inFutex {
		t.Errorf("no thread sleeps in a futex: %s", stdout)
	}
}

// TestDoctorOldKernel: every command refuses, and monitoring gets its own code.
func TestDoctorOldKernel(t *testing.T) {
	beside(t)
	if !tooOld(t) {
		t.Skip("this kernel is new enough")
	}
	for _, args := range []string{
		"list", "run", "check --port 80", "explain 80", "kill 1", "demo", "check -o nagios --port 80",
	} {
		stdout, stderr, code := output(t, strings.Fields(args)...)
		said := stdout + stderr
		told := strings.Contains(said, "too old") && strings.Contains(said, "boot a newer kernel")
		if code != cli.ExitCannotObserve || !told {
			t.Errorf("%s: exit code %d, %q, %q; want %d and what to boot", args, code, stdout, stderr, cli.ExitCannotObserve)
		}
	}
}
