package daemon

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// hungMount is a state folder that may hang.
type hungMount struct {
	mu       sync.Mutex
	disarmed bool
	acts     []listener.PastAct
	torn     bool
	read     int

	hangs sync.Mutex // held while it does
}

func (m *hungMount) Disarmed() bool {
	m.hangs.Lock()
	defer m.hangs.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.disarmed
}

func (m *hungMount) Acts() ([]listener.PastAct, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read++
	if m.torn {
		return nil, errors.New("torn")
	}
	return m.acts, nil
}

// set changes what it says.
func (m *hungMount) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// TestFolderHangs: a state folder that does not answer makes nobody wait, and counts as
// disarmed until it answers.
func TestFolderHangs(t *testing.T) {
	m := &hungMount{}
	m.hangs.Lock()
	var logged livetest.Messages
	f := watchFolder(t.Context(), slog.New(slog.NewTextHandler(&logged, nil)), m)
	for range 100_000 {
		if !f.now().disarmed {
			t.Fatal("armed, and nobody has looked whether that is wanted")
		}
	}
	if !f.fresh().disarmed {
		t.Error("an act may go on, and nobody has looked whether that is wanted")
	}
	if got := strings.Count(logged.String(), "\n"); got != 1 {
		t.Errorf("%d lines are logged:\n%s", got, logged.String())
	}
	m.hangs.Unlock()
	livetest.Eventually(t, "it is armed again", func() bool { return !f.now().disarmed })
	if f.fresh().disarmed {
		t.Error("disarmed without a file")
	}
	m.set(func() { m.disarmed = true })
	if !f.fresh().disarmed {
		t.Error("an act does not see that it is disarmed now")
	}
	m.set(func() { m.disarmed = false })
	if f.fresh().disarmed || f.now().disarmed {
		t.Error("disarmed without a file")
	}
	m.hangs.Lock() // and never answers again
	defer m.hangs.Unlock()
	livetest.Eventually(t, "it is disarmed when the answer is old", func() bool { return f.now().disarmed })
}

// TestLostActs: acts that could not be read are sought until they can, and not read
// otherwise: an act may be writing them.
func TestLostActs(t *testing.T) {
	m := &hungMount{torn: true}
	f := watchFolder(t.Context(), slog.New(slog.NewTextHandler(io.Discard, nil)), m)
	if f.fresh(); m.read != 0 {
		t.Error("acts are read that nobody wants")
	}
	f.seek()
	if f.fresh().found {
		t.Error("torn acts are found")
	}
	m.set(func() { m.torn, m.acts = false, []listener.PastAct{{At: time.Unix(1, 0)}} })
	f.fresh()
	for range 3 {
		if s := f.fresh(); !s.found || len(s.acts) != 1 {
			t.Errorf("%+v: want what was found", s)
		}
	}
	var read int
	m.set(func() { read = m.read })
	f.fresh()
	m.set(func() {
		if m.read != read {
			t.Error("acts are read that are known")
		}
	})
}
