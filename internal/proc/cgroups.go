package proc

import (
	"bytes"
	"errors"
	"fmt"
)

// Cgroups are the control groups of a process: of its leader, as threads may be
// moved into others alone. Paths are as this process sees them: "/../x" lies
// outside of its own cgroup namespace.
type Cgroups struct {
	V2 string            // path in the unified hierarchy, "" where there is none
	V1 map[string]string // path by controller; by "name=systemd" and the like where a hierarchy has none
}

// OwnCgroups are those of this process.
func (f FS) OwnCgroups() (Cgroups, error) { return readCgroups(f.path("self", "cgroup")) }

func readCgroups(path string) (Cgroups, error) {
	b, err := readFile(path)
	if err != nil {
		return Cgroups{}, err
	}
	c, err := parseCgroups(b)
	if err != nil {
		return Cgroups{}, fmt.Errorf("parse %s: %w", path, err)
	}
	return c, nil
}

// parseCgroups parses lines of cgroups(7), one for each hierarchy:
//
//	4:cpu,cpuacct:/docker/…
//	1:name=systemd:/docker/…
//	0::/docker/…
//
// A path may hold colons, but no newline: the kernel allows none in a name.
func parseCgroups(b []byte) (Cgroups, error) {
	var c Cgroups
	for line := range bytes.Lines(b) {
		fields := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte(":"), 3)
		if len(fields) < 3 || !bytes.HasPrefix(fields[2], []byte("/")) {
			return Cgroups{}, fmt.Errorf("line %q is not ID:CONTROLLERS:/PATH", line)
		}
		path := string(fields[2])
		if len(fields[1]) == 0 {
			c.V2 = path
			continue
		}
		if c.V1 == nil {
			c.V1 = map[string]string{}
		}
		for controller := range bytes.SplitSeq(fields[1], []byte(",")) {
			c.V1[string(controller)] = path
		}
	}
	if c.V2 == "" && c.V1 == nil {
		return Cgroups{}, errors.New("no line")
	}
	return c, nil
}
