package listener

import (
	"path"
	"slices"
	"strings"
)

// Container is the container that a process runs in. Runtime, ID and PodUID follow from the
// cgroups of the process; the names come from the runtime, later or never. "" is not known.
type Container struct {
	Runtime   string // docker, containerd, cri-o, podman, ecs, lxc or systemd-nspawn
	ID        string
	PodUID    string
	Pod       string
	Namespace string
	Name      string // within its pod
	Image     string
}

// Containers choose owners by the container that they run in: it must have one of the values
// of each kind that has values. The zero value matches all, also owners in no container.
type Containers struct {
	IDs        []string // the beginnings of ids
	Pods       []string // shell patterns of the name
	Namespaces []string
}

// IsZero says that it matches all owners.
func (c *Containers) IsZero() bool { return len(c.IDs)+len(c.Pods)+len(c.Namespaces) == 0 }

// Match says whether it chooses owners in this container, nil for none.
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

// ContainerID gives the id of the container that it runs in, "" for none.
func (o *Owner) ContainerID() string {
	if o.Container == nil {
		return ""
	}
	return o.Container.ID
}
