package listener

import "errors"

// ErrClaimed says that another agent has the right to act in a network namespace.
var ErrClaimed = errors.New("another reusewatch acts there")
