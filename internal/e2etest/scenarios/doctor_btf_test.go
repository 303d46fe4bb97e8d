package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// ownBTF is where the kernel shows its types; hidden under a file system of nothing it
// is a container without sysfs.
const ownBTF = "/sys/kernel/btf"

const (
	mountOrCopy = "mount sysfs on /sys, or give a copy of that file with --btf FILE"
	copyThis    = "give --btf a copy of /sys/kernel/btf/vmlinux, or the vmlinux, of this very kernel"
)

// TestDoctorNoBTF: root learns from the kernel itself whether a file would help.
func TestDoctorNoBTF(t *testing.T) {
	beside(t)
	livetest.Root(t)
	diagnose(t, hidden(ownBTF)).refuses(t,
		"no BTF: this kernel has it, but /sys/kernel/btf/vmlinux is not there", mountOrCopy,
		"BTF missing: /sys/kernel/btf/vmlinux")
	s := hidden(ownBTF)
	s.Drop = []int{unix.CAP_SYS_ADMIN}
	diagnose(t, s).refuses(t, "no BTF: /sys/kernel/btf/vmlinux is not there",
		mountOrCopy+"; the kernel must be built with CONFIG_DEBUG_INFO_BTF=y")
	for _, verb := range []string{"list", "run"} {
		if _, stderr, code := outputIn(t, hidden(ownBTF), verb); code != cli.ExitCannotObserve {
			t.Errorf("%s: exit code %d, want %d: %s", verb, code, cli.ExitCannotObserve, stderr)
		}
	}
}

// TestDoctorBTFFile: with a copy of the kernel's types everything runs as with its
// own, also where there is no sysfs at all.
func TestDoctorBTFFile(t *testing.T) {
	beside(t)
	livetest.Root(t)
	own, err := os.ReadFile(ownBTF + "/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, t.TempDir(), "btf", string(own))
	here := tierHere(t)
	for _, s := range []surroundings{{}, hidden(ownBTF), hidden("/sys")} {
		diagnose(t, s, "--btf", file).says(t, here, "BTF "+file+": the same as the kernel's own")
	}
	if tooOld(t) {
		return
	}
	ns := inhabited(t)
	l := ns.Listen(livetest.Listen{})
	ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	for _, args := range [][]string{{}, {"--for", "500ms", "--interval", "100ms", "--stuck-after", "200ms"}} {
		stdout, stderr, code := outputIn(t, hidden("/sys"), append([]string{
			"explain", fmt.Sprintf("cookie:%x", l.Cookie), "-o", "json", "--netns", ns.Path, "--btf", file,
		}, args...)...)
		var e explained
		if err := json.Unmarshal([]byte(stdout), &e); err != nil || code != 0 {
			t.Fatalf("exit code %d, %v: %s", code, err, stderr)
		}
		if e.Listener.Queue != 1 || e.Listener.Local != l.Addr.String() || len(e.Clients) != 1 {
			t.Errorf("%v: %+v", args, e)
		}
	}
}

// TestDoctorForeignBTF: the types of another kernel would be loaded without a word, and
// mislead: they are refused, and so are such as cannot be compared with the kernel's own.
func TestDoctorForeignBTF(t *testing.T) {
	beside(t)
	livetest.Root(t)
	own, err := os.ReadFile(ownBTF + "/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, t.TempDir(), "btf", string(swapped(t, own, "bpf_iter_tcp", "bpf_iter_udp")))
	for _, s := range []surroundings{{}, hidden(ownBTF)} {
		diagnose(t, s, "--btf", file).refuses(t, file+" has the types of another kernel than this one", copyThis,
			"BTF "+file+": of another kernel")
	}
	s := hidden(ownBTF)
	s.Drop = []int{unix.CAP_SYS_ADMIN}
	diagnose(t, s, "--btf", file).refuses(t,
		file+" cannot be compared with this kernel's own types: it may be another one's",
		"mount sysfs on /sys, or add CAP_SYS_ADMIN, with which the kernel tells its types",
		"BTF "+file+": not comparable with the kernel's own")
	if _, stderr, code := output(t, "list", "--btf", file); code != cli.ExitCannotObserve {
		t.Errorf("list: exit code %d, want %d: %s", code, cli.ExitCannotObserve, stderr)
	}
}

// swapped gives each of two types, with names of one length, the other's name.
func swapped(t *testing.T, btf []byte, a, b string) []byte {
	t.Helper()
	out := slices.Clone(btf)
	for from, to := range map[string]string{a: b, b: a} {
		i := bytes.Index(btf, []byte("\x00"+from+"\x00"))
		if i < 0 {
			t.Fatalf("the kernel has no type %s", from)
		}
		copy(out[i+1:], to)
	}
	return out
}
