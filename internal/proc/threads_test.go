package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestThreadsGolden(t *testing.T) {
	want := []Thread{
		{
			TID: 4711, Comm: "haproxy", State: 't', Wchan: "ptrace_stop", Syscall: 232,
			Stack: []string{"ptrace_stop.part.0", "get_signal", "entry_SYSCALL_64_after_hwframe"},
		},
		{TID: 4720, Comm: "haproxy/2", State: 'R', Syscall: -1},
	}
	got, total, err := New("testdata/proc").Threads(4711)
	if err != nil || total != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, %d, %v\nwant %+v", got, total, err, want)
	}
}

func TestThreadsOrderAndScant(t *testing.T) {
	f := fakeProc(t, map[string]string{
		"50/stat":        "50 (x) " + behindName,
		"50/task/7/stat": "7 (early) " + behindName, "50/task/50/stat": "50 (x) " + behindName,
		"50/task/60/comm": "ended", // no stat
		"50/task/70/stat": "70 (late) " + behindName,
	})
	want := []Thread{
		{TID: 50, Comm: "x", State: 'S', Syscall: -1},
		{TID: 7, Comm: "early", State: 'S', Syscall: -1},
		{TID: 70, Comm: "late", State: 'S', Syscall: -1},
	}
	got, total, err := f.Threads(50)
	if err != nil || total != 4 || !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, %d, %v\nwant %+v", got, total, err, want)
	}
}

func TestThreadsErrors(t *testing.T) {
	f := fakeProc(t, map[string]string{
		"10/stat": statLine, "10/task/10/stat": "10 (x",
		"11/task/11/comm": "", // went while it was read
	})
	if got, _, err := f.Threads(10); err == nil || !strings.HasPrefix(err.Error(), "parse "+f.path("10/task/10/stat")) {
		t.Errorf("= %+v, %v; want a parse error", got, err)
	}
	for _, pid := range []int{11, 12} {
		if got, _, err := f.Threads(pid); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Threads(%d) = %+v, %v; want fs.ErrNotExist", pid, got, err)
		}
	}
}

func TestThreadsDenied(t *testing.T) {
	const task = "10/task/10/"
	f := fakeProc(t, map[string]string{task + "stat": statLine, task + "wchan": "w", task + "syscall": "1 0x0", task + "stack": "[<0>] s+0x1/0x2\n"})
	read := Thread{TID: 10, Comm: "x", State: 'S', Wchan: "w", Syscall: 1, Stack: []string{"s"}}
	if got, _, err := f.Threads(10); err != nil || !reflect.DeepEqual(got, []Thread{read}) {
		t.Errorf("= %+v, %v; want %+v", got, err, read)
	}
	for _, name := range []string{"wchan", "syscall", "stack"} {
		deny(t, f.path(task+name))
	}
	unprivileged(t, func() {
		want := Thread{TID: 10, Comm: "x", State: 'S', Syscall: -1}
		if got, _, err := f.Threads(10); err != nil || !reflect.DeepEqual(got, []Thread{want}) {
			t.Errorf("= %+v, %v; want %+v", got, err, want)
		}
	})
}

// Of very many threads some are listed, and fewer have their stack read: those
// in state D first.
func TestThreadsBounded(t *testing.T) {
	const many, blocked = maxThreads + 8, 300
	files := map[string]string{}
	for tid := 1; tid <= many; tid++ {
		dir := fmt.Sprintf("1/task/%d/", tid)
		files[dir+"stat"] = "1 (x) " + behindName
		files[dir+"stack"] = "[<0>] s+0x1/0x2\n"
	}
	files[fmt.Sprintf("1/task/%d/stat", blocked)] = "1 (x) D" + behindName[1:]
	got, total, err := fakeProc(t, files).Threads(1)
	if err != nil || total != many || len(got) != maxThreads {
		t.Fatalf("%d of %d threads, %v", len(got), total, err)
	}
	for i, th := range got {
		want := i < maxStacks-1 || th.TID == blocked
		if th.TID != i+1 || (th.Stack != nil) != want {
			t.Errorf("thread %d: %+v; want a stack: %v", i, th, want)
		}
	}
}

func TestParseSyscall(t *testing.T) {
	for in, want := range map[string]int{
		"running\n": -1, "-1 0x7ffd 0x7f00\n": -1, "": -1, "x 1": -1, "0 0x3 0x7fee\n": 0, "232 0x7\n": 232, "281": 281,
	} {
		if got := parseSyscall([]byte(in)); got != want {
			t.Errorf("parseSyscall(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestParseStack(t *testing.T) {
	for in, want := range map[string][]string{
		"": nil,
		"[<0>] ep_poll+0x1/0x2\n[<0>] do_syscall_64+0x71/0x280":        {"ep_poll", "do_syscall_64"},
		"[<0>] request_wait_answer+0x140/0x250 [fuse]\n":               {"request_wait_answer"},
		"[<ffffffff81234567>] old+0x1/0x2\n[<0>] 0xffffffffffffffff\n": {"old"},
		"nonsense\n[<0>] \n[<0>] +0x1/0x2\n":                           nil,
	} {
		if got := parseStack([]byte(in)); !reflect.DeepEqual(got, want) {
			t.Errorf("parseStack(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLivingPath(t *testing.T) {
	zombie, dead := "10 (x) Z"+behindName[1:], "10 (x) X"+behindName[1:]
	f := fakeProc(t, map[string]string{
		"10/stat": statLine, "10/task/12/stat": statLine,
		"20/stat": zombie, "20/task/20/stat": zombie, "20/task/21/stat": dead, "20/task/22/stat": statLine,
		"30/stat": zombie, "30/task/30/stat": zombie,
	})
	for pid, want := range map[int]string{10: "10", 20: "20/task/22", 30: "30"} {
		if got, err := f.livingPath(pid); err != nil || got != f.path(want) {
			t.Errorf("livingPath(%d) = %s, %v; want %s", pid, got, err, want)
		}
	}
	if got, err := f.livingPath(40); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %s, %v; want fs.ErrNotExist", got, err)
	}
}

func TestPIDNamespace(t *testing.T) {
	f := New("testdata/proc")
	if got, err := f.PIDNamespace(4711); err != nil || got != 4026532290 {
		t.Errorf("= %d, %v", got, err)
	}
	if got, err := f.PIDNamespace(9); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %d, %v; want fs.ErrNotExist", got, err)
	}
	odd := fakeProc(t, map[string]string{"10/ns/pid": "-> net:[4026532290]"})
	if got, err := odd.PIDNamespace(10); err == nil || !strings.Contains(err.Error(), "no pid namespace") {
		t.Errorf("= %d, %v", got, err)
	}
	if got, err := New("").PIDNamespace(os.Getpid()); err != nil || got == 0 {
		t.Errorf("of our own: %d, %v", got, err)
	}
}
