package listener

// Moving says how the clients of closing members are moved.
type Moving struct {
	HalfOpen bool // those too whose handshake is under way
}

// Rescued says what became of those who waited on listeners that an act closed.
type Rescued struct {
	Moved    int // connections that a sibling got
	HalfOpen int // handshakes that were not complete, and that a sibling got
	Gone     int // connections whose client had gone: no sibling is to execute what they sent
}
