package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRoot(t *testing.T) {
	if got := New("").Root(); got != "/proc" {
		t.Errorf(`New("").Root() = %q`, got)
	}
	if got := New("/host/proc").Root(); got != "/host/proc" {
		t.Errorf("Root() = %q", got)
	}
	if _, err := (FS{}).Process(os.Getpid()); err != nil { // the zero FS must not panic
		t.Error(err)
	}
}

func TestProcessGolden(t *testing.T) {
	at := func(ticks int64) time.Time {
		return time.Unix(1700000000, 0).Add(time.Duration(ticks) * 10 * time.Millisecond).UTC()
	}
	f := New("testdata/proc")
	for _, want := range []Process{
		{
			PID: 1, NSPID: 1, Comm: "systemd", Exe: "/usr/lib/systemd/systemd", Cmdline: []string{"/sbin/init", "splash"},
			State: 'S', StartTicks: 2, Started: at(2), Wchan: "ep_poll",
		},
		{
			PID: 2, NSPID: 2, Comm: "kthreadd", KernelThread: true,
			State: 'S', StartTicks: 2, Started: at(2), Wchan: "kthreadd",
		},
		{
			PID: 41, PPID: 2, NSPID: 41, Comm: "kworker/u8:2-events_unbound", KernelThread: true,
			State: 'I', StartTicks: 61, Started: at(61),
		},
		{
			PID: 4711, PPID: 400, NSPID: 7, Comm: "haproxy",
			Exe: "/usr/sbin/haproxy (deleted)", Cmdline: []string{"haproxy: worker"},
			UID: 99, State: 't', StartTicks: 987654, Started: at(987654), Wchan: "ptrace_stop", TracerPID: 4800,
		},
		{
			PID: 4712, PPID: 4711, NSPID: 4712, Comm: "a) R (b\n",
			Exe: "/tmp/\x1b[31m", Cmdline: []string{"a) R (b", "", "--x=\xff\xfe\n"},
			UID: 1001, State: 'R', StartTicks: 1000050, Started: at(1000050),
		},
		{PID: 4800, PPID: 1, NSPID: 4800, Comm: "gdb", State: 'Z', StartTicks: 1000100, Started: at(1000100)},
	} {
		got, err := f.Process(want.PID)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Process(%d) = %+v, %v\nwant %+v", want.PID, got, err, want)
		}
		if ticks, err := f.StartTicks(want.PID); err != nil || ticks != want.StartTicks {
			t.Errorf("StartTicks(%d) = %d, %v; want %d", want.PID, ticks, err, want.StartTicks)
		}
	}
}

const (
	statLine   = "10 (x) " + behindName + "\n"
	statusText = "Uid:\t1\t1\t1\t1\n"
)

func TestProcessErrors(t *testing.T) {
	f := fakeProc(t, map[string]string{
		"10/stat": statLine, // no status
		"11/stat": "11 (x", "11/status": statusText,
		"12/stat": statLine, "12/status": "Name:\tx\n",
	})
	for pid, want := range map[int]string{
		-1: "read " + f.Root() + "/-1/stat: no such file",
		9:  "read " + f.Root() + "/9/stat: no such file",
		10: "read " + f.Root() + "/10/status: no such file",
		11: "parse " + f.Root() + "/11/stat: no (name)",
		12: "parse " + f.Root() + "/12/status: no Uid line",
	} {
		_, err := f.Process(pid)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Process(%d): %v, want %s…", pid, err, want)
		}
		if got := errors.Is(err, fs.ErrNotExist); got != strings.Contains(want, "no such file") {
			t.Errorf("Process(%d): errors.Is(%v, fs.ErrNotExist) = %v", pid, err, got)
		}
	}
}

// Without /proc/stat, NSpid and all that needs privileges.
func TestProcessScant(t *testing.T) {
	f := fakeProc(t, map[string]string{"10/stat": statLine, "10/status": statusText})
	want := Process{PID: 10, PPID: 400, NSPID: 10, Comm: "x", UID: 1, State: 'S', StartTicks: 987654}
	if got, err := f.Process(10); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, %v\nwant %+v", got, err, want)
	}
}

