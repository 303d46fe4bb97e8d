// Package state keeps in a folder what must outlive a run: which acts were
// begun, for the budget, and whether the operator disarmed everything.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
)

// keep is how long an act is remembered: longer than any sensible budget's period.
const keep = 24 * time.Hour

// Dir is the state folder.
type Dir struct{ path string }

// At uses a folder; nothing is made until something must be kept. "" keeps
// nothing beyond the run.
func At(path string) Dir { return Dir{path} }

// Disarmed says whether a file "disarmed" is in the folder: `touch` it, and no
// act is begun any more. What cannot be looked at counts as disarmed.
func (d Dir) Disarmed() bool {
	if d.path == "" {
		return false
	}
	_, err := os.Lstat(filepath.Join(d.path, "disarmed"))
	return !errors.Is(err, fs.ErrNotExist)
}

func (d Dir) acts() string { return filepath.Join(d.path, "acts.json") }

// Acts are the acts that were begun lately, by earlier runs too.
func (d Dir) Acts() ([]judge.PastAct, error) {
	if d.path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(d.acts())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read earlier acts: %w", err)
	}
	var acts []judge.PastAct
	if err := json.Unmarshal(b, &acts); err != nil {
		return nil, fmt.Errorf("read earlier acts from %s: %w; look at it, and remove it to begin anew", d.acts(), err)
	}
	return acts, nil
}

// Record keeps an act before it is done, and returns all that count from now on.
func (d Dir) Record(acts []judge.PastAct, act judge.PastAct) ([]judge.PastAct, error) {
	var kept []judge.PastAct
	for _, a := range acts {
		if act.At.Sub(a.At) < keep {
			kept = append(kept, a)
		}
	}
	kept = append(kept, act)
	if d.path == "" {
		return kept, nil
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return kept, fmt.Errorf("encode acts: %w", err)
	}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return kept, fmt.Errorf("make the state folder: %w", err)
	}
	// Written beside and renamed: a crash leaves the old file or the new one.
	tmp := d.acts() + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return kept, fmt.Errorf("keep acts: %w", err)
	}
	if err := os.Rename(tmp, d.acts()); err != nil {
		return kept, fmt.Errorf("keep acts: %w", err)
	}
	return kept, nil
}
