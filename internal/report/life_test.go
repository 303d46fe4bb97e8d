package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// TestLifeRoundTrip: who reads what a daemon serves has the life, the signs and the
// class as they were judged.
func TestLifeRoundTrip(t *testing.T) {
	j := listenertest.Full()
	want := listenertest.Life()
	// Bytes that are no text are replaced on the way, as JSON must.
	want.Moved.What = strings.ToValidUTF8(want.Moved.What, "\ufffd")
	want.Waits[0].Ends[0].Comm = strings.ToValidUTF8(listenertest.Nasty, "\ufffd")
	j.Owners[0].Evidence.Threads[0].Tracer = 99
	back := throughTheWire(t, &j)
	if got, known := back.Owners[0].Evidence.Life.Get(); !known || !reflect.DeepEqual(got, want) {
		t.Errorf("life\n%+v, want\n%+v", got, want)
	}
	if back.Class != j.Class || back.Culprit != j.Culprit || back.Owners[0].Evidence.Threads[0].Tracer != 99 {
		t.Errorf("class %q, culprit %d, tracer %d", back.Class, back.Culprit, back.Owners[0].Evidence.Threads[0].Tracer)
	}
	j.Signs[3].Value = strings.ToValidUTF8(j.Signs[3].Value, "\ufffd")
	if !slices.Equal(back.Signs, j.Signs) {
		t.Errorf("signs\n%+v, want\n%+v", back.Signs, j.Signs)
	}
	// What is not known stays so.
	j.Owners[0].Evidence.Life, j.Signs, j.Class = listener.Maybe[listener.Life]{}, nil, listener.NoClass
	back = throughTheWire(t, &j)
	if back.Owners[0].Evidence.Life.IsKnown() || back.Signs != nil || back.Class != listener.NoClass {
		t.Errorf("unknown, and read as %+v, %+v, %q", back.Owners[0].Evidence.Life, back.Signs, back.Class)
	}
	j.Owners[0].Evidence.Life = listener.Known(listener.Life{})
	back = throughTheWire(t, &j)
	if got, known := back.Owners[0].Evidence.Life.Get(); !known || !reflect.DeepEqual(got, listener.Life{}) {
		t.Errorf("an empty life is read as %+v, %v", got, known)
	}
}

// TestLifeHasEveryField: one that a life gains is told, and not lost on the way.
func TestLifeHasEveryField(t *testing.T) {
	life := reflect.ValueOf(listenertest.Life())
	for i := range life.NumField() {
		name := life.Type().Field(i).Name
		if life.Field(i).IsZero() && name != "Ran" && name != "SharesMemory" {
			t.Errorf("the life that is sent to and fro has no %s", name)
		}
	}
}

func throughTheWire(t *testing.T, j *listener.Judgement) listener.Judgement {
	t.Helper()
	var wire bytes.Buffer
	if err := WriteFrame(&wire, frame(*j)); err != nil {
		t.Fatal(err)
	}
	f, err := NewFrameReader(&wire).Next()
	if err != nil {
		t.Fatal(err)
	}
	return f.Listeners[0]
}

// TestSignsInOrder: one object, in the order of the table; what was not judged is null.
func TestSignsInOrder(t *testing.T) {
	for want, signs := range map[string]jsonSigns{
		"null": nil,
		`{"runs":{"alive":false,"value":"x"},"moves-bytes":null,"serves-elsewhere":null,"waits":{"alive":null,"value":""},` +
			`"at-limit":null,"told":null,"inherited":null}`: {{Sign: listener.SignWaits}, {Sign: listener.SignRuns, Alive: listener.Known(false), Value: "x"}},
	} {
		got, err := json.Marshal(signs)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	var later jsonSigns
	if err := json.Unmarshal([]byte(`{"dreams":{"alive":true,"value":"of sheep"},"waits":{"alive":null,"value":""},"runs":null}`), &later); err != nil {
		t.Fatal(err)
	}
	want := jsonSigns{{Sign: listener.SignWaits}, {Sign: "dreams", Alive: listener.Known(true), Value: "of sheep"}}
	if !slices.Equal(later, want) {
		t.Errorf("of a later version: %+v", later)
	}
	if again, err := json.Marshal(later); err != nil || !strings.HasSuffix(string(again), `"dreams":{"alive":true,"value":"of sheep"}}`) {
		t.Errorf("written again: %s, %v", again, err)
	}
}

// TestDecisionIsWhole: all that concerns an act stands in one place.
func TestDecisionIsWhole(t *testing.T) {
	j := listenertest.Full()
	got, err := json.Marshal(toJSON(&j).Decision)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"act":"hold","class":"never-served","pid":26939,"reason":"ambiguous-holders","reasons":["ambiguous-holders","too-soon"],"signs":["waits","at-limit"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	// Of a superseded one, nothing of this is known.
	j.Class, j.Signs, j.Culprit = listener.NoClass, nil, 0
	if got, _ := json.Marshal(toJSON(&j).Decision); !strings.Contains(string(got), `"class":null,"pid":null,`) || !strings.HasSuffix(string(got), `"signs":[]}`) {
		t.Errorf("%s", got)
	}
}
