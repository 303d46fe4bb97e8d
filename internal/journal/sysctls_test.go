package journal

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzKept: the same of what an act has turned on.
func FuzzKept(f *testing.F) {
	for _, seed := range []string{
		`[{"netns":4026531840,"net_cookie":1,"value":"0"}]`, `[]`, `null`, `{}`, `[null]`, `[{"netns":-1}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kept, err := parseKept(b)
		if err != nil {
			if kept != nil {
				t.Errorf("%q is read as %v, and %v", b, kept, err)
			}
			return
		}
		written, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseKept(written); err != nil || !cmp.Equal(again, kept) {
			t.Errorf("%q is read as %v, and again as %v, %v", b, kept, again, err)
		}
	})
}
