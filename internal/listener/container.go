package listener

import (
	"path"
	"slices"
	"strings"
)

// Container is what a process runs in. Runtime, ID and PodUID follow from its
// cgroups; the names come from whoever started it, later or never. "" is not known.
type Container struct {
	Runtime   string // docker, containerd, cri-o, podman, ecs, lxc or systemd-nspawn
	ID        string
	PodUID    string
	Pod       string
	Namespace string
	Name      string // within its pod
	Image     string
}

// Containers choose owners by what they run in: any value of a kind, every kind
// that has values. The zero value matches all, also what runs in none.
type Containers struct {
	IDs        []string // how the id begins
	Pods       []string // shell patterns of the name
	Namespaces []string
}

// IsZero says that it matches everything.
func (c *Containers) IsZero() bool { return len(c.IDs)+len(c.Pods)+len(c.Namespaces) == 0 }

// Match says whether it chooses what runs in in, nil for none.
func (c *Containers) Match(in *Container) bool {
	if c.IsZero() || in == nil {
		return c.IsZero()
	}
	begins := func(prefix string) bool { return in.ID != "" && strings.HasPrefix(in.ID, prefix) }
	named := func(pattern string) bool {
		ok, _ := path.Match(pattern, in.Pod)
		return in.Pod != "" && ok
	}
	return (len(c.IDs) == 0 || slices.ContainsFunc(c.IDs, begins)) &&
		(len(c.Pods) == 0 || slices.ContainsFunc(c.Pods, named)) &&
		oneOf(c.Namespaces, in.Namespace)
}

// ContainerID is that of its container, "" for none.
func (o *Owner) ContainerID() string {
	if o.Container == nil {
		return ""
	}
	return o.Container.ID
}
