package record

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
)

const address = 0xffff888012345678 // as of the kernel: must not be in a file

func instant() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func policy() *judge.Policy {
	return &judge.Policy{
		Default: judge.Settings{
			Action: listener.Kill, StuckAfter: 5 * time.Second, ActAfter: 8 * time.Second,
			Budget: judge.Budget{Acts: 1, Per: time.Hour},
		},
		HostBudget: judge.Budget{Acts: 1, Per: time.Hour},
	}
}

func one(cookie listener.Cookie, group listener.GroupKey, pid int, queue uint32) *listener.Listener {
	l := &listener.Listener{
		Sample: listener.Sample{
			Key: listener.Key(address + uint64(cookie)), Cookie: cookie, Group: group, GroupSize: 2, Queue: queue, NetCookie: 1,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Dropped: listener.Counted(uint64(3)),
		},
		GroupName: "g", OwnersKnown: true, FirstSeen: instant().Add(-time.Hour),
		Owners: []listener.Owner{{
			Holder: &listener.Holder{
				PID:       pid,
				Start:     uint64(pid),
				Comm:      "haproxy",
				Exe:       "/usr/sbin/haproxy",
				State:     "S",
				NeverExec: true,
			},
			Connections:       listener.Known(0),
			AcceptedElsewhere: listener.Known(false),
			Evidence: &listener.Evidence{
				Usage: listener.Known(listener.Usage{Over: 9 * time.Second}), Registered: listener.Known(false), Total: 1,
				Threads: []listener.Thread{{TID: pid, State: "S"}}, Frozen: listener.Known(false),
				FilesFull: listener.Known(false), Life: listener.Known(still()),
			},
		}},
	}
	if queue > 0 {
		l.Head = listener.Head{Request: address, Remote: netip.MustParseAddrPort("10.0.0.9:4000")}
		l.Window = listener.Window{Since: instant().Add(-9 * time.Second), Observed: 9 * time.Second, Samples: 10, Walked: 9}
		l.Waiters = []listener.Waiter{{Kind: listener.WaitEpoll, Epoll: address, Holders: []int{pid}}}
	}
	return l
}

// still is the life of one that opens a FIFO whose other side nobody has.
func still() listener.Life {
	quiet, not := listener.Shown{Known: true}, listener.Known(false)
	return listener.Life{
		Followed: 9 * time.Second, Inert: listener.Known(9 * time.Second),
		Moved: quiet, Served: quiet, Polled: quiet, Alive: quiet, Asked: quiet, Ran: quiet,
		Waits:  []listener.Wait{{For: listener.ForFIFO, Threads: 1}},
		Timers: not, Async: not, SharesMemory: not, Rings: not, Execs: listener.Known(0),
	}
}

// host is a stuck listener with a sibling, what else its owner listens on, and a bystander.
func host() *listener.Snapshot {
	sibling := one(2, address, 20, 0)
	sibling.LastAccept = listener.Rarely(instant())
	return &listener.Snapshot{
		Time: instant(), Interval: time.Second, Watched: true, Tier: listener.TierQueues,
		Listeners: []*listener.Listener{one(1, address, 10, 5), sibling, one(3, 0, 10, 0), one(4, 0, 40, 0)},
	}
}

func quiet() *listener.Snapshot {
	s := host()
	s.Listeners[0] = one(1, address, 10, 0)
	return s
}

