package kernel_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// of is a file of a process in /proc, without its last newline; "" if it has gone.
func of(pid int, name ...string) string {
	b, _ := os.ReadFile(filepath.Join(append([]string{"/proc", strconv.Itoa(pid)}, name...)...))
	return strings.TrimSuffix(string(b), "\n")
}

func linkOf(pid int, name ...string) string {
	s, _ := os.Readlink(filepath.Join(append([]string{"/proc", strconv.Itoa(pid)}, name...)...))
	return s
}

// statOf gives the fields of a stat file behind the name, from field 3 on.
func statOf(pid int, name ...string) []string {
	s := of(pid, append(name, "stat")...)
	return strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
}

// statusOf gives the values of a line of a status file.
func statusOf(pid int, key string) []string {
	for line := range strings.Lines(of(pid, "status")) {
		if values, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Fields(values)
		}
	}
	return nil
}

// testProcesses: every process of this host is read as /proc shows it, unless that changed
// meanwhile: /proc is read before and after.
func testProcesses(t *testing.T, f *field) {
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			all, err := k.Processes(listener.Ask{All: true})
			if err != nil {
				t.Fatal(err)
			}
			var pids []int
			for pid := range all {
				pids = append(pids, pid)
			}
			if len(pids) < 3 {
				t.Fatalf("%d processes", len(pids))
			}
			// A thread may rightly be read as running between two readings of /proc that agree.
			// What is read wrongly is so each time.
			compared, differs := 0, make(map[int]string)
			for round := 0; round < 5 && (round == 0 || len(differs) > 0); round++ {
				before := make(map[int]string)
				for _, pid := range pids {
					before[pid] = inProc(pid)
				}
				read, err := k.Processes(listener.Ask{All: true, Threads: pids})
				if err != nil {
					t.Fatal(err)
				}
				for _, pid := range pids {
					now := inProc(pid)
					if round > 0 && differs[pid] == "" || now == "" || now != before[pid] {
						continue // it was right before, changed, or ended
					}
					if round == 0 {
						compared++
					}
					delete(differs, pid)
					if got := asInProc(read[pid]); got != now {
						differs[pid] = fmt.Sprintf("%s\n/proc says\n%s", got, now)
					}
				}
			}
			for pid, how := range differs {
				t.Errorf("process %d is\n%s", pid, how)
			}
			t.Logf("%d of %d processes compared", compared, len(pids))
			if compared < len(pids)/2 {
				t.Errorf("only %d of %d processes stood still", compared, len(pids))
			}
		})
	}
}

// inProc is a process as /proc has it; "" if it has gone.
func inProc(pid int) string {
	st := statOf(pid)
	if len(st) < 20 {
		return ""
	}
	var b strings.Builder
	flags, _ := strconv.ParseUint(st[6], 10, 64)
	fmt.Fprintf(&b, "state %s parent %s session %s start %s kernel %v forknoexec %v\n",
		st[0], st[1], st[3], st[19], flags&0x200000 != 0, flags&0x40 != 0)
	ids := statusOf(pid, "NSpid")
	fmt.Fprintf(&b, "nspid %s euid %s uid %s tracer %s threads %s\n",
		ids[len(ids)-1], statusOf(pid, "Uid")[1], statusOf(pid, "Uid")[0],
		statusOf(pid, "TracerPid")[0], statusOf(pid, "Threads")[0])
	if flags&0x200000 == 0 {
		fmt.Fprintf(&b, "comm %q\n", of(pid, "comm"))
	}
	for _, ns := range []string{"net", "pid", "mnt", "user"} {
		if l := linkOf(pid, "ns", ns); l != "" {
			fmt.Fprintf(&b, "%s ", l)
		}
	}
	tids, _ := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	for _, tid := range tids {
		st := statOf(pid, "task", tid.Name())
		if len(st) < 20 || flags&0x200000 != 0 {
			continue
		}
		wchan := of(pid, "task", tid.Name(), "wchan")
		if wchan == "0" {
			wchan = ""
		}
		call, _, _ := strings.Cut(of(pid, "task", tid.Name(), "syscall"), " 0x7f")
		stack := ""
		if st[0] != "R" {
			for line := range strings.Lines(of(pid, "task", tid.Name(), "stack")) {
				_, frame, _ := strings.Cut(line, "] ")
				frame, _, ok := strings.Cut(frame, "+0x")
				if ok {
					stack += frame + " "
				}
			}
		} else {
			call = ""
		}
		sched := strings.Fields(of(pid, "task", tid.Name(), "schedstat"))
		if len(sched) == 3 && (st[0] == "R" || sched[0] == "0") {
			sched = []string{"", "", ""}
		}
		number, _, _ := strings.Cut(call, " ")
		fmt.Fprintf(&b, "\n%s %s wchan %s call %s sched %v stack %s", tid.Name(), st[0], wchan, number, sched, stack)
	}
	return b.String()
}

// asInProc gives a process that was read in the form of inProc.
func asInProc(p *listener.Process) string {
	if p == nil {
		return "not told of"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "state %s parent %d session %d start %d kernel %v forknoexec %v\n",
		p.State, p.PPID, p.Session, p.Start, p.Kernel, p.NeverExec)
	fmt.Fprintf(&b, "nspid %d euid %d uid %d tracer %d threads %d\n", p.NSPID, p.UID, p.RealUID, p.Tracer, p.ThreadCount)
	if !p.Kernel {
		fmt.Fprintf(&b, "comm %q\n", p.Comm)
	}
	for _, ns := range []struct {
		name  string
		inode uint32
	}{{"net", p.NetNS}, {"pid", p.PIDNS}, {"mnt", p.MountNS}, {"user", p.UserNS}} {
		if ns.inode != 0 {
			fmt.Fprintf(&b, "%s:[%d] ", ns.name, ns.inode)
		}
	}
	slices.SortFunc(p.Threads, func(a, b listener.Task) int {
		return strings.Compare(strconv.Itoa(a.TID), strconv.Itoa(b.TID))
	})
	for i := range p.Threads {
		if p.Kernel {
			continue
		}
		t := &p.Threads[i]
		number := ""
		if c, known := t.Call.Get(); known {
			number = strconv.Itoa(c.Number)
		} else if t.State != "R" {
			number = "-1"
		}
		sched := []string{"", "", ""}
		if s, known := t.Sched.Get(); known && t.State != "R" && t.Used.Run > 0 {
			sched = []string{fmt.Sprint(int64(t.Used.Run)), fmt.Sprint(int64(s.Wait)), fmt.Sprint(s.Slices)}
		}
		var stack bytes.Buffer
		for _, frame := range t.Stack {
			stack.WriteString(frame + " ")
		}
		fmt.Fprintf(&b, "\n%d %s wchan %s call %s sched %v stack %s", t.TID, t.State, t.Wchan, number, sched, stack.String())
	}
	return b.String()
}
