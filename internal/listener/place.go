package listener

// Place is how far members of a group may live from one another and still be siblings.
type Place string

// The places.
const (
	WithinContainer Place = "container" // in the same container, or both on the host
	WithinPod       Place = "pod"       // in the same container or the same pod
	Anywhere        Place = "any"
)