func written(t *testing.T, path string, looks ...*listener.Snapshot) []*listener.Snapshot {
	t.Helper()
	w, err := Create(path, Header{Began: instant(), Tier: listener.TierQueues, Self: []int{7}})
	if err != nil {
		t.Fatal(err)
	}
	to := NewLooks(w)
	for _, s := range looks {
		if err := to.Add(s, judge.Judge(s, policy(), &judge.Past{})); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"18446612682375550584", "18446612682375550585", "0xffff8880"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("an address of the kernel's is in the file: %s", secret)
		}
	}
	var back []*listener.Snapshot
	_, err = Read(bytes.NewReader(b), func(h Header, s *listener.Snapshot) error {
		if len(h.Self) != 1 || h.Self[0] != 7 {
			t.Errorf("header %+v", h)
		}
		back = append(back, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// TestJudgedAgainTheSame: what is read back is judged as it was.
func TestJudgedAgainTheSame(t *testing.T) {
	back := written(t, filepath.Join(t.TempDir(), "rec"), host())
	if len(back) != 1 || len(back[0].Listeners) != 3 {
		t.Fatalf("%d looks; want one, of the stuck, its sibling and its owner's other listener", len(back))
	}
	want := judge.Judge(host(), policy(), &judge.Past{})[:3]
	got := judge.Judge(back[0], policy(), &judge.Past{})
	diff := cmp.Diff(want, got, cmpopts.IgnoreFields(listener.Judgement{}, "Listener"),
		cmpopts.EquateComparable(listener.Maybe[int]{}, listener.SignSeen{}))
	if diff != "" {
		t.Error(diff)
	}
	if got[0].Decision == nil || got[0].Decision.Act != listener.Kill {
		t.Errorf("decision %+v, class %s", got[0].Decision, got[0].Class)
	}
}

// TestLifeIsRecorded: the evidence of life is read back as it was, but for addresses of
// the kernel's, so that what is judged of it is the same.
func TestLifeIsRecorded(t *testing.T) {
	s := host()
	stuck := s.Listeners[0]
	want := listener.Life{
		Followed: 9 * time.Second, Inert: listener.Known(8 * time.Second), Slices: 3,
		Moved:  listener.Shown{Known: true, Ago: listener.Known(time.Second), What: "a file"},
		Served: listener.Shown{Known: true},
		Waits: []listener.Wait{{
			For: listener.ForData, Threads: 2, Call: "read", Thing: "a pipe", AllEnds: true, Still: time.Second,
			Ends: []listener.End{{PID: 4, Comm: "sh", Halted: true, Then: listener.ForTimer}},
		}},
		Children: 1, Timers: listener.Known(true), Async: listener.Known(false), Execs: listener.Known(2),
		Calls: listener.Known(listener.Calls{
			Over: time.Second, Total: 4,
			Refused: map[listener.Key]listener.Refusal{stuck.Key: {N: 4, Errno: 24}, address + 99: {N: 1, Errno: 1}},
		}),
		Refused: listener.Refusal{N: 4, Errno: 24},
	}
	stuck.Owners[0].Evidence.Life = listener.Known(want)
	back := written(t, filepath.Join(t.TempDir(), "rec"), s)
	got, known := back[0].Listeners[0].Owners[0].Evidence.Life.Get()
	calls, watched := got.Calls.Get()
	refused := map[listener.Key]listener.Refusal{listener.Key(stuck.Cookie): {N: 4, Errno: 24}}
	if !known || !watched || !reflect.DeepEqual(calls.Refused, refused) {
		t.Fatalf("read back as %+v", got)
	}
	mine, _ := want.Calls.Get()
	if len(mine.Refused) != 2 {
		t.Error("a snapshot was changed by recording it")
	}
	calls.Refused, mine.Refused = nil, nil
	got.Calls, want.Calls = listener.Known(calls), listener.Known(mine)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("life\n%+v, want\n%+v", got, want)
	}

	// The class and the signs are judged again from it.
	first, again := judge.Judge(s, policy(), &judge.Past{})[0], judge.Judge(back[0], policy(), &judge.Past{})[0]
	if first.Class == listener.NoClass || len(first.Signs) == 0 ||
		first.Class != again.Class || !slices.Equal(first.Signs, again.Signs) {
		t.Errorf("judged %q %+v, and again %q %+v", first.Class, first.Signs, again.Class, again.Signs)
	}
}

func TestOnlySuspicionsAreRecorded(t *testing.T) {
	if back := written(t, filepath.Join(t.TempDir(), "rec"), quiet(), quiet()); len(back) != 0 {
		t.Errorf("%d looks recorded of a quiet host", len(back))
	}
	back := written(t, filepath.Join(t.TempDir(), "rec"), quiet(), host(), quiet(), quiet(), host())
	var sizes []int
	for _, s := range back {
		sizes = append(sizes, len(s.Listeners))
	}
	if diff := cmp.Diff([]int{3, 0, 3}, sizes); diff != "" {
		t.Errorf("looks, with the one that ends a suspicion: %s", diff)
	}
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rec")
	written(t, path, host())
	written(t, path)
	for name, looks := range map[string]int{path: 0, path + ".1": 1} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if _, err := Read(f, func(Header, *listener.Snapshot) error { n++; return nil }); err != nil || n != looks {
			t.Errorf("%s: %d looks, %v; want %d", name, n, err, looks)
		}
		_ = f.Close()
	}
	w, err := Create(path, Header{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.size = limit + 1
	if err := NewLooks(w).Add(host(), judge.Judge(host(), policy(), &judge.Past{})); err != nil || w.size > limit {
		t.Errorf("%v, %d bytes: it was not rotated", err, w.size)
	}
}

// TestBadLines: a line that was torn, or that is longer than any look, is passed over.
func TestBadLines(t *testing.T) {
	in := `{"schema":"reusewatch-record/v1"}` + "\n{}\n{\n" +
		strings.Repeat("x", maxLine+1) + "\n{\"Listeners\":[null]}\n{}\n{\"Time\":"
	looks := 0
	bad, err := Read(strings.NewReader(in), func(Header, *listener.Snapshot) error { looks++; return nil })
	if err != nil || looks != 2 || !slices.Equal(bad, []int{3, 4, 5, 7}) {
		t.Errorf("%d looks, lines %v are bad, %v", looks, bad, err)
	}
}

// TestFullDisk: a look that found no room leaves no half of it, and the next one is whole.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rec")
	w, err := Create(path, Header{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	room := w.file
	if w.file, err = os.OpenFile("/dev/full", os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	s, js := host(), judge.Judge(host(), policy(), &judge.Past{})
	to := NewLooks(w)
	if err := to.Add(s, js); err == nil {
		t.Error("there was room")
	}
	_ = w.file.Close()
	w.file = room
	if err := to.Add(s, js); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	looks := 0
	count := func(Header, *listener.Snapshot) error { looks++; return nil }
	if bad, err := Read(f, count); err != nil || looks != 1 || len(bad) > 0 {
		t.Errorf("%d looks, lines %v are bad, %v", looks, bad, err)
	}
}

func TestBadRecordings(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "no recording",
		"hello\n":            "no recording",
		`{"schema":"other"}`: "no recording",
	} {
		_, err := Read(strings.NewReader(in), func(Header, *listener.Snapshot) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	stop := errors.New("stop")
	in := `{"schema":"reusewatch-record/v1"}` + "\n{}\n"
	stopping := func(Header, *listener.Snapshot) error { return stop }
	if _, err := Read(strings.NewReader(in), stopping); !errors.Is(err, stop) {
		t.Errorf("%v, want the reader's own error", err)
	}
	if _, err := Create(filepath.Join(t.TempDir(), "no", "rec"), Header{}); err == nil {
		t.Error("a recording in a folder that is not there")
	}
}
