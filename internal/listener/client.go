package listener

import (
	"net/netip"
	"time"
)

// Client is one connection in an accept queue.
type Client struct {
	Remote netip.AddrPort
	Waited time.Duration // how long ago it was established
	// Unread is how many bytes it has sent that nobody has read; unknown for MPTCP.
	Unread Maybe[uint32]
	Gone   Gone
}

// Gone is how a client left while it waited.
type Gone string

// NotGone means as far as the kernel knows: a client that lost its network sends nothing,
// and an MPTCP client that closed in order still has its subflow open.
const (
	NotGone Gone = ""
	GoneFIN Gone = "fin" // it may still read an answer
	GoneRST Gone = "rst"
)

// Clients are the connections in one accept queue at one moment.
type Clients struct {
	Oldest []Client // from the head on; not all of a long queue
	Total  int
	Gone   int // how many of Total have gone
}
