package container

import (
	"os"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// DefaultLogs is where the kubelet keeps its links.
const DefaultLogs = "/var/log/containers"

// readLinks gives the containers that a folder has links for, by id; none where
// it cannot be read, as on a host without Kubernetes.
func readLinks(dir string) map[string]listener.Container {
	if dir == "" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1) // what was read until an error
	found := make(map[string]listener.Container, len(names))
	for _, name := range names {
		if c, ok := parseLink(name); ok {
			found[c.ID] = c
		}
	}
	return found
}

// parseLink reads POD_NAMESPACE_CONTAINER-ID.log. Names of Kubernetes hold no _.
func parseLink(name string) (listener.Container, bool) {
	rest, ok := strings.CutSuffix(name, ".log")
	if !ok || len(rest) <= idLen {
		return listener.Container{}, false
	}
	names, id := rest[:len(rest)-idLen], rest[len(rest)-idLen:]
	names, ok = strings.CutSuffix(names, "-")
	parts := strings.Split(names, "_")
	if !ok || !isHex(id, idLen) || len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return listener.Container{}, false
	}
	return listener.Container{ID: id, Pod: parts[0], Namespace: parts[1], Name: parts[2]}, true
}
