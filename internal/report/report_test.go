package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func instant() time.Time { return time.Date(2026, 3, 1, 13, 0, 0, 123456789, time.FixedZone("", 3600)) }

// nasty is what a process may call itself: escapes, a newline, a tab, a
// right-to-left override, wide and invalid characters.
const nasty = "a\x1b[31m\n\tb\u202ec漢\xff"

// full is a listener of which everything is known; bare one of which nothing is.
func full() listener.Judgement {
	return listener.Judgement{
		Listener: &listener.Listener{
			Sample: listener.Sample{
				Key: 0xdead, Cookie: 0x1a2b, Inode: 1081, Group: 0xbeef, GroupSize: 2, Netns: 4026531840,
				Local: netip.MustParseAddrPort("10.39.1.68:80"), Reuseport: true, Queue: 3285, Backlog: 4096,
				Dropped:    listener.Counted(uint64(12)),
				OldestWait: listener.Rarely(2*time.Hour + 11*time.Minute + 1234567*time.Nanosecond),
				ListenedAt: listener.Rarely(instant().Add(-time.Hour)),
				SYNs:       listener.Counted(uint64(5)), SYNsFull: listener.Counted(uint64(1)), Selected: listener.Counted(uint64(4)),
				Queued: listener.Counted(uint64(3)), Adopted: listener.Counted(uint64(0)),
				Waiters: []listener.Waiter{
					{Kind: listener.WaitEpoll, Armed: true, Sleepers: 0},
					{Kind: listener.WaitAccept, PID: 42, Armed: true, Sleepers: 1},
				},
				WaitersKnown: true,
			},
			NetnsName: "blue", GroupName: "4026531840/inet/10.39.1.68:80", Accepted: listener.Counted(uint64(0)),
			CountedSince: listener.Rarely(instant().Add(-time.Minute)), LastAccept: listener.Rarely(instant()),
			Share: listener.Rarely(0.51), OwnersKnown: true,
			Caller: listener.Rarely(listener.Caller{PID: 26939, Comm: nasty, Parents: []listener.Parent{{PID: 1, Comm: nasty}}}),
			Window: listener.Window{Since: instant().Add(-9 * time.Second), Observed: 9 * time.Second, Samples: 10, Walked: 9},
			Owners: []listener.Owner{{
				Holder: &listener.Holder{
					PID:     26939,
					NSPID:   7,
					Comm:    nasty,
					Exe:     "/usr/sbin/haproxy",
					Cmdline: []string{"haproxy", "-sf", nasty},
					UID:     0,
					User:    "root",
					PPID:    26924,
					Started: instant().Add(-3 * time.Hour),
					State:   "S",
					Wchan:   "wait_for_partner",
					Tracer:  99,
					Cgroup:  "/kubepods/" + nasty,
					Container: &listener.Container{
						Runtime: "containerd", ID: strings.Repeat("3f2a", 16), PodUID: "5759a1ae-36ca-48a8-b20a-b0b5c8a90fb8",
						Pod: "web-" + nasty, Namespace: "shop" + nasty, Name: "proxy", Image: "haproxy:3.2",
					},
				},
				FD:                listener.Known(5),
				Connections:       listener.Known(0),
				AcceptedElsewhere: listener.Known(false),
				Evidence: &listener.Evidence{
					Usage: listener.Known(listener.Usage{
						Over: 9 * time.Second, User: 20 * time.Millisecond, System: 10 * time.Millisecond, MajorFaults: 1,
						IOBytes: 9, RunnableWait: 0.05, Throttled: true,
					}),
					Threads: []listener.Thread{{TID: 26939, Comm: nasty, State: "S", Wchan: "wait_for_partner", Stack: []string{"wait_for_partner", "fifo_open"}}},
					Total:   1, Frozen: listener.Known(false), Registered: listener.Known(false), FilesFull: listener.Known(false),
					Parents: []listener.Parent{{PID: 26924, Comm: nasty}}, TracerComm: nasty, Life: listener.Known(aLife()),
				},
			}, {Holder: &listener.Holder{PID: 26940, Comm: "haproxy", UID: 104, State: "S", Container: &listener.Container{ID: "web"}}}},
		},
		At: instant(), Verdict: listener.Stuck, Cause: listener.CauseNeverPolled, Culprit: 26939, Class: listener.NeverServed,
		Signs: []listener.SignSeen{
			{Sign: listener.SignRuns, Alive: listener.Known(false), Value: "no time slice in 9 s"},
			{Sign: listener.SignMovesBytes, Alive: listener.Known(false), Value: "it is inert"},
			{Sign: listener.SignServesElsewhere, Alive: listener.Known(false), Value: "it is inert"},
			{Sign: listener.SignWaits, Alive: listener.Known(true), Value: "pid 12 (" + nasty + ") holds the other end"},
			{Sign: listener.SignAtLimit, Value: "not looked at"},
			{Sign: listener.SignInherited, Alive: listener.Known(false), Value: "it called listen() itself"},
		},
		Decision: &listener.Decision{Act: listener.Hold, Reason: listener.AmbiguousHolders,
			Reasons: []listener.Reason{listener.AmbiguousHolders, listener.TooSoon}},
	}
}

