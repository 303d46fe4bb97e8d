// Package sentence says in a sentence of plain English what is known of a listener: why it is
// stuck, what its processes wait for, which generation it is of. JSON and prose both carry these.
package sentence

import (
	"cmp"
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// Stuck says for a tired operator who is stuck, why, and who suffers.
func Stuck(j *listener.Judgement) string {
	var b strings.Builder
	o, known := j.CulpritOwner()
	switch {
	case known:
		fmt.Fprintf(&b, "%s pid %d (%s%s%s) listens on %s but %s",
			text.Printable(o.Comm), o.PID, User(o), text.After(", in ", InContainer(o.Container)), startedWords(j, o), j.Local, because(j, o))
	case len(j.Owners) > 1:
		fmt.Fprintf(&b, "%d processes hold the listener on %s, %s pid %d first, and which of them should accept is not known",
			len(j.Owners), j.Local, text.Printable(j.Owners[0].Comm), j.Owners[0].PID)
	case len(j.Owners) == 1:
		fmt.Fprintf(&b, "%s pid %d holds the listener on %s, and whether it should accept is not known",
			text.Printable(j.Owners[0].Comm), j.Owners[0].PID, j.Local)
	case !j.OwnersKnown:
		fmt.Fprintf(&b, "who holds the listener on %s is not known", j.Local)
	default:
		fmt.Fprintf(&b, "no process has a descriptor of the listener on %s: %s", j.Local, NoDescriptor)
	}
	fmt.Fprintf(&b, ". %s wait", text.Plural(int(j.Queue), "client"))
	if j.Queue == 1 {
		b.WriteString("s")
	}
	if wait, known := j.OldestWait.Get(); known {
		fmt.Fprintf(&b, ", the oldest for %s", text.Span(wait))
	}
	if share, known := j.Share.Get(); known {
		fmt.Fprintf(&b, "; about %.0f %% of new clients land here", 100*share)
	}
	b.WriteString(".")
	return b.String()
}

// NoDescriptor is what a listener without a holder may be: they look alike.
const NoDescriptor = "it may be on its way between two in a message, a fixed file of an io_uring, or the kernel's own"

func startedWords(j *listener.Judgement, o *listener.Owner) string {
	if o.Started.IsZero() {
		return ""
	}
	return fmt.Sprintf(", started %s ago by %d", text.Span(j.At.Sub(o.Started)), o.PPID)
}

// because finishes "haproxy listens on :80 but …".
func because(j *listener.Judgement, o *listener.Owner) string {
	cause := j.Cause
	if cause == listener.CauseNeverPolled && !provenNever(j) {
		cause = listener.CauseNotPolling // "never" says more than is known
	}
	where := asleep(o)
	return strings.NewReplacer(
		"{asleep}", cmp.Or(where, "sleeps in the kernel"), "{and asleep}", text.After("; it ", where),
		"{tracer}", fmt.Sprintf("pid %d%s", o.Tracer, Tracer(o)),
		"{window}", window(j), "{errno}", refusedWith(o), "{peer}", peerWords(o), "{lock}", lockWords(o),
	).Replace(cause.Row().Sentence)
}

// provenNever says that nobody ever waited on it or accepted from it, as far as that can
// be seen: it was counted since a listen() that was seen.
func provenNever(j *listener.Judgement) bool {
	born, seen := j.ListenedAt.Get()
	since, counted := j.CountedSince.Get()
	n, known := j.Accepted.Get()
	return j.Class == listener.NeverServed ||
		seen && counted && !since.After(born) && known && n == 0 && !j.LastAccept.IsKnown() && !j.SeenWaiting
}

// atBirth is how soon after its listen() a window begins that leaves out nothing: the
// looks at its waiters begin with its first client.
const atBirth = 2 * time.Second

// window says since when nobody waits for its clients, as far as was looked.
func window(j *listener.Judgement) string {
	observed := text.Precise(j.Window.Observed)
	switch born, seen := j.ListenedAt.Get(); {
	case j.SeenWaiting || j.Accepted.Or(0) > 0 || j.LastAccept.IsKnown():
		return "for " + observed // reusewatch has looked for longer, and saw that it did
	case seen && (provenNever(j) || j.Window.Since.Sub(born) <= atBirth):
		return fmt.Sprintf("since its listen(), %s ago", text.Precise(j.At.Sub(born)))
	default:
		return "since reusewatch looks, " + observed
	}
}

// refusedWith names the error of its accept(), "" where that is not known.
func refusedWith(o *listener.Owner) string {
	if o.Evidence == nil {
		return ""
	}
	errno := o.Evidence.Life.Or(listener.Life{}).Refused.Errno
	if errno == 0 {
		return ""
	}
	if name := unix.ErrnoName(syscall.Errno(errno)); name != "" {
		return fmt.Sprintf(" (%s)", name)
	}
	return fmt.Sprintf(" (errno %d)", errno)
}

// Tracer names who traces a process, in brackets; "" where that is not known.
func Tracer(o *listener.Owner) string {
	if o.Evidence == nil || o.Evidence.TracerComm == "" {
		return ""
	}
	return " (" + text.Printable(o.Evidence.TracerComm) + ")"
}

// asleep says where the leader sleeps, in words where the name of the wait channel
// leaves no doubt of them. wait_woken does: sockets, terminals and inotify share it.
func asleep(o *listener.Owner) string {
	if o.Wchan == "" {
		return ""
	}
	words := []struct{ part, says string }{
		{"wait_for_partner", "is blocked opening a FIFO"},
		{"pipe_write", "is blocked writing to a full pipe"},
		{"pipe_read", "is blocked reading an empty pipe"},
		{"request_wait_answer", "waits for an answer of a FUSE file system"},
		{"lock_inode_wait", "waits for a lock on a file"},
		{"futex", "waits on a futex"},
		{"nanosleep", "sleeps for a time"},
		{"sigtimedwait", "waits for a signal"},
		{"pause", "waits for a signal"},
		{"sk_wait_data", "is blocked reading a socket"},
		{"unix_stream", "is blocked on a unix socket"},
		{"rpc_wait", "waits for an answer by RPC, as of NFS"},
		{"do_select", "polls"},
		{"poll", "polls"},
	}
	for _, w := range words {
		if strings.Contains(o.Wchan, w.part) {
			return fmt.Sprintf("%s (%s)", w.says, text.Printable(o.Wchan))
		}
	}
	if o.Wchan == "do_wait" { // others end so
		return "waits for a child (do_wait)"
	}
	return fmt.Sprintf("sleeps in %s", text.Printable(o.Wchan))
}

// User names whose process it is.
func User(o *listener.Owner) string {
	if o.User != "" {
		return text.Printable(o.User)
	}
	return fmt.Sprintf("uid %d", o.UID)
}
