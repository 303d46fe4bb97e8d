package report

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// TestFrameRoundTrip: what a daemon serves says the same to who reads it.
func TestFrameRoundTrip(t *testing.T) {
	changed := frame(listenertest.Full())
	changed.Complete, changed.Gone = false, []listener.Cookie{7, 0xff}
	var wire bytes.Buffer
	for _, f := range []*Frame{frame(listenertest.Full(), listenertest.Bare(), listenertest.Unowned()), changed, frame()} {
		if err := WriteFrame(&wire, f); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.ReplaceAll(wire.String(), `\\xff`, `\ufffd`) // bytes that are no text
	r := NewFrameReader(&wire)
	var again bytes.Buffer
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFrame(&again, f); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, again.String()); diff != "" {
		t.Errorf("written again (-first +second):\n%s", diff)
	}
}

// TestDecodedIsShownAlike: a person sees the same, whoever looked.
func TestDecodedIsShownAlike(t *testing.T) {
	here := time.Local
	time.Local = listenertest.Instant().Location()
	t.Cleanup(func() { time.Local = here })
	e := explained()
	var wire bytes.Buffer
	if err := ExplainJSON(&wire, e, ExplainDetail{Clients: 100}); err != nil {
		t.Fatal(err)
	}
	back, err := ReadExplanation(&wire)
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	for to, e := range map[*bytes.Buffer]*Explanation{&want: e, &got: back} {
		if err := Explain(to, e, ExplainDetail{Wide: true, Clients: 100}); err != nil {
			t.Fatal(err)
		}
	}
	// Bytes that are no text are replaced on the way, as JSON must, and lines break elsewhere.
	words := func(s string) string { return strings.Join(strings.Fields(s), "\n") }
	if diff := cmp.Diff(words(strings.ReplaceAll(want.String(), `\xff`, "\ufffd")), words(got.String())); diff != "" {
		t.Errorf("(-told at once +read):\n%s", diff)
	}
}

func TestGroupsOfDecoded(t *testing.T) {
	other := listenertest.Bare()
	other.Group, other.GroupName, other.Reuseport = 5, "1/inet/0.0.0.0:1", true
	var wire bytes.Buffer
	if err := WriteFrame(&wire, frame(listenertest.Full(), listenertest.Full(), other, listenertest.Bare())); err != nil {
		t.Fatal(err)
	}
	f, err := NewFrameReader(&wire).Next()
	if err != nil {
		t.Fatal(err)
	}
	g := func(i int) listener.GroupKey { return f.Listeners[i].Group }
	if g(0) != g(1) || g(0) == 0 || g(2) == 0 || g(2) == g(0) || g(3) != 0 {
		t.Errorf("groups %v %v %v %v: want two alike, another, none", g(0), g(1), g(2), g(3))
	}
}

func TestBadFrames(t *testing.T) {
	for in, want := range map[string]string{
		`{"schema":"reusewatch/v2"}`:                                                                "reusewatch/v2",
		`{"schema":"reusewatch/v1","listeners":[{"cookie":"x"}]}`:                                   `cookie "x"`,
		`{"schema":"reusewatch/v1","listeners":[{"cookie":"1"}]}`:                                   "listener 1",
		`{"schema":"reusewatch/v1","gone":["-"]}`:                                                   `cookie "-"`,
		`{"schema":"reusewatch/v1","listeners":[],"time":"yesterday"}`:                              "yesterday",
		`{"schema":"reusewatch/v1","listeners":[],"interval_seconds":"1s"}`:                         "read a frame",
		`{"schema":"reusewatch/v1","listeners":[],"time":"9999-12-31T23:59:59-01:00"}`:              "year 10000",
		`{"schema":"reusewatch/v1","listeners":[{"cookie":"1","local":"[fe80::1%\u001b[31m]:80"}]}`: "has a zone",
		`<html>`: "read a frame",
	} {
		if _, err := NewFrameReader(strings.NewReader(in)).Next(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}
