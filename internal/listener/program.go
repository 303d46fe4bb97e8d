package listener

import (
	"path"
	"strings"
)

// Program is the name of what a process runs: that of its executable, also when
// that was replaced; "" when it may not be known.
func (h *Holder) Program() string {
	if h.Exe == "" {
		return ""
	}
	return path.Base(h.Path())
}

// Path of what a process runs, also when the file was replaced.
func (h *Holder) Path() string { return strings.TrimSuffix(h.Exe, replaced) }

// Replaced says that the file it runs is no longer there, or is another by now.
func (h *Holder) Replaced() bool { return strings.HasSuffix(h.Exe, replaced) }

// replaced is what the kernel appends to an executable that is no longer there.
const replaced = " (deleted)"

// OfUser says that a user other than root runs it, or it lives in a user namespace of one.
func (o *Owner) OfUser() bool { return o.UID != 0 || o.Guest.Or(0) != 0 }
