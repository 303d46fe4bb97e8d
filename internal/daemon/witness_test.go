package daemon

import (
	"errors"
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// TestGivenBackLater: an act that touched nothing counts for nothing, also where the disk
// was full when it ended: the next one gives its budget back before it takes its own.
func TestGivenBackLater(t *testing.T) {
	full := errors.New("no space left on device")
	var did []string
	var gives error
	w := &witness{decider: &counting{
		keeps: func() error {
			did = append(did, "counted")
			return nil
		},
		gives: func() error {
			did = append(did, "given back")
			return gives
		},
		warned: func() { did = append(did, "warned") },
	}}
	intend := func() {
		act := &listener.Act{
			Judgement: listener.Judgement{Listener: &listener.Listener{}, Decision: &listener.Decision{}},
			Owner:     listener.Owner{Holder: &listener.Holder{}},
		}
		if err := w.Intend(t.Context(), []*listener.Act{act}, &remedy.Judged{}); err != nil {
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

// counting is a decider that does nothing but count.
type counting struct {
	decider
	keeps, gives func() error
	warned       func()
}

func (c *counting) inForce() judge.Policy          { return judge.Policy{} }
func (c *counting) begun([]*listener.Act)          {}
func (c *counting) emit(...wire.Event)             {}
func (c *counting) count(listener.PastAct) error   { return c.keeps() }
func (c *counting) uncount(listener.PastAct) error { return c.gives() }
func (c *counting) warn(error)                     { c.warned() }
