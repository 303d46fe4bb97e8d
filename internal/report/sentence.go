package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// Sentence says for a tired operator who is stuck, why, and who suffers.
func Sentence(j *listener.Judgement) string {
	var b strings.Builder
	o, known := j.CulpritOwner()
	switch {
	case known:
		fmt.Fprintf(&b, "%s pid %d (%s%s, started %s ago by %d) listens on %s but %s",
			proc.Printable(o.Comm), o.PID, userOf(o), after(", in ", inContainer(o.Container)), span(j.At.Sub(o.Started)), o.PPID, j.Local, because(j, o))
	case len(j.Owners) > 1:
		fmt.Fprintf(&b, "%d processes hold the listener on %s, %s pid %d first, and which of them should accept is not known",
			len(j.Owners), j.Local, proc.Printable(j.Owners[0].Comm), j.Owners[0].PID)
	default:
		fmt.Fprintf(&b, "no process holds the listener on %s: it is in flight between two, or the kernel's own", j.Local)
	}
	fmt.Fprintf(&b, ". %s wait", clients(j.Queue))
	if j.Queue == 1 {
		b.WriteString("s")
	}
	if wait, known := j.OldestWait.Get(); known {
		fmt.Fprintf(&b, ", the oldest for %s", span(wait))
	}
	if share, known := j.Share.Get(); known {
		fmt.Fprintf(&b, "; about %.0f %% of new clients land here", 100*share)
	}
	b.WriteString(".")
	return b.String()
}

// because finishes "haproxy listens on :80 but …".
func because(j *listener.Judgement, o *listener.Owner) string {
	where := asleep(o)
	return strings.NewReplacer(
		"{asleep}", where, "{and asleep}", after("; it ", where), "{tracer}", fmt.Sprintf("pid %d%s", o.Tracer, tracerOf(o)),
	).Replace(j.Cause.Row().Sentence)
}

func after(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func tracerOf(o *listener.Owner) string {
	if o.Evidence == nil || o.Evidence.TracerComm == "" {
		return ""
	}
	return " (" + proc.Printable(o.Evidence.TracerComm) + ")"
}

// asleep says where the leader sleeps, in words where the wait channel is a
// common one.
func asleep(o *listener.Owner) string {
	if o.Wchan == "" {
		return ""
	}
	words := []struct{ part, says string }{
		{"wait_for_partner", "is blocked opening a FIFO"},
		{"pipe_write", "is blocked writing to a pipe that nobody reads"},
		{"pipe_read", "is blocked reading a pipe"},
		{"request_wait_answer", "is blocked on a FUSE file system that does not answer"},
		{"futex", "waits for a lock"},
		{"nanosleep", "sleeps"},
		{"pause", "does nothing but wait for a signal"},
		{"wait_woken", "is blocked reading a socket"},
		{"sk_wait_data", "is blocked reading a socket"},
		{"unix_stream", "is blocked reading a socket"},
		{"do_wait", "waits for a child"},
		{"rpc_wait", "is blocked on NFS"},
		{"epoll", "polls something else"},
		{"poll", "polls something else"},
	}
	for _, w := range words {
		if strings.Contains(o.Wchan, w.part) {
			return fmt.Sprintf("%s (%s)", w.says, proc.Printable(o.Wchan))
		}
	}
	return fmt.Sprintf("sleeps in %s", proc.Printable(o.Wchan))
}

func userOf(o *listener.Owner) string {
	if o.User != "" {
		return proc.Printable(o.User)
	}
	return fmt.Sprintf("uid %d", o.UID)
}

func clients(n uint32) string { return plural(int(n), "client") }

func thousands(n uint32) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// span prints a duration with a unit that a person would choose.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	}
}
