package listener

import (
	"net/netip"
	"time"
)

// Client is one connection in an accept queue.
type Client struct {
	Remote netip.AddrPort
	Waited time.Duration // since it was established
	// Unread is how many bytes it sent that nobody read; unknown of MPTCP.
	Unread Maybe[uint32]
	Gone   Gone
}

// Gone is how a client left while it waited.
type Gone string

// NotGone: as far as the kernel knows. One that lost its network says nothing, and
// an MPTCP client that closed in order still has its subflow open.
const (
	NotGone Gone = ""
	GoneFIN Gone = "fin" // it may still read an answer
	GoneRST Gone = "rst"
)

// Clients are the connections in one accept queue at one moment.
type Clients struct {
	Oldest []Client // from the head on; not all of a long queue
	Total  int
	Gone   int // of Total
}
