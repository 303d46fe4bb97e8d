package policy

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/reusewatch/reusewatch/internal/judge"
)

// FuzzParse: whatever a file holds it is refused, with words that can be printed, or is a
// policy that arms nothing without a bound, and says what it means.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"version: 1\nprotect: [nginx]\nhost-budget: 5/1h\n", "defaults: {action: observe, stuck-after: 10s}\n---\n",
		"a: *b", "&a [*a]",
		inMatch("port: [80, 443], addr: [10.0.0.0/8, '::1'], comm: a, exe: '/[', uid: 0, cgroup: /a, container: 3f2a"),
		inSet("act-after: 1s, max-acts: 1/10m, protect: true"), inSet("action: close"),
		"\ufeff\t\x00", "<<: {a: b}\n? [x]\n: y", "\n\n  {", "a: !!int x\n<<: [*a]",
	} {
		f.Add([]byte(text))
	}
	if b, err := os.ReadFile("testdata/policy.yaml"); err == nil {
		f.Add(b)
	} else {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parse("p", data, testBase())
		if err != nil && got != nil {
			t.Errorf("%q gives %+v, and %v", data, got, err)
		}
		var invalid *Invalid
		switch {
		case err == nil:
			if text := got.describe(); !printable(text) {
				t.Errorf("%q is described as %q", data, text)
			}
			hash := Hash(got.policy)
			if again, err := parse("p", data, testBase()); err != nil || Hash(again.policy) != hash || hash == "" {
				t.Errorf("%q is another policy the second time, or has no hash: %v", data, err)
			}
			for _, s := range append(got.policy.Rules, judge.Rule{}) {
				if s := effective(got.policy.Default, s.Set); s.ActAfter < s.StuckAfter || s.Budget.Acts < 1 || s.StuckAfter <= 0 {
					t.Errorf("%q gives %+v", data, s)
				}
			}
		case !errors.As(err, &invalid) || len(invalid.Lines()) == 0 ||
			strings.Count(err.Error(), "\n")+1 != len(invalid.Lines()):
			t.Errorf("%q: %v", data, err)
		case !printable(err.Error()):
			t.Errorf("%q: %q", data, err)
		}
	})
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
}
