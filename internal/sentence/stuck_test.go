package sentence

import (
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// TestSentence: what a tired operator reads, for every cause.
func TestSentence(t *testing.T) {
	for cause, want := range map[listener.Cause]string{
		listener.CauseNeverPolled: "never came to accept: it was counted since its listen()",
		listener.CauseNotPolling:  "nobody has waited for its clients for 9 s; it is blocked opening a FIFO",
		listener.CauseIgnores:     "was woken, and goes on sleeping",
		listener.CauseSpinning:    "it spins in its own code",
		listener.CauseBlocked:     "does not accept: it is blocked opening a FIFO (wait_for_partner)",
		listener.CauseStopped:     "is stopped (state T)",
		listener.CauseTraced:      "is being traced by pid 99 (",
		listener.CauseFrozen:      "is frozen by its cgroup",
		listener.CauseStarved:     "gets too little CPU",
		listener.CauseBusy:        "is busy with other work",
		listener.CauseAtLimit:     "as a server does at a limit",
		listener.CauseUnknown:     "why is not known",
		listener.CauseRefused:     "every accept() of it fails (EPERM)",
		listener.CauseOnChild:     "it waits for a child that lives; it is blocked opening",
		listener.CauseOnPeer:      " at the other end of a unix socket; it is blocked opening",
		listener.CauseOnLock:      "it waits for a lock on a file; it is blocked opening",
		listener.CauseInherited:   "did not make the listener: it inherited it",
	} {
		j := listenertest.Full()
		j.Cause = cause
		j.Owners[0].Container.Namespace, j.Owners[0].Container.Pod = "shop", "web-1"
		got := Stuck(&j)
		if !strings.Contains(got, want) || !strings.HasSuffix(got, ".") {
			t.Errorf("%s: %q, want %q", cause, got, want)
		}
		for _, part := range []string{
			"pid 26939 (root, in pod shop/web-1 container proxy, started 3 h 0 min ago by 26924) " +
				"listens on 10.39.1.68:80 but ",
			"3,285 clients wait, the oldest for 2 h 11 min; about 51 % of new clients land here.",
		} {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %q lacks %q", cause, got, part)
			}
		}
	}
	for _, row := range listener.Causes() {
		j := listenertest.Full()
		j.Cause = row.Cause
		if got := because(&j, &j.Owners[0]); got == "" || strings.Contains(got, "{") {
			t.Errorf("%s: %q", row.Cause, got)
		}
	}
	j := listenertest.Full()
	j.Culprit = 0
	if got := Stuck(&j); !strings.HasPrefix(got, "2 processes hold the listener on 10.39.1.68:80, ") {
		t.Errorf("two holders: %q", got)
	}
	j.Owners, j.Queue, j.OldestWait, j.Share = nil, 1, listener.Rarely(3*24*time.Hour), listener.Rare[float64]{}
	const held = "no process has a descriptor of the listener on 10.39.1.68:80: it may be"
	const wait = ". 1 client waits, the oldest for 3 days."
	if got := Stuck(&j); !strings.Contains(got, held) || !strings.HasSuffix(got, wait) {
		t.Errorf("no holder: %q", got)
	}
}

// TestUnknownHolder: what is said where no owner is the culprit.
func TestUnknownHolder(t *testing.T) {
	j := listenertest.Full()
	j.Culprit, j.Owners = 0, j.Owners[1:]
	const one = "haproxy pid 26940 holds the listener on 10.39.1.68:80, and whether it should accept is not known. "
	if got := Stuck(&j); !strings.HasPrefix(got, one) {
		t.Errorf("one holder: %q", got)
	}
	j.Owners, j.OwnersKnown = nil, false
	if got := Stuck(&j); !strings.HasPrefix(got, "who holds the listener on 10.39.1.68:80 is not known. ") {
		t.Errorf("nobody has looked: %q", got)
	}
}

func TestAsleep(t *testing.T) {
	for wchan, want := range map[string]string{
		"":                "",
		"anon_pipe_write": "is blocked writing to a full pipe (anon_pipe_write)",
		"futex_do_wait":   "waits on a futex (futex_do_wait)",
		"some_driver":     "sleeps in some_driver",
		"ep_poll":         "polls (ep_poll)",
		"do_select":       "polls (do_select)",
		"do_wait":         "waits for a child (do_wait)",
		// These are shared by waits of other kinds.
		"do_wait_intr_irq":         "sleeps in do_wait_intr_irq",
		"wait_woken":               "sleeps in wait_woken",
		"unix_stream_read_generic": "is blocked on a unix socket (unix_stream_read_generic)",
		"flock_lock_inode_wait":    "waits for a lock on a file (flock_lock_inode_wait)",
	} {
		if got := asleep(&listener.Owner{Holder: &listener.Holder{Wchan: wchan}}); got != want {
			t.Errorf("%q: %q, want %q", wchan, got, want)
		}
	}
}
