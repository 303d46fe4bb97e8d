package journal

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// remembered is how long an act counts: longer than any sensible budget's period.
const remembered = 24 * time.Hour

func (d Dir) acts() string { return filepath.Join(d.path, "acts.json") }

// Acts are the acts that were begun lately, by earlier runs too. One of the future was begun
// before the clock was set back: it counts as begun now.
func (d Dir) Acts() ([]listener.PastAct, error) {
	if d.path == "" {
		return nil, nil
	}
	acts, ahead, err := d.counted()
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
		acts = slices.DeleteFunc(acts, func(a listener.PastAct) bool { return act.At.Sub(a.At) >= remembered })
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

// counted are the acts in the folder, and whether some are of the future.
func (d Dir) counted() (acts []listener.PastAct, ahead bool, err error) {
	if acts, err = readFile(d.acts(), parseActs); err != nil {
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
		kept, _, err := d.counted()
		if err != nil {
			return err
		}
		if kept != nil {
			acts = kept
		}
		return writeFile(d.acts(), how(slices.Clone(acts)))
	})
	return how(acts), err
}
