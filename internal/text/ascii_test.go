package text

import (
	"encoding/json"
	"testing"
)

func TestASCII(t *testing.T) {
	for in, want := range map[string]string{
		"":              `""`,
		"a\n":           `"a\n"`,
		"é\u007f\u202e": `"\u00e9\u007f\u202e"`,
		"漢😀z":           `"\u6f22\ud83d\ude00z"`,
	} {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		got := string(ASCII(b))
		var back string
		if err := json.Unmarshal([]byte(got), &back); got != want || back != in || err != nil {
			t.Errorf("%q: %s, want %s; it is read as %q, %v", in, got, want, back, err)
		}
	}
}
