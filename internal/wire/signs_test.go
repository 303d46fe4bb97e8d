package wire

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// TestSignsInOrder: one object, in the order of the table; what was not judged is null.
func TestSignsInOrder(t *testing.T) {
	for want, signs := range map[string]jsonSigns{
		"null": nil,
		`{"runs":{"alive":false,"value":"x"},"moves-bytes":null,"serves-elsewhere":null,` +
			`"waits":{"alive":null,"value":""},"at-limit":null,"told":null,"inherited":null}`: {
			{Sign: listener.SignWaits}, {Sign: listener.SignRuns, Alive: listener.Known(false), Value: "x"},
		},
	} {
		got, err := json.Marshal(signs)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	var later jsonSigns
	const dreams = `{"dreams":{"alive":true,"value":"of sheep"},"waits":{"alive":null,"value":""},"runs":null}`
	if err := json.Unmarshal([]byte(dreams), &later); err != nil {
		t.Fatal(err)
	}
	want := jsonSigns{{Sign: listener.SignWaits}, {Sign: "dreams", Alive: listener.Known(true), Value: "of sheep"}}
	if !slices.Equal(later, want) {
		t.Errorf("of a later version: %+v", later)
	}
	const end = `"dreams":{"alive":true,"value":"of sheep"}}`
	if again, err := json.Marshal(later); err != nil || !strings.HasSuffix(string(again), end) {
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
	want := `{"act":"hold","class":"never-served","pid":26939,"reason":"ambiguous-holders",` +
		`"reasons":["ambiguous-holders","too-soon"],"signs":["waits","at-limit"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	// Of a superseded one, nothing of this is known.
	j.Class, j.Signs, j.Culprit = listener.NoClass, nil, 0
	got, _ = json.Marshal(toJSON(&j).Decision)
	const unknown = `"class":null,"pid":null,`
	if text := string(got); !strings.Contains(text, unknown) || !strings.HasSuffix(text, `"signs":[]}`) {
		t.Error(text)
	}
}
