package proc

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// containerIDLen is the length of the ids that OCI engines give: 256 bits in
// hexadecimal.
const containerIDLen = 64

// ContainerID is the id of the container that a process is in, as its cgroups
// name it, or "". Of containers in containers it is the innermost. The ids of
// LXC and systemd-nspawn containers are their names, those of AWS Fargate have
// their own form, all others are 64 lower-case hexadecimal digits.
//
// It is told by names alone, which whoever may make cgroups chooses: fit to
// report and to select by, not to trust.
func (c Cgroups) ContainerID() string {
	id, depth := containerIn(c.V2)
	for _, controller := range slices.Sorted(maps.Keys(c.V1)) {
		if other, at := containerIn(c.V1[controller]); at > depth {
			id, depth = other, at
		}
	}
	return id
}

// containerIn finds the innermost container in a path, and how deep it lies; 0
// is none.
func containerIn(path string) (id string, depth int) {
	segments := strings.Split(strings.TrimSuffix(path, " (deleted)"), "/")
	for i := len(segments) - 1; i > 0; i-- {
		if i+1 < len(segments) && isMonitor(segments[i+1]) {
			continue
		}
		for _, find := range []func(parent, segment string) string{hexContainer, fargateContainer, lxcContainer, nspawnContainer} {
			if id := find(segments[i-1], segments[i]); id != "" {
				return id, i
			}
		}
	}
	return "", 0
}

// isMonitor knows the cgroups of those who watch over a container from outside:
// conmon (conmon, libpod-conmon-ID.scope, crio-conmon-ID.scope), and
// systemd-nspawn, which lives beside its "payload".
func isMonitor(segment string) bool {
	return segment == "supervisor" || strings.Contains(segment, "conmon")
}

// hexContainer knows the segments of Docker, containerd, CRI-O, Podman, ECS and
// Kubernetes with either of its cgroup drivers:
//
//	ID  crio-ID  libpod-payload-ID            cgroupfs
//	docker-ID.scope  cri-containerd-ID.scope  systemd
//	kubepods-….slice:cri-containerd:ID        systemd's form given to runc without its systemd driver
//
// Podman's health check runs outside of the container that its cgroup is named
// after (ID.service).
func hexContainer(_, segment string) string {
	segment = strings.TrimSuffix(segment, ".scope")
	cut := len(segment) - containerIDLen
	if cut < 0 {
		return ""
	}
	prefix, id := segment[:cut], segment[cut:]
	if prefix != "" && !strings.ContainsAny(prefix[cut-1:], "-_:") {
		return ""
	}
	if !isHex(id) || isMonitor(prefix) {
		return ""
	}
	return id
}

// fargateContainer knows /ecs/TASK/TASK-NUMBER, where TASK has 32 digits.
func fargateContainer(parent, segment string) string {
	number, ok := strings.CutPrefix(segment, parent+"-")
	if !ok || len(parent) != 32 || !isHex(parent) {
		return ""
	}
	if _, err := strconv.ParseUint(number, 10, 64); err != nil {
		return ""
	}
	return segment
}

// lxcContainer knows /lxc.payload.NAME and the older /lxc/NAME. LXC's monitor
// lives in lxc.monitor.NAME.
func lxcContainer(parent, segment string) string {
	if parent == "lxc" || parent == "lxc.payload" {
		return segment
	}
	name, _ := strings.CutPrefix(segment, "lxc.payload.")
	if name == segment {
		return ""
	}
	return name
}

// nspawnContainer knows systemd-nspawn@NAME.service, and machine-NAME.scope,
// which virtual machines have too.
func nspawnContainer(_, segment string) string {
	name, ok := strings.CutPrefix(segment, "systemd-nspawn@")
	if ok {
		name, ok = strings.CutSuffix(name, ".service")
	} else if name, ok = strings.CutPrefix(segment, "machine-"); ok {
		name, ok = strings.CutSuffix(name, ".scope")
	}
	if !ok {
		return ""
	}
	name = unescapeUnit(name)
	if strings.HasPrefix(name, "qemu-") {
		return ""
	}
	return name
}

// unescapeUnit undoes the \xNN of systemd-escape(1).
func unescapeUnit(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\x`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = after
		if len(s) >= 2 {
			if n, err := strconv.ParseUint(s[:2], 16, 8); err == nil {
				b.WriteByte(byte(n))
				s = s[2:]
				continue
			}
		}
		b.WriteString(`\x`)
	}
}

// isHex knows lower-case digits only: no engine writes others.
func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}
