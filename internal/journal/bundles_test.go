package journal

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func bundleAt() time.Time { return time.Date(2026, 3, 1, 13, 0, 0, 7e6, time.FixedZone("", 3600)) }

func names(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	must(t, err)
	var out []string
	for _, f := range files {
		out = append(out, f.Name())
	}
	return out
}

func TestBundle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "evidence")
	b := NewBundles(dir)
	path, err := b.Write("a1", bundleAt(), map[string]string{"comm": "hé"})
	must(t, err)
	if want := filepath.Join(dir, "20260301T120000.007Z-a1.json"); path != want {
		t.Errorf("%s, not %s", path, want)
	}
	if got, want := read(t, path), "{\n  \"comm\": \"h\\u00e9\"\n}\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	for name, want := range map[string]os.FileMode{dir: os.ModeDir | 0o700, path: 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	// A second one in the same millisecond replaces nothing.
	second, err := b.Write("a1", bundleAt(), 2)
	must(t, err)
	if got := names(t, dir); !cmp.Equal(got, []string{filepath.Base(path), filepath.Base(second)}) {
		t.Errorf("%v", got)
	}
}

func TestBundleName(t *testing.T) {
	for name, want := range map[string]string{
		"kill-7_a.B":             "kill-7_a.B",
		"../../etc/passwd":       ".._.._etc_passwd",
		"a b\nc\x00":             "a_b_c_",
		"hé\xff":                 "h__",
		"":                       "_",
		strings.Repeat("n", 500): strings.Repeat("n", maxName),
	} {
		dir := t.TempDir()
		path, err := NewBundles(dir).Write(name, bundleAt(), 1)
		must(t, err)
		file := "20260301T120000.007Z-" + want + ".json"
		if got := names(t, dir); !cmp.Equal(got, []string{file}) || path != filepath.Join(dir, file) {
			t.Errorf("%q: %v, %s", name, got, path)
		}
	}
}

func TestBundleCount(t *testing.T) {
	dir := t.TempDir()
	foreign := []string{
		"00000000T000000.000Z-x.json", // no time
		"20200101T000000.000Z-.json",  // no name
		"20200101T000000.000Z-x y.json",
		"20200101T000000.000Z-x.json.gz",
		"20200101T000000.000Z_x.json",
		"20200101T000000.000Zx.json",
		"20200101T000000Z-x.json",
		"acts.json",
		".json",
	}
	for _, name := range foreign {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	must(t, os.Mkdir(filepath.Join(dir, "20200101T000000.000Z-folder.json"), 0o700))
	must(t, os.Symlink("acts.json", filepath.Join(dir, "20200101T000000.000Z-link.json")))
	foreign = append(foreign, "20200101T000000.000Z-folder.json", "20200101T000000.000Z-link.json")
	// What a crash left of a bundle is one.
	must(t, os.WriteFile(filepath.Join(dir, "20250101T000000.000Z-x.json.new"), nil, 0o600))

	b := NewBundles(dir)
	want := make(map[string]bool)
	for i := range maxBundles + 5 {
		path, err := b.Write("x", bundleAt().Add(time.Duration(i)*time.Hour), i)
		must(t, err)
		if i >= 5 {
			want[filepath.Base(path)] = true
		}
		if i == maxBundles-2 && len(names(t, dir)) != len(foreign)+maxBundles {
			t.Errorf("%d files where none had to be removed", len(names(t, dir)))
		}
	}
	for _, name := range foreign {
		want[name] = true
	}
	got := make(map[string]bool)
	for _, name := range names(t, dir) {
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// A clock that was set back: the newest is not the one to remove.
	path, err := b.Write("back", bundleAt().AddDate(-1, 0, 0), 0)
	must(t, err)
	if _, err := os.Stat(path); err != nil || len(names(t, dir)) != len(want) {
		t.Errorf("%v, %d files", err, len(names(t, dir)))
	}
}

// evidence of parts, of which it leaves out one at a time.
type evidence struct {
	Parts []string `json:"parts"`
	asked int
	stiff bool // says that it shrank, and did not
}

func (e *evidence) Shrink() bool {
	e.asked++
	if e.stiff {
		return true
	}
	if len(e.Parts) == 1 {
		return false
	}
	e.Parts = e.Parts[:len(e.Parts)-1]
	return true
}

func TestBundleSize(t *testing.T) {
	part := strings.Repeat("x", maxBundle*2/5)
	large := strings.Repeat("x", maxBundle)
	for name, c := range map[string]struct {
		v         any
		truncated bool
		parts     int
	}{
		"fits":                {&evidence{Parts: []string{part, part}}, false, 2},
		"shrinks":             {&evidence{Parts: []string{part, part, part, part}}, false, 2},
		"shrinks in vain":     {&evidence{Parts: []string{large, part}}, true, 0},
		"cannot shrink":       {map[string]any{"parts": []string{large}}, true, 0},
		"never gets small":    {&evidence{Parts: []string{large}, stiff: true}, true, 0},
		"escaping makes more": {map[string]any{"parts": []string{strings.Repeat("é", maxBundle/5)}}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path, err := NewBundles(t.TempDir()).Write("x", bundleAt(), c.v)
			must(t, err)
			text := read(t, path)
			var got struct {
				Schema    string
				Truncated bool
				Error     string
				Parts     []string
			}
			must(t, json.Unmarshal([]byte(text), &got))
			if len(text) > maxBundle || got.Truncated != c.truncated || len(got.Parts) != c.parts ||
				c.truncated != (got.Schema == schema) || c.truncated != (got.Error != "") {
				t.Errorf("%d bytes, %d parts, %q %v %q", len(text), len(got.Parts), got.Schema, got.Truncated, got.Error)
			}
			if e, ok := c.v.(*evidence); ok && name == "fits" && e.asked > 0 {
				t.Error("asked to shrink for nothing")
			}
		})
	}
}

// TestBundleLimit is to the byte: the quotes and the newline count.
func TestBundleLimit(t *testing.T) {
	for n, truncated := range map[int]bool{maxBundle - 3: false, maxBundle - 2: true} {
		path, err := NewBundles(t.TempDir()).Write("x", bundleAt(), strings.Repeat("x", n))
		must(t, err)
		if strings.Contains(read(t, path), "truncated") != truncated {
			t.Errorf("%d bytes: truncated %v", n, !truncated)
		}
	}
}

func TestBundleErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for name, c := range map[string]struct {
		dir string
		v   any
	}{
		"no folder":      {filepath.Join(dir, "file"), 1},
		"not under one":  {filepath.Join(dir, "file", "x"), 1},
		"no JSON has it": {filepath.Join(dir, "nan"), math.NaN()},
	} {
		path, err := NewBundles(c.dir).Write("x", bundleAt(), c.v)
		if err == nil || path != "" || !strings.Contains(fmt.Sprint(err), "evidence x") {
			t.Errorf("%s: %s, %v", name, path, err)
		}
	}
	if got := names(t, dir); !cmp.Equal(got, []string{"file"}) {
		t.Errorf("left behind: %v", got)
	}
}

func TestNoBundles(t *testing.T) {
	t.Chdir(t.TempDir())
	b := NewBundles("")
	if path, err := b.Write("x", bundleAt(), 1); b != nil || path != "" || err != nil {
		t.Errorf("%v, %q, %v", b, path, err)
	}
	if got := names(t, "."); got != nil {
		t.Errorf("left behind: %v", got)
	}
}
