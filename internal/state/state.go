// Package state keeps in a folder what must outlive a run: which acts were
// begun, for the budget, what an act has turned on in the kernel, and whether the
// operator disarmed everything.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/regular"
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
	acts, ahead, err := d.kept()
	if err != nil || !ahead {
		return acts, err
	}
	as := func(acts []listener.PastAct) []listener.PastAct { return acts }
	return d.change(nil, as) // else each start would count it anew
}

// Record keeps an act before it is done, and returns all that count from now on. Where
// nothing is kept, these do.
func (d Dir) Record(these []listener.PastAct, act listener.PastAct) ([]listener.PastAct, error) {
	return d.change(these, func(acts []listener.PastAct) []listener.PastAct {
		acts = slices.DeleteFunc(acts, func(a listener.PastAct) bool { return act.At.Sub(a.At) >= keep })
		return append(acts, act)
	})
}

// Withdraw takes an act back that was kept and touched nothing, and returns what counts.
func (d Dir) Withdraw(these []listener.PastAct, act listener.PastAct) ([]listener.PastAct, error) {
	return d.change(these, func(acts []listener.PastAct) []listener.PastAct {
		i := slices.IndexFunc(acts, func(a listener.PastAct) bool {
			return a.At.Equal(act.At) && a.Group == act.Group && a.Netns == act.Netns
		})
		if i < 0 {
			return acts
		}
		return slices.Delete(acts, i, i+1)
	})
}

// kept are the acts in the folder, and whether some are of the future.
func (d Dir) kept() (acts []listener.PastAct, ahead bool, err error) {
	if acts, err = read(d.acts(), parseActs); err != nil {
		return nil, false, err
	}
	now := time.Now()
	for i := range acts {
		if acts[i].At.After(now) {
			acts[i].At, ahead = now, true
		}
	}
	return acts, ahead, nil
}

// parseActs refuses an act that tells no time: nobody could say until when it counts.
func parseActs(b []byte) ([]listener.PastAct, error) {
	var acts []listener.PastAct
	if err := json.Unmarshal(b, &acts); err != nil {
		return nil, err
	}
	for i := range acts {
		if acts[i].At.IsZero() {
			return nil, fmt.Errorf("act %d of %d tells no time", i+1, len(acts))
		}
	}
	return acts, nil
}

// change changes the acts in the folder, or these where none are. Where it fails, what is
// returned counts for as long as this process runs.
func (d Dir) change(these []listener.PastAct, how func([]listener.PastAct) []listener.PastAct) ([]listener.PastAct, error) {
	if d.path == "" {
		return how(slices.Clone(these)), nil
	}
	acts := slices.Clone(these)
	err := d.alone(func() error {
		kept, _, err := d.kept()
		if err != nil {
			return err
		}
		if kept != nil {
			acts = kept
		}
		return write(d.acts(), how(slices.Clone(acts)))
	})
	return how(acts), err
}

// Sweep removes what a run left half written that was killed.
func (d Dir) Sweep() error {
	if d.path == "" {
		return nil
	}
	for _, path := range []string{regular.Unfinished(d.acts()), regular.Unfinished(d.rescue())} {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err := d.alone(func() error { return os.Remove(path) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what was left half written: %w", err)
		}
	}
	return nil
}
