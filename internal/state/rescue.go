package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func (d Dir) rescue() string { return filepath.Join(d.path, "rescue.json") }

// Keep keeps a setting of the kernel's before an act replaces it.
func (d Dir) Keep(k listener.Kept) error {
	if d.path == "" {
		return errors.New("keep net.ipv4.tcp_migrate_req: there is no state folder to keep it in")
	}
	kept, err := d.Kept()
	if err != nil {
		return err
	}
	return d.write(d.rescue(), append(kept, k))
}

// Forget forgets one that is as it was again.
func (d Dir) Forget(k listener.Kept) error {
	kept, err := d.Kept()
	if err != nil {
		return err
	}
	return d.write(d.rescue(), slices.DeleteFunc(kept, func(o listener.Kept) bool { return o == k }))
}

// Kept are the settings that wait to be restored.
func (d Dir) Kept() ([]listener.Kept, error) {
	if d.path == "" {
		return nil, nil
	}
	var kept []listener.Kept
	if err := read(d.rescue(), &kept); err != nil {
		return nil, err
	}
	return kept, nil
}

// read reads a file of the folder; none is nothing.
func read(path string, into any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w; look at it, and remove it to begin anew", path, err)
	}
	return nil
}

// write leaves the old file or the new one, whatever happens meanwhile.
func (d Dir) write(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
