package report

import (
	"bytes"
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// explained is listenertest.Full() with all that explain knows, and names that a process
// chose to do harm wherever a name is shown.
func explained() *Explanation {
	j := listenertest.Full()
	l := *j.Listener
	j.Listener, j.At = &l, listenertest.Instant()
	l.FirstSeen = listenertest.Instant().Add(-time.Minute)
	l.Window = listener.Window{Since: listenertest.Instant().Add(-20 * time.Second), Observed: 20 * time.Second, Samples: 21, Walked: 20}
	l.Caller = listener.Rarely(listener.Caller{PID: 26924, UID: 0, Comm: listenertest.Nasty, Parents: []listener.Parent{{PID: 800, Comm: listenertest.Nasty}, {PID: 1, Comm: "systemd"}}})
	o := &l.Owners[0]
	o.Connections, o.AcceptedElsewhere, o.Tracer = listener.Known(3), listener.Known(true), 77
	o.Cgroup = "/machine/" + listenertest.Nasty
	stack := strings.Split("wait_for_partner fifo_open do_dentry_open vfs_open path_openat do_filp_open do_sys_openat2 __x64_sys_openat do_syscall_64", " ")
	threads := []listener.Thread{
		{TID: 26939, Comm: listenertest.Nasty, State: "S", Wchan: "wait_for_partner", Stack: stack},
		{TID: 26941, Comm: "poller", State: "S", Wchan: "ep_poll", Stack: []string{"ep_poll"}},
	}
	for i := range 20 {
		threads = append(threads, listener.Thread{TID: 26950 + i, Comm: "worker", State: "S", Wchan: "futex_do_wait"})
	}
	threads = append(threads, listener.Thread{TID: 26999, Comm: "disk", State: "D", Wchan: "io_schedule", Stack: []string{"io_schedule", listenertest.Nasty}})
	o.Evidence = &listener.Evidence{
		Usage:   listener.Known(listener.Usage{Over: 20 * time.Second, User: 30 * time.Millisecond, System: 10 * time.Millisecond, RunnableWait: 0.02}),
		Threads: threads, Total: 600, Frozen: listener.Known(true), Registered: listener.Known(false),
		FilesFull: listener.Known(true), TracerComm: listenertest.Nasty, Parents: []listener.Parent{{PID: 26924, Comm: listenertest.Nasty}, {PID: 1, Comm: "systemd"}},
	}
	life := listenertest.Life()
	life.Inert = listener.Known(20 * time.Second)
	life.Waits = append(life.Waits, listener.Wait{For: listener.ForFIFO, Threads: 1, Call: "openat", Wchan: "wait_for_partner", Thing: listener.ThingPipe, AllEnds: true},
		listener.Wait{For: listener.ForUnknown, Threads: 1, Wchan: listenertest.Nasty})
	o.Evidence.Life = listener.Known(life)
	healthy := listenertest.Bare()
	h := *healthy.Listener
	healthy.Listener, healthy.At, healthy.Verdict = &h, listenertest.Instant(), listener.Accepting
	h.Cookie, h.Local, h.Accepted, h.Share, h.LastAccept = 0xff, l.Local, listener.Counted(uint64(812)), listener.Rarely(0.49), listener.Rarely(listenertest.Instant().Add(-time.Second))
	h.Owners = []listener.Owner{{Holder: &listener.Holder{PID: 30000, Comm: listenertest.Nasty, User: "haproxy", Started: listenertest.Instant().Add(-time.Hour)}}}
	return &Explanation{
		Judgement: j, Tier: listener.TierFunctions, Watched: true, Interval: time.Second,
		Policy:  thresholds(),
		Note:    `"80" was taken as port:80; there is pid:80 too.`,
		Members: []listener.Judgement{healthy, j}, Others: []listener.Judgement{listenertest.Bare()},
		Clients: listener.Known(listener.Clients{Total: 3290, Gone: 1202, Oldest: []listener.Client{
			{Remote: netip.MustParseAddrPort("203.0.113.7:40001"), Waited: 131 * time.Minute, Unread: listener.Known(uint32(5))},
			{Remote: netip.MustParseAddrPort("[2001:db8::1]:65535"), Waited: 90 * time.Second, Unread: listener.Known(uint32(1_234_567)), Gone: listener.GoneFIN},
			{Remote: netip.MustParseAddrPort("198.51.100.9:9"), Waited: 200 * time.Millisecond, Gone: listener.GoneRST},
		}}),
	}
}

// unexplained is a suspect of which nothing else is known.
func unexplained() *Explanation {
	j := listenertest.Bare()
	j.Verdict, j.Queue, j.At = listener.Suspect, 1, listenertest.Instant()
	return &Explanation{Judgement: j, Tier: listener.TierQueues, Interval: time.Second, Policy: thresholds()}
}

func TestExplain(t *testing.T) {
	var all bytes.Buffer
	for name, c := range map[string]struct {
		e *Explanation
		d ExplainDetail
	}{
		"explain.txt":         {explained(), ExplainDetail{Clients: 2}},
		"explain-wide.txt":    {explained(), ExplainDetail{Wide: true, Clients: 4096}},
		"explain-unknown.txt": {unexplained(), ExplainDetail{Clients: 10}},
	} {
		var b bytes.Buffer
		if err := Explain(&b, c.e, c.d); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
		all.Write(b.Bytes())
	}
	for name, e := range map[string]*Explanation{"explain.json": explained(), "explain-unknown.json": unexplained()} {
		var b bytes.Buffer
		if err := ExplainJSON(&b, e, ExplainDetail{Clients: 2}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
		if !json.Valid(b.Bytes()) {
			t.Errorf("%s is not JSON", name)
		}
		all.Write(b.Bytes())
	}
	for _, r := range all.String() {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			t.Errorf("%q is printed raw", r)
		}
	}
}

// TestProbe: the mean number of trials until three failures in a row, known for
// a fair coin (14) and for certain failure (3).
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		share listener.Maybe[float64]
		size  int
		want  time.Duration
	}{
		{listener.Known(0.5), 7, 140 * time.Second},
		{listener.Maybe[float64]{}, 2, 140 * time.Second},
		{listener.Known(0.0), 2, 140 * time.Second}, // none came yet: no proof
		{listener.Maybe[float64]{}, 0, 30 * time.Second},
		{listener.Known(1.0), 2, 30 * time.Second},
		{listener.Known(0.1), 2, 1110 * 10 * time.Second},
	} {
		e := unexplained()
		e.Share, e.GroupSize = c.share.Rare(), int32(c.size)
		pr, known := e.probe()
		if got := pr.expected(); !known || math.Abs(float64(got-c.want)) > 1e6 {
			t.Errorf("share %v of %d: %v, %v; want %v", c.share, c.size, got, known, c.want)
		}
	}
	e := unexplained()
	e.Share = listener.Rarely(1e-9)
	if pr, _ := e.probe(); pr.expected() <= 0 {
		t.Errorf("a tiny share: %v", pr.expected())
	}
	e.Verdict = listener.Accepting
	if _, known := e.probe(); known {
		t.Error("a probe has something to notice in a healthy listener")
	}
}