// aLife has a value of its own in every field.
func aLife() listener.Life {
	shown := func(ago time.Duration, what string) listener.Shown {
		return listener.Shown{Known: true, Ago: listener.Known(ago), What: what}
	}
	return listener.Life{
		Followed: 9 * time.Second, Inert: listener.Known(7 * time.Second), Slices: 3,
		Moved: shown(8*time.Second, "TCP "+nasty), Served: shown(6*time.Second, "another listener"), Polled: shown(5*time.Second, "epoll"),
		Alive: listener.Shown{Known: true, Gap: listener.Known(2 * time.Second)}, Asked: shown(time.Second, "a lock"), Ran: listener.Shown{},
		Waits: []listener.Wait{
			{
				For: listener.ForData, Threads: 1, Call: "read", Wchan: "unix_stream_data_wait", Thing: listener.ThingUnix, Client: true, Still: 4 * time.Second, AllEnds: true,
				Ends: []listener.End{{PID: 12, Comm: nasty, Halted: true, Then: listener.ForTimer}, {PID: 13, Comm: "sh", Then: listener.ForChild}},
			},
			{For: listener.ForFutex, Threads: 599, Call: "futex", Wchan: "futex_do_wait"},
		},
		Children: 2, Timers: listener.Known(true), Async: listener.Known(false), SharesMemory: listener.Maybe[bool]{}, Rings: listener.Known(true), Execs: listener.Known(1),
		Calls:   listener.Known(listener.Calls{Over: 3 * time.Second, Total: 30, Received: 31, Sent: 32, Accepted: 33}),
		Refused: listener.Refusal{N: 34, Errno: 1},
	}
}

func bare() listener.Judgement {
	return listener.Judgement{
		Listener: &listener.Listener{Sample: listener.Sample{
			Cookie: 1, Netns: 4026531833, MPTCP: true, Local: netip.MustParseAddrPort("[::]:443"),
		}},
		Verdict: listener.Idle,
	}
}

func unowned() listener.Judgement {
	j := bare()
	j.Cookie, j.OwnersKnown = 2, true
	return j
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), `go test ./internal/report -update` writes it anew:\n%s", path, diff)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	os.Exit(m.Run())
}

func thresholds() Thresholds {
	return Thresholds{Action: listener.Observe, StuckAfter: 10 * time.Second, ActAfter: 30 * time.Second, ActAfterServed: 2 * time.Minute}
}

func frame(js ...listener.Judgement) *Frame {
	return &Frame{
		Time: instant(), Tier: listener.TierFunctions, Interval: time.Second, Watched: true, Complete: true,
		Host: Host{Name: "web-1", Kernel: "6.12.107"}, Policy: thresholds(), Listeners: js,
		Cost: listener.Known(Cost{PID: 99, Started: instant().Add(-time.Hour), CPU: 3 * time.Second, RSS: 23 << 20, BPFTime: 5 * time.Millisecond, BPFRuns: 25000}),
	}
}

