package wire

import "github.com/reusewatch/reusewatch/internal/listener"

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
