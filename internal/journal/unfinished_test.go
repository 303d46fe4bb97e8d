package journal

import (
	"bytes"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestCrash ends an agent between an intent and its outcome.
func TestCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := mustOpen(t, path)
	must(t, l.Intent(act("done", 1)))
	must(t, l.Outcome(ended(act("done", 1), listener.Acted)))
	want := act("z", 2)
	want.Evidence = "/e"
	must(t, l.Intent(want))
	must(t, l.Intent(act("a", 2)))
	must(t, l.Intent(want))        // told twice, it is as old as at first
	must(t, l.Intent(act("z", 3))) // the same act, another process
	must(t, l.Outcome(ended(act("z", 3), listener.Failed)))
	must(t, l.Close())

	next := mustOpen(t, path)
	if diff := cmp.Diff([]string{"z/2", "a/2"}, ids(t, next)); diff != "" {
		t.Fatal(diff)
	}
	got, err := next.begun()
	must(t, err)
	if !reflect.DeepEqual(newEntry(intent, instant(), want), got[0]) {
		t.Errorf("%+v is read as %+v", newEntry(intent, instant(), want), got[0])
	}
	must(t, next.Settle(func(a *listener.Act) listener.Result {
		j := &a.Judgement
		if a.Owner.PID != 2 || a.Owner.Start != 4711 || j.Netns != 4026531840 || j.NetCookie != 1 ||
			!slices.Equal(a.Listeners, want.Listeners) {
			t.Errorf("it is told as %+v", a)
		}
		if a.ID == "z" {
			return listener.FoundGone
		}
		return ""
	}))
	if diff := cmp.Diff([]string{"a/2"}, ids(t, next)); diff != "" {
		t.Error(diff)
	}
	must(t, next.Settle(func(*listener.Act) listener.Result { return listener.FoundThere }))
	const end = `"evidence":null,"clipped":false,"result":"found-there","method":null,` +
		`"rescued":null,"stale":null,"took_ms":null,"error":null}` + "\n"
	if text := read(t, path); !strings.HasSuffix(text, end) || !strings.Contains(text, `"found-gone"`) {
		t.Error(text)
	}
	must(t, next.Outcome(ended(act("a", 2), listener.FoundThere))) // an agent that was only slow
	must(t, next.Intent(act("later", 2)))
	if diff := cmp.Diff([]string{"later/2"}, ids(t, next)); diff != "" {
		t.Error(diff)
	}
}

func TestTorn(t *testing.T) {
	whole, err := newEntry(intent, instant(), act("torn", 9)).line()
	must(t, err)
	half := string(whole[:len(whole)/2])
	for name, torn := range map[string]string{
		"half a line":      half,
		"one byte":         "{",
		"after whole ones": "not JSON\n\n" + half,
		"more than a line": strings.Repeat("x", maxLine+70_000),
		"bytes of a disk":  "\x00\x00\x00\xff",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			appendTo(t, path, torn)
			l := mustOpen(t, path)
			if got := ids(t, l); got != nil {
				t.Errorf("unfinished: %v", got)
			}
			must(t, l.Intent(act("a", 7)))
			appendTo(t, path, torn) // another agent dies
			must(t, l.Intent(act("b", 7)))
			if got := ids(t, l); !cmp.Equal(got, []string{"a/7", "b/7"}) {
				t.Errorf("unfinished: %v", got)
			}
			text := read(t, path)
			if !strings.HasPrefix(text, torn+"\n{") || strings.Count(text, torn+"\n{") != 2 || !strings.HasSuffix(text, "}\n") {
				t.Error("a torn line was not ended")
			}
		})
	}
}