func TestListJSON(t *testing.T) {
	var b bytes.Buffer
	if err := List(&b, frame(full(), bare(), unowned())); err != nil {
		t.Fatal(err)
	}
	golden(t, "list.json", b.Bytes())

	// What a program reads is what the process said; invalid bytes alone are replaced.
	var back struct {
		Listeners []struct{ Owners []struct{ Comm string } }
	}
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if got, want := back.Listeners[0].Owners[0].Comm, strings.ToValidUTF8(nasty, "\ufffd"); got != want {
		t.Errorf("comm %q, want %q", got, want)
	}
	if strings.Contains(b.String(), "57005") || strings.Contains(b.String(), "48879") {
		t.Error("an address of the kernel's is in the JSON")
	}
}

func TestTable(t *testing.T) {
	js := []listener.Judgement{full(), bare(), unowned()}
	for name, wide := range map[string]bool{"table.txt": false, "wide.txt": true} {
		var b bytes.Buffer
		if err := Table(&b, js, TableDetail{Wide: wide, Of: js, Watched: true}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

func events() []Event {
	held, wouldAct, done := full(), full(), full()
	wouldAct.Decision = &listener.Decision{Act: listener.Observe, Reason: listener.NotArmed, Reasons: []listener.Reason{listener.NotArmed}}
	act := &listener.Act{
		ID: "0102", Action: listener.Kill, Owner: listener.Owner{Holder: &listener.Holder{PID: 26939}}, Listeners: []listener.Cookie{0x1a2b, 0xff}, Evidence: "/var/lib/reusewatch/e.json",
		Outcome: listener.Outcome{
			Method: listener.SIGTERM, Took: 1500 * time.Microsecond,
			Rescue: "moved to other members", Rescued: listener.Known(3281), Stale: listener.Known(4),
		},
	}
	failed := *act
	failed.Failure = "process 26939 survived SIGKILL"
	suspect := bare()
	suspect.Verdict, suspect.Queue, suspect.OldestWait = listener.Suspect, 1, listener.Rarely(3*time.Second)
	return []Event{
		{Time: instant(), Kind: Ready, Tier: listener.TierTracepoints, Count: 3},
		{Time: instant(), Kind: Listening, Listener: &done},
		{Time: instant(), Kind: Suspect, Listener: &suspect},
		{Time: instant(), Kind: Stuck, Listener: &held},
		{Time: instant(), Kind: Held, Listener: &held},
		{Time: instant(), Kind: Held, Listener: &wouldAct},
		{Time: instant(), Kind: Acting, Listener: &done, Act: act},
		{Time: instant(), Kind: Acted, Listener: &done, Act: act},
		{Time: instant(), Kind: ActFailed, Listener: &done, Act: &failed},
		{Time: instant(), Kind: Closed, Listener: &done},
		{Time: instant(), Kind: Recovered, Listener: &done},
	}
}

func TestStreams(t *testing.T) {
	for name, stream := range map[string]func(*bytes.Buffer) Stream{
		"events.txt":  func(b *bytes.Buffer) Stream { return NewTextStream(b) },
		"events.json": func(b *bytes.Buffer) Stream { return NewJSONStream(b) },
	} {
		var b bytes.Buffer
		s := stream(&b)
		for _, e := range events() {
			if err := s.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		golden(t, name, b.Bytes())
	}
}

// TestNothingRawReachesATerminal: one line an event or listener, no control characters.
func TestNothingRawReachesATerminal(t *testing.T) {
	var b bytes.Buffer
	js := []listener.Judgement{full()}
	if err := Table(&b, js, TableDetail{Wide: true, Of: js}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 3 {
		t.Errorf("%d lines for a title, a listener and a sum", n)
	}
	if err := List(&b, frame(js...)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Stream{NewTextStream(&b), NewJSONStream(&b)} {
		for _, e := range events() {
			if err := s.Write(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, r := range b.String() {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			t.Errorf("%q is printed raw", r)
		}
	}
}
