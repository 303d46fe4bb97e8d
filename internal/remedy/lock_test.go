package remedy

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestOneAgentANamespace: while one agent acts, or waits for handshakes, no other acts.
func TestOneAgentANamespace(t *testing.T) {
	livetest.Root(t)
	v := polite(t)
	claim := new(kernel.Kernel).Claim
	first, second := &world{v: v, claim: claim}, &world{v: v, claim: claim}
	inode, cookie := ownNamespace(t)
	a := first.actor()
	f, err := a.openNamespace(inode, cookie)
	if err != nil {
		t.Fatal(err)
	}
	held, err := a.lock(f, cookie)
	if err != nil {
		t.Fatal(err)
	}
	b := second.actor()
	err = b.Act(t.Context(), v.judgement())
	if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "another reusewatch") {
		t.Errorf("%v, want that another one acts", err)
	}
	if b.Idle(inode, cookie) || len(second.intended) > 0 {
		t.Error("idle while another one acts, or it has acted")
	}
	a.unlock(held)
	if !b.Idle(inode, cookie) {
		t.Error("not idle after it")
	}
	if err := b.Act(t.Context(), v.judgement()); err != nil || v.alive() {
		t.Errorf("%v, alive %v", err, v.alive())
	}
}

// TestFileLocksDoNotHinder: anybody may lock the file of his own network namespace.
func TestFileLocksDoNotHinder(t *testing.T) {
	livetest.Root(t)
	// Whether it is taken now or somebody has it: an open file of one's own is all it takes.
	f, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
		t.Fatal(err)
	}
	v := polite(t)
	w := &world{v: v, claim: new(kernel.Kernel).Claim}
	a := w.actor()
	if inode, cookie := ownNamespace(t); !a.Idle(inode, cookie) {
		t.Error("a lock on a file is taken for an act")
	}
	if err := a.Act(t.Context(), v.judgement()); err != nil || v.alive() {
		t.Errorf("%v, alive %v", err, v.alive())
	}
}
