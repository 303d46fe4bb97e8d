package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// status is what we use of /proc/PID/status, see proc_pid_status(5).
type status struct {
	uid       uint32 // effective
	nsPID     int    // innermost; 0 where the kernel shows no NSpid line
	tracerPID int    // 0: nobody traces
}

func (f FS) status(pid int) (status, error) {
	path := f.pidPath(pid, "status")
	b, err := readFile(path)
	if err != nil {
		return status{}, err
	}
	st, err := parseStatus(b)
	if err != nil {
		return status{}, fmt.Errorf("parse %s: %w", path, err)
	}
	return st, nil
}

// parseStatus parses "Key:\tvalues" lines. The kernel escapes newlines in the
// Name: line (unlike in stat), so a name cannot pretend to be another line.
func parseStatus(b []byte) (status, error) {
	var st status
	haveUID := false
	for line := range bytes.Lines(b) {
		key, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		values := bytes.Fields(rest)
		switch string(key) {
		case "Uid": // real, effective, saved, file system
			if len(values) < 2 {
				return status{}, fmt.Errorf("line Uid: %d values, want 4", len(values))
			}
			uid, err := strconv.ParseUint(string(values[1]), 10, 32)
			if err != nil {
				return status{}, fmt.Errorf("line Uid: %w", err)
			}
			st.uid, haveUID = uint32(uid), true
		case "NSpid": // one per pid namespace, the innermost last
			if len(values) == 0 {
				continue
			}
			pid, err := strconv.Atoi(string(values[len(values)-1]))
			if err != nil {
				return status{}, fmt.Errorf("line NSpid: %w", err)
			}
			st.nsPID = pid
		case "TracerPid":
			pid, err := strconv.Atoi(string(bytes.TrimSpace(rest)))
			if err != nil {
				return status{}, fmt.Errorf("line TracerPid: %w", err)
			}
			st.tracerPID = pid
		}
	}
	if !haveUID {
		// An empty uid would read as root.
		return status{}, errors.New("no Uid line")
	}
	return st, nil
}
