package report

import (
	"cmp"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

type jsonContainer struct {
	Runtime   listener.Maybe[string] `json:"runtime"`
	ID        string                 `json:"id"`
	PodUID    listener.Maybe[string] `json:"pod_uid"`
	Pod       listener.Maybe[string] `json:"pod"`
	Namespace listener.Maybe[string] `json:"namespace"`
	Name      listener.Maybe[string] `json:"name"`
	Image     listener.Maybe[string] `json:"image"`
}

func containerJSON(c *listener.Container) *jsonContainer {
	if c == nil {
		return nil
	}
	return &jsonContainer{
		maybeText(c.Runtime), c.ID, maybeText(c.PodUID), maybeText(c.Pod), maybeText(c.Namespace),
		maybeText(c.Name), maybeText(c.Image),
	}
}

func (c *jsonContainer) container() *listener.Container {
	if c == nil {
		return nil
	}
	return &listener.Container{
		Runtime: c.Runtime.Or(""), ID: c.ID, PodUID: c.PodUID.Or(""), Pod: c.Pod.Or(""),
		Namespace: c.Namespace.Or(""), Name: c.Name.Or(""), Image: c.Image.Or(""),
	}
}

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

// inContainer says for a sentence what an owner runs in, "" for none.
func inContainer(c *listener.Container) string {
	switch {
	case c == nil:
		return ""
	case c.Pod == "":
		return "container " + ContainerName(c)
	}
	return "pod " + text.Printable(c.Namespace+"/"+c.Pod) + " container " + text.Printable(cmp.Or(c.Name, shortID(c.ID)))
}

// containerField tells all that is known of it.
func containerField(c *listener.Container) string {
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
