package journal

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func (d Dir) rescue() string { return filepath.Join(d.path, "rescue.json") }

// Keeps says whether anything outlives a run.
func (d Dir) Keeps() bool { return d.path != "" }

// Keep keeps a setting of the kernel's before an act replaces it.
func (d Dir) Keep(k listener.Kept) error {
	if d.path == "" {
		return errors.New("keep net.ipv4.tcp_migrate_req: there is no state folder to keep it in")
	}
	return d.rekeep(func(all []listener.Kept) []listener.Kept { return append(all, k) })
}

// Forget forgets one that is as it was again.
func (d Dir) Forget(k listener.Kept) error {
	return d.rekeep(func(all []listener.Kept) []listener.Kept {
		return slices.DeleteFunc(all, func(o listener.Kept) bool { return o == k })
	})
}

// rekeep changes which settings are kept.
func (d Dir) rekeep(how func([]listener.Kept) []listener.Kept) error {
	return d.alone(func() error {
		kept, err := d.Kept()
		if err != nil {
			return err
		}
		return writeFile(d.rescue(), how(kept))
	})
}

// Kept are the settings that wait to be restored.
func (d Dir) Kept() ([]listener.Kept, error) {
	if d.path == "" {
		return nil, nil
	}
	return readFile(d.rescue(), parseKept)
}

func parseKept(b []byte) ([]listener.Kept, error) {
	var kept []listener.Kept
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, err
	}
	return kept, nil
}