func TestProcessReplacedWhileRead(t *testing.T) {
	f := fakeProc(t, map[string]string{"10/stat": statLine, "10/status": statusText})
	duringRead(t, f.path("10/status"), statusText, func() {
		put(t, f.path("10/stat"), strings.Replace(statLine, "987654", "987655", 1))
	})
	if p, err := f.Process(10); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", p, err)
	}
}

func TestProcessEndsWhileRead(t *testing.T) {
	f := fakeProc(t, map[string]string{"10/stat": statLine, "10/status": statusText})
	duringRead(t, f.path("10/status"), statusText, func() {
		if err := os.Remove(f.path("10/stat")); err != nil {
			t.Error(err)
		}
	})
	if p, err := f.Process(10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", p, err)
	}
}

// TestCmdlineBounded: of a word that is cut, which may hold half a secret, nothing is kept.
func TestCmdlineBounded(t *testing.T) {
	long := "x\x00" + strings.Repeat("y", maxCmdline-40) + " http://user:"
	f := fakeProc(t, map[string]string{
		"10/stat": statLine, "10/status": statusText, "10/cmdline": long + strings.Repeat("z", 40) + "@host",
	})
	p, err := f.Process(10)
	if err != nil || len(p.Cmdline) != 2 || len(p.Cmdline[1]) != maxCmdline-40+1 {
		t.Errorf("%d arguments, %v", len(p.Cmdline), err)
	}
	if a := f.ask(&Question{PID: 10, What: Names}); strings.Contains(strings.Join(a.Cmdline, " "), "z") {
		t.Error("a part of the password is told")
	}
}

func TestParseBootTime(t *testing.T) {
	for in, want := range map[string]int64{"cpu 1\nbtime 1700000000\nx 1\n": 1700000000, "btime 5": 5} {
		if got, err := parseBootTime([]byte(in)); err != nil || got != want {
			t.Errorf("parseBootTime(%q) = %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "xbtime 5\n", "btime x\n"} {
		if got, err := parseBootTime([]byte(in)); err == nil {
			t.Errorf("parseBootTime(%q) = %d", in, got)
		}
	}
}

func TestBootTimeKept(t *testing.T) {
	f := fakeProc(t, map[string]string{"stat": "btime 5\n"})
	for _, step := range []struct {
		file string
		age  time.Duration
		want int64
	}{{"btime 5\n", 0, 5}, {"btime 6\n", 0, 5}, {"btime 7\n", bootKept, 7}} {
		put(t, f.path("stat"), step.file)
		f.boot.read = f.boot.read.Add(-step.age)
		if got, err := f.bootTime(); err != nil || got != step.want {
			t.Errorf("bootTime() = %d, %v; want %d", got, err, step.want)
		}
	}
	put(t, f.path("stat"), "nonsense\n")
	f.boot.read = time.Time{}
	if got, err := f.bootTime(); err == nil || !strings.HasPrefix(err.Error(), "parse "+f.path("stat")) {
		t.Errorf("bootTime() = %d, %v; want a parse error", got, err)
	}
}

// FuzzParseBootTime: what is refused gives nothing, and what the kernel writes is read.
func FuzzParseBootTime(f *testing.F) {
	for _, seed := range []string{"cpu 1\nbtime 1700000000\nx 1\n", "btime 5", "xbtime 5\n", "btime -1\n", "btime \n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sec, err := parseBootTime(b)
		if err != nil {
			if sec != 0 {
				t.Errorf("parseBootTime(%q) = %d, and %v", b, sec, err)
			}
			return
		}
		line := fmt.Appendf(nil, "intr 0\nbtime %d\nprocesses 1\n", sec)
		if again, err := parseBootTime(line); err != nil || again != sec {
			t.Errorf("parseBootTime(%q) = %d, and of %q %d, %v", b, sec, line, again, err)
		}
	})
}
