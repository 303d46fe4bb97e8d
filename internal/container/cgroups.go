package container

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

const (
	// idLen is the length of the ids that OCI engines give: 256 bits in hexadecimal.
	idLen = 64
	// shortLen is that of the ids of ECS's tasks, and of the UIDs and hashes of pods.
	shortLen = 32
)

// In is the container that a process is in, as its cgroups name it, nil for none. Of
// containers in containers it is the innermost. The ids of LXC and systemd-nspawn
// containers are their names, those of AWS Fargate have their own form, all others are
// 64 lower-case hexadecimal digits. Names of pods and images no path tells.
//
// It is told by names alone, which whoever may make cgroups chooses: fit to
// report and to select by, not to trust.
func In(c proc.Cgroups) *listener.Container {
	found, depth := containerIn(c.V2)
	for _, controller := range slices.Sorted(maps.Keys(c.V1)) {
		if other, at := containerIn(c.V1[controller]); at > depth {
			found, depth = other, at
		}
	}
	if depth == 0 {
		return nil
	}
	return &found
}

// containerIn finds the innermost container in a path, and how deep it lies; 0
// is none.
func containerIn(path string) (_ listener.Container, depth int) {
	segments := strings.Split(strings.TrimSuffix(path, " (deleted)"), "/")
	for i := len(segments) - 1; i > 0; i-- {
		if i+1 < len(segments) && isMonitor(segments[i+1]) {
			continue
		}
		for _, find := range []func(parent, segment string) (runtime, id string){
			hexContainer, fargateContainer, lxcContainer, nspawnContainer,
		} {
			if runtime, id := find(segments[i-1], segments[i]); id != "" {
				return listener.Container{Runtime: runtime, ID: id, PodUID: podIn(segments[:i+1])}, i
			}
		}
	}
	return listener.Container{}, 0
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
	return isHex(plain, shortLen) && (len(s) == shortLen || len(s) == shortLen+4)
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
	cut := len(segment) - idLen
	if cut < 0 {
		return "", ""
	}
	prefix, id := segment[:cut], segment[cut:]
	if prefix != "" && !strings.ContainsAny(prefix[cut-1:], "-_:") {
		return "", ""
	}
	if !isHex(id, idLen) || isMonitor(prefix) {
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
	case prefix == "" && isHex(parent, shortLen):
		return "ecs"
	default:
		return ""
	}
}

// fargateContainer knows /ecs/TASK/TASK-NUMBER, where TASK has 32 digits.
func fargateContainer(parent, segment string) (runtime, id string) {
	number, ok := strings.CutPrefix(segment, parent+"-")
	if !ok || !isHex(parent, shortLen) {
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

// isHex says whether something is so many hexadecimal digits: lower-case ones, for no
// engine writes others.
func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}
