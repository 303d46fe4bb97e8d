package listener

// Place is how far members of a group may live from one another and still be siblings.
type Place string

// The places.
const (
	WithinContainer Place = "container" // the same one, or both on the host
	WithinPod       Place = "pod"       // the same, or the same pod
	Anywhere        Place = "any"
)
