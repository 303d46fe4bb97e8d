package listener

// Moving says how the clients of closing members are moved.
type Moving struct {
	HalfOpen bool  // also those whose handshake is under way
	Heirs    []int // descriptors of the members that get them, while one of these is left
	Only     bool  // no other member ever gets one, for there are strangers in the group
}

// Rescued says what became of the clients that waited on listeners which an act closed.
type Rescued struct {
	Moved    int // connections that a sibling got
	HalfOpen int // handshakes under way that a sibling got
	Gone     int // connections whose client had gone, so that no sibling got them
}
