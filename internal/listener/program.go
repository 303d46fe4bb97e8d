package listener

import (
	"path"
	"strings"
)

// Program gives the name of the executable that a process runs, also when that was replaced;
// "" if it is not known.
func (h *Holder) Program() string {
	if h.Exe == "" {
		return ""
	}
	return path.Base(h.Path())
}

// Path gives the path of the executable, also when the file was replaced.
func (h *Holder) Path() string { return strings.TrimSuffix(h.Exe, replaced) }

// Replaced says that the file that it runs was removed or replaced.
func (h *Holder) Replaced() bool { return strings.HasSuffix(h.Exe, replaced) }

// replaced is what the kernel appends to an executable that is no longer there.
const replaced = " (deleted)"

// OfUser says that a user other than root runs it, or owns the user namespace it lives in.
func (o *Owner) OfUser() bool { return o.UID != 0 || o.Guest.Or(0) != 0 }
