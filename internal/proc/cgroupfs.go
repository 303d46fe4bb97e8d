package proc

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxCgroupFile bounds what is read of a file in a cgroup, in bytes.
const maxCgroupFile = 64 << 10

// cgroupMount is a mounted cgroup hierarchy, or a part of one.
type cgroupMount struct {
	v2      bool
	options []string // of the file system; of v1, its controllers are among them
	root    string   // the cgroup that path is, in the terms of /proc/PID/cgroup
	path    string   // any bytes
}

// has says whether m is of the hierarchy with a controller; "" means v2.
func (m cgroupMount) has(controller string) bool {
	if controller == "" {
		return m.v2
	}
	return !m.v2 && slices.Contains(m.options, controller)
}

// cgroupDirs finds where cgroup, a path of /proc/PID/cgroup, is mounted. It
// returns its directory and those of all its parents that the mount shows, the
// innermost first, or nil when it cannot be reached.
//
// Our own mounts come first. An agent in a cgroup namespace of its own cannot
// tell where in them a cgroup lies that it shares a parent with
// ("/../../pod1/c1" below a mount of "/../../../.."). But the process itself,
// whose directory in /proc is proc, has it mounted as a rule: then its mounts,
// through its root, show it, and no parent.
func (f FS) cgroupDirs(proc, controller, cgroup string) []string {
	for _, from := range []struct{ mountinfo, root string }{
		{f.path("self", "mountinfo"), ""},
		{filepath.Join(proc, "mountinfo"), filepath.Join(proc, "root")},
	} {
		b, err := readFile(from.mountinfo)
		if err != nil {
			continue
		}
		for _, m := range parseCgroupMounts(b) {
			if !m.has(controller) {
				continue
			}
			below, ok := cgroupBelow(m.root, cgroup)
			if !ok {
				continue
			}
			top := from.root + m.path
			if _, err := os.Lstat(filepath.Join(top, below, "cgroup.procs")); err != nil {
				continue // covered, closed to us, or the cgroup has been removed
			}
			return upTo(top, below)
		}
	}
	return nil
}

// upTo lists top/below and its parents, the last of them top.
func upTo(top, below string) []string {
	dirs := []string{filepath.Join(top, below)}
	for below != "" && below != "/" {
		below = filepath.Dir(below)
		dirs = append(dirs, filepath.Join(top, below))
	}
	return dirs
}

// cgroupBelow is the path of cgroup below root, both as a cgroup namespace
// shows them. It is not ok when cgroup does not lie there, or when that cannot
// be told: "/.." and further up have no names.
func cgroupBelow(root, cgroup string) (below string, ok bool) {
	if root == "/" {
		root = ""
	}
	below, ok = strings.CutPrefix(cgroup, root)
	if !ok || below != "" && below[0] != '/' || below == "/.." || strings.HasPrefix(below, "/../") {
		return "", false
	}
	return below, true
}

// parseCgroupMounts finds the cgroup hierarchies in a mountinfo file, see
// [parseNetnsMounts]. What a later mount covers is left out.
//
//	33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
//	41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
func parseCgroupMounts(b []byte) []cgroupMount {
	var mounts []cgroupMount
	for line := range bytes.Lines(b) {
		left, right, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), " - ")
		if !ok {
			continue
		}
		mount, fs := strings.Split(left, " "), strings.Split(right, " ")
		if len(mount) < 5 || len(fs) < 3 {
			continue
		}
		m := cgroupMount{
			v2:      fs[0] == "cgroup2",
			options: strings.Split(fs[2], ","),
			root:    unescapeMount(mount[3]),
			path:    unescapeMount(mount[4]),
		}
		mounts = slices.DeleteFunc(mounts, func(old cgroupMount) bool {
			return old.path == m.path || strings.HasPrefix(old.path, strings.TrimSuffix(m.path, "/")+"/")
		})
		if m.v2 || fs[0] == "cgroup" {
			mounts = append(mounts, m)
		}
	}
	return mounts
}

// readCgroupFile reads a file of a cgroup, and nothing else: the root of a
// process is its own, and must not have us open what blocks.
func readCgroupFile(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, ioError("read", path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, ioError("stat", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxCgroupFile))
	if err != nil {
		return nil, ioError("read", path, err)
	}
	return b, nil
}

// keyedValue finds a value in a file of "KEY VALUE" lines.
func keyedValue(b []byte, key string) (value string, ok bool) {
	for line := range bytes.Lines(b) {
		k, v, _ := bytes.Cut(line, []byte(" "))
		if string(k) == key {
			return string(bytes.TrimSpace(v)), true
		}
	}
	return "", false
}