func TestUnfinishedIgnores(t *testing.T) {
	for name, line := range map[string]string{
		"nothing":        "",
		"null":           "null",
		"a number":       "5",
		"a list":         "[]",
		"a text":         `"intent"`,
		"another schema": `{"schema":"other/v1","kind":"intent","act_id":"x","pid":1}`,
		"another kind":   `{"schema":"reusewatch/v1","kind":"note","act_id":"x","pid":1}`,
		"a text as pid":  `{"schema":"reusewatch/v1","kind":"intent","act_id":"x","pid":"1"}`,
		"too long a line": `{"schema":"reusewatch/v1","kind":"intent","act_id":"x","pid":1` +
			strings.Repeat(" ", maxLine) + "}",
		"no end": `{"schema":"reusewatch/v1","kind":"intent","act_id":"x","pid":1}` + "\x00",
	} {
		path := filepath.Join(t.TempDir(), "audit.log")
		l := mustOpen(t, path)
		must(t, l.Intent(act("before", 1)))
		appendTo(t, path, line+"\n")
		must(t, l.Intent(act("after", 1)))
		if got := ids(t, l); !cmp.Equal(got, []string{"before/1", "after/1"}) {
			t.Errorf("%s: unfinished: %v", name, got)
		}
	}
}

// TestLongestLine: what may be written is read again.
func TestLongestLine(t *testing.T) {
	l := mustOpen(t, filepath.Join(t.TempDir(), "audit.log"))
	a := act("a", 7)
	b, err := newEntry(intent, instant(), a).line()
	must(t, err)
	a.Owner.Comm += strings.Repeat("x", maxLine-len(b))
	must(t, l.Intent(a))
	if got, err := l.begun(); err != nil || len(got) != 1 || got[0].Clipped {
		t.Errorf("%d unfinished, %v", len(got), err)
	}
}

func TestUnfinishedIsBounded(t *testing.T) {
	l := mustOpen(t, filepath.Join(t.TempDir(), "audit.log"))
	var text strings.Builder
	for pid := range maxOpen + 10 {
		b, err := newEntry(intent, instant(), act("a", pid)).line()
		must(t, err)
		text.Write(b)
	}
	appendTo(t, l.path, text.String())
	if got := ids(t, l); len(got) != maxOpen || got[0] != "a/0" {
		t.Errorf("%d unfinished", len(got))
	}
}

// FuzzUnfinished: whatever a log has, an act that is begun behind it is found until it
// ends, and what is found is written again as it was read.
func FuzzUnfinished(f *testing.F) {
	whole, err := newEntry(intent, instant(), act("torn", 9)).line()
	if err != nil {
		f.Fatal(err)
	}
	over, err := newEntry(outcome, instant(), ended(act("torn", 9), listener.Acted)).line()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{
		nil, whole, whole[:len(whole)/2], slices.Concat(whole, over),
		slices.Concat(whole, []byte("null\n5\n"), whole),
	} {
		f.Add(seed, "a", 7, "haproxy", uint64(0x1a))
	}
	f.Fuzz(func(t *testing.T, log []byte, id string, pid int, comm string, cookie uint64) {
		follow := func(log []byte) []entry {
			u := newUnfinished()
			must(t, u.read(bytes.NewReader(log), int64(len(log))))
			return u.entries()
		}
		log = append(bytes.Clone(log), '\n') // as append does
		before := follow(log)
		if len(before) >= maxOpen {
			return
		}
		a := act(strings.ToValidUTF8(id, ""), pid)
		a.Owner.Comm, a.Listeners = comm, []listener.Cookie{listener.Cookie(cookie)}
		begun := newEntry(intent, instant(), a)
		for i := range before {
			if before[i].key() == begun.key() {
				return
			}
		}
		line, err := begun.line()
		must(t, err)
		log = append(log, line...)
		found := follow(log)
		if len(found) != len(before)+1 || found[len(before)].key() != begun.key() {
			t.Fatalf("behind %q act %+v is not found, but %+v", log, begun, found)
		}
		for i := range found {
			e := &found[i]
			_ = e.act()
			line, err := e.line()
			must(t, err)
			if again := follow(line); len(again) != 1 || again[0].key() != e.key() {
				t.Fatalf("%+v is read again as %+v", e, again)
			} else if same, err := again[0].line(); err != nil || !bytes.Equal(same, line) {
				t.Errorf("%s is written again as %s, %v", line, same, err)
			}
		}
		line, err = newEntry(outcome, instant(), ended(a, listener.Acted)).line()
		must(t, err)
		if left := follow(append(log, line...)); len(left) != len(before) {
			t.Errorf("act %+v has ended, and is found: %+v", begun, left)
		}
	})
}
