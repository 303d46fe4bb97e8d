package record

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// FuzzRead: of whatever file each line is a look or is counted as bad; what is a look is
// judged and told of, and is read again as it was.
func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "rec")
	w, err := Create(path, Header{Began: instant(), Tier: listener.TierQueues, Self: []int{7}})
	if err != nil {
		f.Fatal(err)
	}
	to := NewLooks(w)
	for _, s := range []*listener.Snapshot{host(), quiet()} {
		if err := to.Add(s, judge.Judge(s, policy(), &judge.Past{})); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	const head = `{"schema":"reusewatch-record/v1"}` + "\n"
	for _, seed := range []string{
		"", head, head + "null\n{}\n{\n5", head + `{"Listeners":[null]}`, head + `{"Listeners":[{"Owners":[{}]}]}`, "{}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		looks, past := 0, judge.Past{}
		changes := report.NewChanges(listener.Filter{})
		streams := []wire.Stream{wire.NewStream(io.Discard), report.NewStream(io.Discard)}
		bad, err := Read(bytes.NewReader(b), func(h Header, s *listener.Snapshot) error {
			looks++
			again, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("%q has a look that cannot be written: %v", b, err)
			}
			p := policy()
			p.Self = h.Self
			for _, e := range changes.Update(s.Time, judge.Judge(s, p, &past)) {
				for _, to := range streams {
					if err := to.Write(e); err != nil {
						t.Errorf("%q: %v", b, err)
					}
				}
			}
			read := 0
			bad, err := Read(strings.NewReader(head+string(again)), func(_ Header, s *listener.Snapshot) error {
				read++
				if third, err := json.Marshal(s); err != nil || !bytes.Equal(third, again) {
					t.Errorf("%s is read again as %s, %v", again, third, err)
				}
				return nil
			})
			if read != 1 || len(bad) > 0 || err != nil {
				t.Errorf("%s is not read again: lines %v are bad, %v", again, bad, err)
			}
			return nil
		})
		if err != nil {
			if looks > 0 || len(bad) > 0 {
				t.Errorf("%q has %d looks, and is none: %v", b, looks, err)
			}
			return
		}
		lines := len(bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")))
		if 1+looks+len(bad) != lines || !slices.IsSorted(bad) {
			t.Errorf("%q has %d lines: %d looks, and %v are bad", b, lines, looks, bad)
		}
	})
}
