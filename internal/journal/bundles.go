package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/regular"
	"github.com/reusewatch/reusewatch/internal/text"
)

const (
	maxBundle  = 1 << 20
	maxBundles = 100
	// maxShrinks ends the wait for evidence that hardly gets smaller.
	maxShrinks = 100
	maxName    = 128
	// bundleTime begins a bundle's name: names sort by age.
	bundleTime = "20060102T150405.000Z"
	bundleEnd  = ".json"
)

// shrinker is evidence that can leave something out. Shrink says whether it did.
type shrinker interface{ Shrink() bool }

// Bundles are files of evidence in a folder, one an act. A nil Bundles keeps
// nothing.
type Bundles struct {
	dir string
	mu  sync.Mutex
}

// NewBundles uses a folder; it is made with the first bundle. "" keeps nothing.
func NewBundles(dir string) *Bundles {
	if dir == "" {
		return nil
	}
	return &Bundles{dir: dir}
}

// Write keeps v as JSON. While it is too large and has a method Shrink() bool,
// that is called, until it has no more to leave out or was called a hundred times:
// best it halves something. If that is not enough a note is kept in its place, so
// that size stops no act. With a path and an error, the bundle is there but older
// ones could not be removed.
func (b *Bundles) Write(name string, at time.Time, v any) (string, error) {
	if b == nil {
		return "", nil
	}
	text, err := encodeBundle(v)
	if err != nil {
		return "", fmt.Errorf("encode evidence %s: %w", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	path, err := b.keep(sanitize(name), at, text)
	if err != nil {
		return "", fmt.Errorf("keep evidence %s: %w", name, err)
	}
	if err := b.prune(filepath.Base(path)); err != nil {
		return path, fmt.Errorf("remove old evidence: %w", err)
	}
	return path, nil
}

func encodeBundle(v any) ([]byte, error) {
	s, _ := v.(shrinker)
	for shrunk := 0; ; shrunk++ {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return nil, err
		}
		if b = append(text.ASCII(b), '\n'); len(b) <= maxBundle {
			return b, nil
		}
		if s != nil && shrunk < maxShrinks && s.Shrink() {
			continue
		}
		return encodeBundle(struct {
			Schema    string `json:"schema"`
			Truncated bool   `json:"truncated"`
			Error     string `json:"error"`
		}{schema, true, fmt.Sprintf("the evidence takes %d bytes, more than %d", len(b), maxBundle)})
	}
}

// keep writes beside and renames: a crash leaves no half of a bundle.
func (b *Bundles) keep(name string, at time.Time, text []byte) (string, error) {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return "", err
	}
	path, err := b.free(name, at)
	if err != nil {
		return "", err
	}
	return path, regular.Replace(path, text)
}

// free finds a name that nothing has: a later millisecond for the second bundle
// of one.
func (b *Bundles) free(name string, at time.Time) (string, error) {
	for {
		path := filepath.Join(b.dir, at.UTC().Format(bundleTime)+"-"+name+bundleEnd)
		_, err := os.Lstat(path)
		_, errTmp := os.Lstat(regular.Unfinished(path))
		switch {
		case errors.Is(err, fs.ErrNotExist) && errors.Is(errTmp, fs.ErrNotExist):
			return path, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", err
		case errTmp != nil && !errors.Is(errTmp, fs.ErrNotExist):
			return "", errTmp
		}
		at = at.Add(time.Millisecond)
	}
}

// prune removes the oldest bundles. The newest stays, even where a clock that was
// set back made its name the oldest.
func (b *Bundles) prune(newest string) error {
	files, err := os.ReadDir(b.dir) // by name, hence by age
	if err != nil {
		return err
	}
	var ours []string
	for _, f := range files {
		if f.Type().IsRegular() && isBundle(f.Name()) && f.Name() != newest {
			ours = append(ours, f.Name())
		}
	}
	for ; len(ours) > maxBundles-1; ours = ours[1:] {
		err := os.Remove(filepath.Join(b.dir, ours[0]))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// isBundle knows a name that was made here, also of a bundle that a crash left half
// written, or such would pile up. Whatever else is in the folder is somebody else's.
func isBundle(file string) bool {
	stem, ok := strings.CutSuffix(file, regular.Unfinished(bundleEnd))
	if !ok {
		stem, ok = strings.CutSuffix(file, bundleEnd)
	}
	if !ok || len(stem) < len(bundleTime)+2 || stem[len(bundleTime)] != '-' {
		return false
	}
	_, err := time.Parse(bundleTime, stem[:len(bundleTime)])
	name := stem[len(bundleTime)+1:]
	return err == nil && name == sanitize(name)
}

// sanitize leaves what is harmless in a file name.
func sanitize(name string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == '-':
			return r
		}
		return '_'
	}, name)
	if out == "" {
		return "_"
	}
	return out[:min(len(out), maxName)]
}
