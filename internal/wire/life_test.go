package wire_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
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
	var sent bytes.Buffer
	if err := wire.WriteFrame(&sent, wiretest.Frame(*j)); err != nil {
		t.Fatal(err)
	}
	f, err := wire.NewFrameReader(&sent).Next()
	if err != nil {
		t.Fatal(err)
	}
	return f.Listeners[0]
}