func TestGateAnswer(t *testing.T) {
	for _, c := range []struct {
		reasons []listener.Reason
		class   listener.Class
		want    string
	}{
		{[]listener.Reason{listener.NotArmed}, listener.Dead, "would kill pid 26939 now. Its class is dead: "},
		{[]listener.Reason{listener.NotArmed, listener.TooSoon}, listener.NeverServed, "would kill pid 26939 in 10 s, should no accept come before. Its class is never-served: "},
		{[]listener.Reason{listener.NotArmed, listener.TooSoon}, listener.ServedClass, "would kill pid 26939 in 2 min, should no accept come before. Its class is served: "},
		{[]listener.Reason{listener.NotArmed, listener.Frozen, listener.TooSoon}, listener.Dead, "would not act"},
		{[]listener.Reason{listener.NotArmed}, "eternal", "Its class is served: "},
	} {
		e := explained()
		e.Class = c.class
		e.Decision = &listener.Decision{Act: listener.Hold, Reason: c.reasons[0], Reasons: c.reasons}
		if got := e.answer(); !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.reasons, got, c.want)
		}
	}
}

// TestEveryReasonHasAMeaning: one that the gate gains must get one.
func TestEveryReasonHasAMeaning(t *testing.T) {
	e := explained()
	fallback := e.Meaning("")
	seen := make(map[string]listener.Reason)
	for _, row := range listener.Reasons() {
		r := row.Reason
		m := e.Meaning(r)
		if m == "" || m == fallback || seen[m] != "" || strings.Contains(m, "{") {
			t.Errorf("%s means %q, as %q does", r, m, seen[m])
		}
		seen[m] = r
	}
}

// TestMeaningOfWaits names what the culprit waits for, and leaves out what nobody else
// could end.
func TestMeaningOfWaits(t *testing.T) {
	for name, c := range map[string]struct {
		life listener.Maybe[listener.Life]
		want string
	}{
		"unknown":    {listener.Maybe[listener.Life]{}, "what it waits for is not known"},
		"a timer":    {listener.Known(listener.Life{Waits: []listener.Wait{{For: listener.ForFutex}, {For: listener.ForTimer}, {For: listener.ForTimer}}}), "who may answer: a timer"},
		"futex only": {listener.Known(listener.Life{Waits: []listener.Wait{{For: listener.ForFutex}}}), "a futex in its own memory"},
	} {
		e := explained()
		e.Owners[0].Evidence.Life = c.life
		if got := e.Meaning(listener.Waits); !strings.Contains(got, c.want) || name == "a timer" && !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
