// Package state keeps in a folder what must outlive a run: which acts were
// begun, for the budget, what an act has turned on in the kernel, and whether the
// operator disarmed everything.
package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
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

// Acts are the acts that were begun lately, by earlier runs too. One of the future was begun
// before the clock was set back: it counts as begun now.
func (d Dir) Acts() ([]listener.PastAct, error) {
	if d.path == "" {
		return nil, nil
	}
	var acts []listener.PastAct
	if err := read(d.acts(), &acts); err != nil {
		return nil, err
	}
	now, ahead := time.Now(), false
	for i := range acts {
		if acts[i].At.After(now) {
			acts[i].At, ahead = now, true
		}
	}
	if ahead { // else each start would count it anew
		return acts, d.write(d.acts(), acts)
	}
	return acts, nil
}

// Withdraw takes an act back that was kept and touched nothing, and returns what counts.
func (d Dir) Withdraw(acts []listener.PastAct, act listener.PastAct) ([]listener.PastAct, error) {
	i := slices.IndexFunc(acts, func(a listener.PastAct) bool {
		return a.At.Equal(act.At) && a.Group == act.Group && a.Netns == act.Netns
	})
	if i < 0 {
		return acts, nil
	}
	kept := slices.Delete(slices.Clone(acts), i, i+1)
	if d.path == "" {
		return kept, nil
	}
	return kept, d.write(d.acts(), kept)
}

// Record keeps an act before it is done, and returns all that count from now on.
func (d Dir) Record(acts []listener.PastAct, act listener.PastAct) ([]listener.PastAct, error) {
	var kept []listener.PastAct
	for _, a := range acts {
		if act.At.Sub(a.At) < keep {
			kept = append(kept, a)
		}
	}
	kept = append(kept, act)
	if d.path == "" {
		return kept, nil
	}
	return kept, d.write(d.acts(), kept)
}
