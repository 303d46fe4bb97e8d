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

// Container is what the cgroups of a process say of the container that it is in.
type Container struct {
	Runtime string // docker, containerd, cri-o, podman, ecs, lxc or systemd-nspawn; "" where no path tells
	ID      string
	PodUID  string // of the Kubernetes pod, "" for none
}

// Container is the container that a process is in, as its cgroups name it; the
// zero value is none. Of containers in containers it is the innermost. The ids
// of LXC and systemd-nspawn containers are their names, those of AWS Fargate have
// their own form, all others are 64 lower-case hexadecimal digits.
//
// It is told by names alone, which whoever may make cgroups chooses: fit to
// report and to select by, not to trust.
func (c Cgroups) Container() Container {
	found, depth := containerIn(c.V2)
	for _, controller := range slices.Sorted(maps.Keys(c.V1)) {
		if other, at := containerIn(c.V1[controller]); at > depth {
			found, depth = other, at
		}
	}
	return found
}

// containerIn finds the innermost container in a path, and how deep it lies; 0
// is none.
func containerIn(path string) (_ Container, depth int) {
	segments := strings.Split(strings.TrimSuffix(path, " (deleted)"), "/")
	for i := len(segments) - 1; i > 0; i-- {
		if i+1 < len(segments) && isMonitor(segments[i+1]) {
			continue
		}
		for _, find := range []func(parent, segment string) (runtime, id string){
			hexContainer, fargateContainer, lxcContainer, nspawnContainer,
		} {
			if runtime, id := find(segments[i-1], segments[i]); id != "" {
				return Container{Runtime: runtime, ID: id, PodUID: podIn(segments[:i+1])}, i
			}
		}
	}
	return Container{}, 0
}

// podIn finds the UID of the innermost pod above a container, the last segment:
//
//	podUID                        cgroupfs
//	kubepods-burstable-podUID.slice  systemd, which has _ for each -
//
// A pod in which a container runs containers of its own is theirs too.
func podIn(segments []string) string {
	for _, segment := range slices.Backward(segments) {
		if uid, ok := strings.CutPrefix(segment, "pod"); ok && isPodUID(uid) {
			return uid
		}
		slice, _, ok := strings.Cut(segment, ".slice")
		if !ok || !strings.Contains(slice, "kubepods") {
			continue
		}
		if _, uid, ok := strings.Cut(slice, "-pod"); ok {
			if uid = strings.ReplaceAll(uid, "_", "-"); isPodUID(uid) {
				return uid
			}
		}
	}
	return ""
}

// isPodUID knows UUIDs, and the hash that a static pod has instead.
func isPodUID(s string) bool {
	plain := strings.ReplaceAll(s, "-", "")
	return len(plain) == 32 && isHex(plain) && (len(s) == 32 || len(s) == 36)
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
func hexContainer(parent, segment string) (runtime, id string) {
	segment = strings.TrimSuffix(segment, ".scope")
	cut := len(segment) - containerIDLen
	if cut < 0 {
		return "", ""
	}
	prefix, id := segment[:cut], segment[cut:]
	if prefix != "" && !strings.ContainsAny(prefix[cut-1:], "-_:") {
		return "", ""
	}
	if !isHex(id) || isMonitor(prefix) {
		return "", ""
	}
	return engine(parent, prefix), id
}

// engine names who made a container by how its segment begins, or, where that is
// an id alone, by the segment above.
func engine(parent, prefix string) string {
	switch {
	case strings.Contains(prefix, "containerd"), strings.Contains(prefix, "nerdctl"):
		return "containerd"
	case strings.Contains(prefix, "crio"):
		return "cri-o"
	case strings.Contains(prefix, "libpod"):
		return "podman"
	case strings.Contains(prefix, "docker"), prefix == "" && parent == "docker":
		return "docker"
	case prefix == "" && len(parent) == 32 && isHex(parent):
		return "ecs"
	default:
		return ""
	}
}

// fargateContainer knows /ecs/TASK/TASK-NUMBER, where TASK has 32 digits.
func fargateContainer(parent, segment string) (runtime, id string) {
	number, ok := strings.CutPrefix(segment, parent+"-")
	if !ok || len(parent) != 32 || !isHex(parent) {
		return "", ""
	}
	if _, err := strconv.ParseUint(number, 10, 64); err != nil {
		return "", ""
	}
	return "ecs", segment
}

// lxcContainer knows /lxc.payload.NAME and the older /lxc/NAME. LXC's monitor
// lives in lxc.monitor.NAME.
func lxcContainer(parent, segment string) (runtime, id string) {
	if parent == "lxc" || parent == "lxc.payload" {
		return "lxc", segment
	}
	name, ok := strings.CutPrefix(segment, "lxc.payload.")
	if !ok {
		return "", ""
	}
	return "lxc", name
}

// nspawnContainer knows systemd-nspawn@NAME.service, and machine-NAME.scope,
// which virtual machines have too.
func nspawnContainer(_, segment string) (runtime, id string) {
	name, ok := strings.CutPrefix(segment, "systemd-nspawn@")
	if ok {
		name, ok = strings.CutSuffix(name, ".service")
	} else if name, ok = strings.CutPrefix(segment, "machine-"); ok {
		name, ok = strings.CutSuffix(name, ".scope")
	}
	if !ok {
		return "", ""
	}
	name = unescapeUnit(name)
	if strings.HasPrefix(name, "qemu-") {
		return "", ""
	}
	// machinectl gives LXC's, which libvirt starts, a name with their number.
	if strings.HasPrefix(name, "lxc-") {
		return "lxc", name
	}
	return "systemd-nspawn", name
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
