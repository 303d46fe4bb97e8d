package wire_test

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
	"github.com/reusewatch/reusewatch/internal/wire"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
)

// TestFrameRoundTrip: what a daemon serves says the same to who reads it.
func TestFrameRoundTrip(t *testing.T) {
	changed := wiretest.Frame(listenertest.Full())
	changed.Complete, changed.Gone = false, []listener.Cookie{7, 0xff}
	var sent bytes.Buffer
	for _, f := range []*wire.Frame{
		wiretest.Frame(listenertest.Full(), listenertest.Bare(), listenertest.Unowned()), changed, wiretest.Frame(),
	} {
		if err := wire.WriteFrame(&sent, f); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.ReplaceAll(sent.String(), `\\xff`, `\ufffd`) // bytes that are no text
	r := wire.NewFrameReader(&sent)
	var again bytes.Buffer
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := wire.WriteFrame(&again, f); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, again.String()); diff != "" {
		t.Errorf("written again (-first +second):\n%s", diff)
	}
}

func TestGroupsOfDecoded(t *testing.T) {
	other := listenertest.Bare()
	other.Group, other.GroupName, other.Reuseport = 5, "1/inet/0.0.0.0:1", true
	var sent bytes.Buffer
	frame := wiretest.Frame(listenertest.Full(), listenertest.Full(), other, listenertest.Bare())
	if err := wire.WriteFrame(&sent, frame); err != nil {
		t.Fatal(err)
	}
	f, err := wire.NewFrameReader(&sent).Next()
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
		if _, err := wire.NewFrameReader(strings.NewReader(in)).Next(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

// TestFindingsRoundTrip: who reads what a daemon serves has all of it.
func TestFindingsRoundTrip(t *testing.T) {
	here := time.Local
	time.Local = listenertest.Instant().Location()
	t.Cleanup(func() { time.Local = here })
	var sent, again bytes.Buffer
	if err := wire.WriteFrame(&sent, wiretest.Frame(listenertest.Superseded())); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(sent.String(), `\\xff`, `\ufffd`) // bytes that are no text
	f, err := wire.NewFrameReader(&sent).Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.WriteFrame(&again, f); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again.String()); diff != "" {
		t.Errorf("written again (-first +second):\n%s", diff)
	}
	if !strings.Contains(want, `"findings":["superseded","mixed"]`) || !strings.Contains(want, `"age_seconds":70`) {
		t.Error(want)
	}
	if c, known := f.Listeners[0].Caller.Get(); !known || c.PID != 26939 || len(c.Parents) != 1 {
		t.Errorf("the caller of listen(): %+v", c)
	}
}
