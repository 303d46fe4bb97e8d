package proc

import (
	"bytes"
	"encoding/gob"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func encoded(t testing.TB, values ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := gob.NewEncoder(&b)
	for _, v := range values {
		if err := encoder.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// endless is a reader whose message never ends; it counts what is taken from it.
type endless struct {
	head  []byte
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	e.taken += len(p)
	return len(p), nil
}

// TestEndlessMessage: whoever sends one is not read on.
func TestEndlessMessage(t *testing.T) {
	for name, head := range map[string][]byte{
		"one of a gigabyte": {0xfc, 0x40, 0, 0, 0}, // its length, as gob writes it
		"no length at all":  nil,
	} {
		from := &endless{head: head}
		in := newInbox(from)
		var a Answer
		if err := in.next(&a); err == nil {
			t.Errorf("%s: read as %+v", name, a)
		}
		if from.taken > 2*maxMessage {
			t.Errorf("%s: %d bytes were taken", name, from.taken)
		}
	}
}

// FuzzMessages: whatever a helper sends is an error or an answer, and an answer that was
// read is sent and read again as it is.
func FuzzMessages(f *testing.F) {
	answer := New("testdata/proc").ask(&Question{PID: 4711, What: Names | Limits | Itself})
	f.Add(encoded(f, 4711, answer))
	locks := Answer{Locks: []Lock{{"FLOCK", 1, 2}}, LocksKnown: true, Registered: []uint64{7}, RegisteredKnown: true}
	f.Add(encoded(f, 1, Answer{PID: 1, Gone: true}, locks))
	f.Add([]byte{})
	f.Add([]byte{0xfc, 0x40, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := newInbox(bytes.NewReader(b))
		var thread int
		if in.next(&thread) != nil {
			return
		}
		for {
			var a Answer
			if in.next(&a) != nil {
				return
			}
			var again Answer
			if err := newInbox(bytes.NewReader(encoded(t, a))).next(&again); err != nil {
				t.Fatalf("%+v is not read again: %v", a, err)
			}
			if diff := cmp.Diff(a, again, cmpopts.EquateEmpty()); diff != "" { // gob sends nothing of what is empty
				t.Errorf("read again (-first +second):\n%s", diff)
			}
		}
	})
}
