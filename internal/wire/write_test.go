package wire_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/golden"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
)

func TestListJSON(t *testing.T) {
	var b bytes.Buffer
	frame := wiretest.Frame(listenertest.Full(), listenertest.Bare(), listenertest.Unowned())
	if err := wire.WriteIndented(&b, frame); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "list.json", b.Bytes())

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

func TestStream(t *testing.T) {
	var b bytes.Buffer
	s := wire.NewStream(&b)
	for _, e := range wiretest.Events() {
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	golden.Compare(t, "events.json", b.Bytes())
}
