package main

import (
	"errors"
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/report"
)

// TestGivenBackLater: an act that touched nothing counts for nothing, also where the disk
// was full when it ended: the next one gives its budget back before it takes its own.
func TestGivenBackLater(t *testing.T) {
	full := errors.New("no space left on device")
	var did []string
	var gives error
	w := &witness{
		count: func(listener.PastAct) error {
			did = append(did, "counted")
			return nil
		},
		uncount: func(listener.PastAct) error {
			did = append(did, "given back")
			return gives
		},
		warn:   func(error) { did = append(did, "warned") },
		policy: func() judge.Policy { return judge.Policy{} },
		emit:   func(...report.Event) {},
		begun:  func([]*listener.Act) {},
	}
	intend := func() {
		act := &listener.Act{
			Judgement: listener.Judgement{Listener: &listener.Listener{}, Decision: &listener.Decision{}},
			Owner:     listener.Owner{Holder: &listener.Holder{}},
		}
		if err := w.Intend(t.Context(), []*listener.Act{act}, &remedy.Look{}); err != nil {
			t.Fatal(err)
		}
	}
	gives = full
	intend()
	w.Untouched()
	gives = nil
	intend()
	w.Untouched()
	want := []string{"counted", "given back", "warned", "given back", "counted", "given back"}
	if !slices.Equal(did, want) {
		t.Errorf("it did %q, want %q", did, want)
	}
}
