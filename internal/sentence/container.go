package sentence

import (
	"cmp"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// shortID cuts an engine's id as the engines do; other ids are names.
func shortID(id string) string {
	if len(id) == 64 {
		return id[:12]
	}
	return id
}

// ContainerName is what fits a column: NAMESPACE/POD/CONTAINER, or the id.
func ContainerName(c *listener.Container) string {
	switch {
	case c == nil:
		return "-"
	case c.Pod == "":
		return text.Printable(shortID(c.ID))
	}
	return text.Printable(strings.Join([]string{c.Namespace, c.Pod, c.Name}, "/"))
}

// InContainer says for a sentence what an owner runs in, "" for none.
func InContainer(c *listener.Container) string {
	switch {
	case c == nil:
		return ""
	case c.Pod == "":
		return "container " + ContainerName(c)
	}
	return "pod " + text.Printable(c.Namespace+"/"+c.Pod) + " container " + text.Printable(cmp.Or(c.Name, shortID(c.ID)))
}

// Container tells all that is known of it.
func Container(c *listener.Container) string {
	s := text.Printable(shortID(c.ID))
	for _, f := range []struct{ what, value string }{
		{"", c.Runtime}, {"pod ", strings.TrimPrefix(c.Namespace+"/"+c.Pod, "/")}, {"named ", c.Name}, {"image ", c.Image}, {"pod uid ", c.PodUID},
	} {
		if f.value != "" {
			s += ", " + f.what + text.Printable(f.value)
		}
	}
	return s
}
