package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

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
		Time: listenertest.Instant(), Tier: listener.TierFunctions, Interval: time.Second, Watched: true, Complete: true,
		Host: Host{Name: "web-1", Kernel: "6.12.107"}, Policy: thresholds(), Listeners: js,
		Cost: listener.Known(Cost{PID: 99, Started: listenertest.Instant().Add(-time.Hour), CPU: 3 * time.Second, RSS: 23 << 20, BPFTime: 5 * time.Millisecond, BPFRuns: 25000}),
	}
}

func TestListJSON(t *testing.T) {
	var b bytes.Buffer
	if err := List(&b, frame(listenertest.Full(), listenertest.Bare(), listenertest.Unowned())); err != nil {
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
	if got, want := back.Listeners[0].Owners[0].Comm, strings.ToValidUTF8(listenertest.Nasty, "\ufffd"); got != want {
		t.Errorf("comm %q, want %q", got, want)
	}
	if strings.Contains(b.String(), "57005") || strings.Contains(b.String(), "48879") {
		t.Error("an address of the kernel's is in the JSON")
	}
}

func TestTable(t *testing.T) {
	js := []listener.Judgement{listenertest.Full(), listenertest.Bare(), listenertest.Unowned()}
	for name, wide := range map[string]bool{"table.txt": false, "wide.txt": true} {
		var b bytes.Buffer
		if err := Table(&b, js, TableDetail{Wide: wide, Of: js, Watched: true}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

func events() []Event {
	held, wouldAct, done := listenertest.Full(), listenertest.Full(), listenertest.Full()
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
	suspect := listenertest.Bare()
	suspect.Verdict, suspect.Queue, suspect.OldestWait = listener.Suspect, 1, listener.Rarely(3*time.Second)
	return []Event{
		{Time: listenertest.Instant(), Kind: Ready, Tier: listener.TierTracepoints, Count: 3},
		{Time: listenertest.Instant(), Kind: Listening, Listener: &done},
		{Time: listenertest.Instant(), Kind: Suspect, Listener: &suspect},
		{Time: listenertest.Instant(), Kind: Stuck, Listener: &held},
		{Time: listenertest.Instant(), Kind: Held, Listener: &held},
		{Time: listenertest.Instant(), Kind: Held, Listener: &wouldAct},
		{Time: listenertest.Instant(), Kind: Acting, Listener: &done, Act: act},
		{Time: listenertest.Instant(), Kind: Acted, Listener: &done, Act: act},
		{Time: listenertest.Instant(), Kind: ActFailed, Listener: &done, Act: &failed},
		{Time: listenertest.Instant(), Kind: Closed, Listener: &done},
		{Time: listenertest.Instant(), Kind: Recovered, Listener: &done},
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
	js := []listener.Judgement{listenertest.Full()}
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
