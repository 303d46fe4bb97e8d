package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
)

// TestTable: a row for each setting that the judge knows, in its order, of the same kind
// of value, with all that must be said of it.
func TestTable(t *testing.T) {
	fields := new(judge.Settings).Fields()
	rows := Table()
	if len(rows) != len(fields) {
		t.Fatalf("%d rows of %d settings", len(rows), len(fields))
	}
	builtin := Builtin()
	for i, r := range rows {
		if r.Key != fields[i].Key {
			t.Errorf("row %d is %s, the judge has %s there", i, r.Key, fields[i].Key)
		}
		if r.Help == "" {
			t.Errorf("nothing is said of %s", r.Key)
		}
		at := builtin.Field(r.Key)
		was, _ := written(at)
		values := append([]string{another(r)}, r.Choices...)
		if was != "" { // a list that is empty is left out
			values = append(values, was)
		}
		for _, v := range values {
			if err := r.read(v, at); err != nil {
				t.Errorf("%s: %v", r.Key, err)
			} else if got, _ := written(at); got != v {
				t.Errorf("%s: %q is read as %q", r.Key, v, got)
			}
		}
	}
}

// another gives a value that is not built in, and goes with all that are.
func another(r Setting) string {
	var s judge.Settings
	switch s.Field(r.Key).(type) {
	case *time.Duration:
		return "29s"
	case *bool:
		return "true"
	case *judge.Budget:
		return "7/8h"
	case *[]string:
		return "/a,/b"
	default:
		return r.Choices[1]
	}
}

// TestEverySettingIsTold: check-config says something else, and so does the hash, when a
// setting is another.
func TestEverySettingIsTold(t *testing.T) {
	for _, r := range Table() {
		said := func(values map[string]string) (text, hash string) {
			var b strings.Builder
			b.WriteString("defaults:\n")
			for key, v := range values {
				if strings.Contains(v, ",") {
					v = "[" + v + "]"
				}
				b.WriteString("  " + key + ": " + v + "\n")
			}
			path := write(t, b.String())
			p, err := Load(path, testBase())
			if err != nil {
				t.Fatalf("%s: %v", r.Key, err)
			}
			text, err = Describe(path, testBase())
			if err != nil {
				t.Fatal(err)
			}
			return text, Hash(p)
		}
		values := map[string]string{"action": "kill", "allow-served": "true"}
		text, hash := said(values)
		if values[r.Key] == another(r) {
			delete(values, r.Key)
		} else {
			values[r.Key] = another(r)
		}
		otherText, otherHash := said(values)
		if text == otherText || hash == otherHash {
			t.Errorf("%s: the same is said of %v", r.Key, values)
		}
	}
}
