package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// behindName is what follows "(comm) " of an ordinary process.
const behindName = "S 400 4711 4711 0 -1 4194304 913 0 12 0 1500 700 0 0 20 0 1 0 " +
	"987654 3002368 412 18446744073709551615"

// ordinary is what is read of it.
func ordinary() stat {
	return stat{
		state: 'S', ppid: 400, session: 4711, majorFaults: 12,
		userTicks: 1500, systemTicks: 700, startTicks: 987654,
	}
}

func TestParseStat(t *testing.T) {
	named := func(comm string) stat { s := ordinary(); s.comm = comm; return s }
	kthread := named("kthreadd")
	kthread.kernel = true

	for _, tc := range []struct {
		name, in string
		want     stat
	}{
		{"plain", "4711 (haproxy) " + behindName + "\n", named("haproxy")},
		{"empty name", "4711 () " + behindName, named("")},
		{"name like the rest of a line", "1 (a) R (b\n) " + behindName, named("a) R (b\n")},
		{"name of numbers", "1 () S 1 1 1 1 1 1 1 1 1 1) " + behindName, named(") S 1 1 1 1 1 1 1 1 1 1")},
		{"name not UTF-8", "1 (\xff\x00) " + behindName, named("\xff\x00")},
		{"kernel thread", "2 (kthreadd) " + strings.Replace(behindName, "4194304", "2129984", 1), kthread},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseStat([]byte(tc.in))
			if err != nil || got != tc.want {
				t.Errorf("parseStat(%q) = %+v, %v\nwant %+v", tc.in, got, err, tc.want)
			}
		})
	}
}

func TestParseStatErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "no (name)",
		"1 comm S":               "no (name)",
		")(":                     "no (name)",
		"1 (x)":                  "0 fields",
		"1 (x) S 1 1":            "3 fields",
		"1 (x) S" + behindName:   "not one letter",
		"1 (x) S x" + behindName: "field 4",
		"1 (x) " + strings.Replace(behindName, "4194304", "-1", 1):                  "field 9",
		"1 (x) " + strings.Replace(behindName, " 12 ", " x ", 1):                    "field 12",
		"1 (x) " + strings.Replace(behindName, "1500", "x", 1):                      "field 14",
		"1 (x) " + strings.Replace(behindName, "700", "x", 1):                       "field 15",
		"1 (x) " + strings.Replace(behindName, "987654", "18446744073709551616", 1): "field 22",
	} {
		if got, err := parseStat([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseStat(%q) = %+v, %v; want an error with %q", in, got, err, want)
		}
	}
}

// FuzzParseStat: what is refused gives nothing, and no name changes what the rest says.
func FuzzParseStat(f *testing.F) {
	for _, seed := range []string{"", "haproxy", "a) R (b\n", ")", "((", "1 (x) " + behindName, "\xff\x00"} {
		f.Add([]byte(seed))
	}
	seedFiles(f, "stat")
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := parseStat(b); err != nil && got != (stat{}) {
			t.Errorf("parseStat(%q) = %+v, and %v", b, got, err)
		}
		line := fmt.Sprintf("4711 (%s) %s\n", b, behindName)
		want := ordinary()
		want.comm = string(b)
		if got, err := parseStat([]byte(line)); err != nil || got != want {
			t.Errorf("parseStat(%q) = %+v, %v\nwant %+v", line, got, err, want)
		}
	})
}

// seedFiles adds the files of a name that the processes of the golden /proc have.
func seedFiles(f *testing.F, name string) {
	f.Helper()
	files, err := filepath.Glob("testdata/proc/*/" + name)
	if err != nil || len(files) == 0 {
		f.Fatalf("no file %s: %v", name, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}
