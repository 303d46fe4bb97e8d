package scenarios

import (
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// programIDs are those of all BPF programs that the kernel holds.
func programIDs() (ids []ebpf.ProgramID, err error) {
	for id := ebpf.ProgramID(0); ; {
		if id, err = ebpf.ProgramGetNextID(id); errors.Is(err, os.ErrNotExist) {
			return ids, nil
		}
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
}

func programs(t *testing.T) map[ebpf.ProgramID]bool {
	t.Helper()
	ids, err := programIDs()
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[ebpf.ProgramID]bool)
	for _, id := range ids {
		there[id] = true
	}
	return there
}

// movers are the programs that move clients: there is one while a rescue is under way.
func movers() (found []ebpf.ProgramID) {
	ids, _ := programIDs() // who may not look could not load one
	for _, id := range ids {
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue
		}
		if info, err := p.Info(); err == nil && info.Name == "reusewatch_move" {
			found = append(found, id)
		}
		_ = p.Close()
	}
	return found
}

// TestNothingIsLeft ends armed runs at any moment, by Ctrl-C and by SIGKILL:
// no program stays, and no process that it watched is stopped or ended.
func TestNothingIsLeft(t *testing.T) {
	ns := livetest.Netns(t)
	server := healthyHaproxy(t, ns, t.TempDir())
	before := programs(t)
	loaded := make(map[ebpf.ProgramID]bool)
	for i := range 16 {
		signal := os.Interrupt
		if i%2 == 0 {
			signal = syscall.SIGKILL
		}
		cmd := command(t, "run", "--action", "kill", "--netns", ns.Path, "--state-dir", t.TempDir(),
			"--interval", "50ms", "--stuck-after", "1s")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		for id := range programs(t) {
			if !before[id] {
				loaded[id] = true
			}
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); signal == os.Interrupt && err != nil && cmd.ProcessState.Exited() {
			t.Errorf("Ctrl-C: %v", err)
		}
	}
	if len(loaded) == 0 {
		t.Fatal("not one program was seen loaded")
	}
	// Programs go after a grace period; those of tests beside this one go too.
	livetest.Eventually(t, "all programs are gone", func() bool {
		now := programs(t)
		for id := range loaded {
			if now[id] {
				return false
			}
		}
		return true
	})
	if !server.alive() {
		t.Error("the server has ended")
	}
	if err := ask(ns, "127.0.0.1:80"); err != nil {
		t.Errorf("the server is not what it was: %v", err)
	}
}
