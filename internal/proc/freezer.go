package proc

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
)

// Frozen says whether a cgroup of a process is frozen, or is just being frozen:
// by the freezer controller of cgroup v1, or in v2. The state of the process
// does not tell: it is D in a frozen v1 cgroup, and S as before in a v2 one.
// Threads that were put into other cgroups than the process are not looked at.
//
// It is not known where the process has gone, or where a hierarchy that could
// freeze it can not be read. Frozen is always known.
func (f FS) Frozen(pid int) (frozen, known bool) {
	proc, err := f.livingPath(pid)
	if err != nil {
		return false, false
	}
	c, err := readCgroups(filepath.Join(proc, "cgroup"))
	if err != nil {
		return false, false
	}
	known = true
	if path, ok := c.V1["freezer"]; ok {
		frozen, ok := frozenV1(f.cgroupDirs(proc, "freezer", path))
		if frozen {
			return true, true
		}
		known = known && ok
	}
	if c.V2 != "" {
		frozen, ok := frozenV2(f.cgroupDirs(proc, "", c.V2))
		if frozen {
			return true, true
		}
		known = known && ok
	}
	return false, known
}

// frozenV1 reads freezer.state. A cgroup takes on the state of its parent
// (kernel/cgroup/legacy_freezer.c), so that of the innermost is enough. The
// root cannot be frozen and has no such file.
func frozenV1(dirs []string) (frozen, known bool) {
	if len(dirs) == 0 {
		return false, false
	}
	b, err := readCgroupFile(dirs[0], "freezer.state")
	if err != nil {
		return false, errors.Is(err, fs.ErrNotExist)
	}
	switch string(bytes.TrimSpace(b)) {
	case "FROZEN", "FREEZING":
		return true, true
	case "THAWED":
		return false, true
	}
	return false, false
}

// frozenV2 reads cgroup.events, where the innermost cgroup says "frozen 1" of
// its parents' freeze too, but not before every task in it has frozen. One that
// cannot (in state D) keeps it at 0 while all others stand still, so
// cgroup.freeze, which was written by who wanted it, counts as well. The root
// has neither file, and Linux before 5.2 no freeze.
func frozenV2(dirs []string) (frozen, known bool) {
	if len(dirs) == 0 {
		return false, false
	}
	known = true
	for i, dir := range dirs {
		if i == 0 {
			b, err := readCgroupFile(dir, "cgroup.events")
			if value, _ := keyedValue(b, "frozen"); value == "1" {
				return true, true
			}
			known = err == nil || errors.Is(err, fs.ErrNotExist)
		}
		b, err := readCgroupFile(dir, "cgroup.freeze")
		if string(bytes.TrimSpace(b)) == "1" {
			return true, true
		}
		known = known && (err == nil || errors.Is(err, fs.ErrNotExist))
	}
	return false, known
}
