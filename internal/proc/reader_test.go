package proc

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asHelper makes the test binary the helper of a reader of this root.
const asHelper = "REUSEWATCH_TEST_HELPER"

// long is far longer than any answer takes.
const long = time.Minute

// readerOf reads below a root by a helper.
func readerOf(t *testing.T, root string) *Reader {
	t.Helper()
	t.Setenv(asHelper, root)
	r := NewReader("/proc/self/exe")
	t.Cleanup(r.Close)
	return r
}

func TestReaderAnswersLive(t *testing.T) {
	r := readerOf(t, "/proc")
	cmd := sleeper(t)
	gone := sleeper(t)
	endProcess(gone)
	pid := cmd.Process.Pid
	eventually(t, "sleep has been executed", func() bool {
		return New("").ask(&Question{PID: pid, What: Itself}).Process.Comm == "sleep"
	})
	for range 2 { // by one helper
		got := r.Read([]Question{
			{PID: pid, What: Names | Limits | Itself}, {PID: os.Getpid(), What: Names}, {PID: gone.Process.Pid, What: Names},
		}, long)
		a := got[pid]
		if !slices.Equal(a.Cmdline, []string{"sleep", "300"}) || a.Exe == "" || !a.FilesKnown || a.Files.Open < 3 ||
			a.Process.Comm != "sleep" || a.Gone {
			t.Errorf("of a sleep: %+v", a)
		}
		want := New("").ask(&Question{PID: os.Getpid(), What: Names})
		if !reflect.DeepEqual(got[os.Getpid()], want) || want.Exe == "" {
			t.Errorf("of itself: %+v, want %+v", got[os.Getpid()], want)
		}
		if !got[gone.Process.Pid].Gone {
			t.Errorf("of one that has gone: %+v", got[gone.Process.Pid])
		}
	}
	// One that has ended meanwhile, as an idle one does, is replaced.
	first := r.helper
	if err := unix.Kill(first.cmd.Process.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.done
	if got := r.Read([]Question{{PID: pid, What: Names}}, long); len(got) != 1 || r.helper == first || len(r.left) != 0 {
		t.Errorf("%+v by another helper, %d are left", got, len(r.left))
	}
}

// A helper has no descriptor of ours but its ends of the pipes.
func TestHelperHoldsNothingLive(t *testing.T) {
	r := readerOf(t, "/proc")
	if err := r.Warm(); err != nil {
		t.Fatal(err)
	}
	r.Read([]Question{{PID: os.Getpid(), What: Names}}, long)
	dir := fmt.Sprintf("/proc/%d/fd", r.helper.cmd.Process.Pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		target, _ := os.Readlink(dir + "/" + fd.Name())
		switch {
		case fd.Name() == "0" || fd.Name() == "1" || target == "/dev/null":
		case strings.HasPrefix(target, "anon_inode:"), strings.HasPrefix(target, "/sys/fs/cgroup/"): // the runtime's own
		default:
			t.Errorf("descriptor %s is %s", fd.Name(), target)
		}
	}
}

// hangs makes a /proc in which some processes hang whoever reads them: their command
// line is a FIFO that nobody writes. Their users are their pids.
func hangs(t *testing.T, pids ...int) FS {
	t.Helper()
	f := fakeProc(t, map[string]string{"10/cmdline": "ten", "10/task/10/cgroup": "0::/\n", "10/stat": statLine})
	for _, pid := range pids {
		dir := f.pidPath(pid)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mkfifo(dir+"/cmdline", 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func ask(pid int) Question { return Question{PID: pid, User: uint32(pid), What: Names} }

// Who hangs a helper is not told of, all others are; after the second time the user is
// asked no more for ten seconds, after the third for twenty.
func TestReaderHung(t *testing.T) {
	f := hangs(t, 11, 12)
	r := readerOf(t, f.root)
	now := time.Now()
	r.now = func() time.Time { return now }
	round := func(want ...int) {
		t.Helper()
		got := r.Read([]Question{ask(11), ask(10), ask(12)}, long)
		for _, pid := range []int{10, 11, 12} {
			if _, told := got[pid]; told != slices.Contains(want, pid) {
				t.Errorf("told of %d: %v", pid, told)
			}
		}
	}
	round(10)
	for h := range r.left { // killed, they end: one that sleeps in open() of a FIFO can
		<-h.done
	}
	if users := r.Unread(); len(users) != 0 {
		t.Errorf("%v are barred after one time", users)
	}
	round(10)
	if users := r.Unread(); !slices.Equal(users, []uint32{11, 12}) {
		t.Errorf("%v are barred after two", users)
	}
	for h := range r.left {
		<-h.done
	}
	round(10)
	if r.helper == nil || len(r.left) != 0 {
		t.Errorf("they are asked again: %d helpers are left", len(r.left))
	}
	for _, wait := range []time.Duration{barredFirst, 2 * barredFirst} {
		now = now.Add(wait + time.Second)
		if users := r.Unread(); len(users) != 0 {
			t.Errorf("after %v %v are barred", wait, users)
		}
		round(10)
		for h := range r.left {
			<-h.done
		}
		if users := r.Unread(); !slices.Equal(users, []uint32{11, 12}) {
			t.Errorf("asked again after %v, %v are barred", wait, users)
		}
	}
	now = now.Add(2*barredFor + time.Minute)
	round(10)
	if users := r.Unread(); len(users) != 0 || r.users[11].strikes != 1 || r.users[12].strikes != 1 {
		t.Errorf("%v are barred, strikes %d and %d: want all forgotten but the last",
			users, r.users[11].strikes, r.users[12].strikes)
	}
}

// A helper that waits for its reader, or for its own runtime, does not hang at a process.
func TestHelperWaitsForUsLive(t *testing.T) {
	r := readerOf(t, "/proc")
	if got := r.Read([]Question{{PID: os.Getpid(), What: Names}}, long); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	dir := New("").taskPath(r.helper.cmd.Process.Pid, r.helper.thread)
	eventually(t, "it waits for the next question", func() bool { return waitsForUs(dir) })
	if r.helper.stands(new(time.Duration)) {
		t.Error("it hangs at nobody")
	}
}

// Whose helper is still there bars its user at once, and when four are, nobody is
// asked any more until one of them has ended.
func TestReaderLeavesFour(t *testing.T) {
	f := hangs(t, 11, 12, 13, 14, 15)
	r := readerOf(t, f.root)
	// What the kernel would not let end, here the test keeps from ending: it is stopped
	// to be told from one that ends. No fake of the kernel's is at hand but this.
	var stuck []*helper
	for pid := 11; pid <= 14; pid++ {
		if got := r.Read([]Question{ask(pid)}, long); len(got) != 0 {
			t.Fatalf("%+v", got)
		}
		for h := range r.left {
			if !slices.Contains(stuck, h) {
				stuck = append(stuck, h)
				<-h.done
				h.done = make(chan struct{})
			}
		}
	}
	if got := r.Read([]Question{ask(10)}, long); len(got) != 0 {
		t.Errorf("asked with four left: %+v", got)
	}
	if users := r.Unread(); !slices.Equal(users, []uint32{11, 12, 13, 14}) {
		t.Errorf("%v are barred", users)
	}
	close(stuck[2].done)
	if got := r.Read([]Question{ask(10), ask(13)}, long); len(got) != 1 || got[10].Cmdline[0] != "ten" {
		t.Errorf("once one has ended: %+v", got)
	}
	r.now = func() time.Time { return time.Now().Add(2*barredFor + time.Minute) }
	r.Read([]Question{ask(11)}, long)
	if users := r.Unread(); len(r.left) != 3 || !slices.Equal(users, []uint32{11, 12, 14}) {
		t.Errorf("ten minutes later %v are barred, %d helpers are left: want those whose are still there", users, len(r.left))
	}
}

// Time that is up is no fault of who was not asked.
func TestReaderInTime(t *testing.T) {
	f := hangs(t, 11)
	r := readerOf(t, f.root)
	if got := r.Read([]Question{ask(11), ask(10)}, time.Millisecond); len(got) != 0 {
		t.Errorf("%+v in a millisecond", got)
	}
	if len(r.left) != 0 || len(r.users) != 0 {
		t.Errorf("%d left, %d users", len(r.left), len(r.users))
	}
	if got := r.Read([]Question{ask(10)}, long); len(got) != 1 {
		t.Errorf("afterwards %+v", got)
	}
}
