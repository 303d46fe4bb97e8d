package listener

// Moving says how the clients of closing members are moved.
type Moving struct {
	HalfOpen bool  // those too whose handshake is under way
	Heirs    []int // descriptors of the members that get them, as long as one of these is left
	Only     bool  // and nobody else ever does: there are strangers in the group
}

// Rescued says what became of those who waited on listeners that an act closed.
type Rescued struct {
	Moved    int // connections that a sibling got
	HalfOpen int // handshakes that were not complete, and that a sibling got
	Gone     int // connections whose client had gone: no sibling is to execute what they sent
}
