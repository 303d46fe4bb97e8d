package remedy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// full is a state folder without room, or none at all.
type full struct{ keeps bool }

func (f full) Keeps() bool                  { return f.keeps }
func (full) Keep(listener.Kept) error       { return unix.ENOSPC }
func (full) Forget(listener.Kept) error     { return nil }
func (full) Kept() ([]listener.Kept, error) { return nil, nil }

// TestFullDisk: a listener whose clients only the sysctl can move is left alone while the old
// value cannot be kept. If values can never be kept, the act is done without a rescue.
func TestFullDisk(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		v := polite(t)
		w := &world{v: v}
		a := w.actor()
		a.Keeper, a.ProcSys = full{keeps}, t.TempDir()
		path := filepath.Join(a.ProcSys, migrateReq)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("0\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		j := v.judgement()
		j.MPTCP, j.Queue = true, 0
		f, err := w.Namespace(j.Netns)
		if err != nil {
			t.Fatal(err)
		}
		held, err := a.lock(f, j.NetCookie)
		if err != nil {
			t.Fatal(err)
		}
		act := &listener.Act{Judgement: j, Owner: v.owner, Listeners: []listener.Cookie{j.Cookie}}
		g := &moving{leaving: j.Listener, act: act, members: []*listener.Listener{j.Listener}}
		r := &rescue{actor: a, held: held, acts: []*listener.Act{act}, groups: map[listener.GroupKey]*moving{j.Group: g}}
		err = r.turnOn(&target{act: act})
		a.unlock(held)
		if keeps != errors.Is(err, unix.ENOSPC) || keeps == strings.Contains(act.Rescue, "no space left") {
			t.Errorf("keeps %t: %v, rescue %q", keeps, err, act.Rescue)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "0\n" {
			t.Errorf("keeps %t: the sysctl is %q, %v", keeps, b, err)
		}
	}
}
