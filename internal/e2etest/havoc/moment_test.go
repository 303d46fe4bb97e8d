package havoc

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
)

// watched tells when the moment of the plan has come.
type watched struct {
	name string
	come chan struct{}
	once sync.Once
}

// at is told of every moment.
func (w *watched) at(name string) {
	if name == w.name {
		w.once.Do(func() { close(w.come) })
	}
}

// await waits for it; false: no act comes.
func (w *watched) await() bool {
	select {
	case <-w.come:
		return true
	case <-time.After(armed.LongEnough):
		return false
	}
}

// watch watches what the agent tells and writes, and what becomes of the stuck one.
func (s *scene) watch() *watched {
	w := &watched{name: s.plan.at, come: make(chan struct{})}
	s.agent.Told = func(e armed.Event) {
		about := slices.ContainsFunc(e.Listener.Owners, func(o armed.Owner) bool { return o.PID == s.stuck.PID() })
		switch {
		case e.Event == "stuck" && about:
			w.at(atStuck)
		case e.Event == "acting":
			w.at(atActing)
			w.at(atLater)
		}
	}
	switch w.name {
	case atCount, atCounted, atEvidence, atIntent:
		s.watchFiles(w)
	case atSigterm:
		go w.poll(s.t.Context().Done(), func() bool { return slices.Contains(s.stuck.Said(), "sigterm") })
	case atEnd:
		go w.poll(s.t.Context().Done(), s.stuck.Ended)
	}
	return w
}

func (w *watched) poll(end <-chan struct{}, come func() bool) {
	for {
		select {
		case <-end:
			return
		case <-time.After(time.Millisecond):
			if come() {
				w.at(w.name)
				return
			}
		}
	}
}

// watchFiles watches those that the agent keeps.
func (s *scene) watchFiles(w *watched) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	s.must(err)
	f := os.NewFile(uintptr(fd), "inotify")
	s.t.Cleanup(func() { _ = f.Close() })
	for _, name := range []string{"state", "evidence", "log"} {
		_, err := unix.InotifyAddWatch(fd, s.path(name), unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_MODIFY)
		s.must(err)
	}
	go func() {
		for b := make([]byte, 4096); ; {
			n, err := f.Read(b)
			if err != nil {
				return // the scene is over
			}
			for rest := b[:n]; len(rest) >= unix.SizeofInotifyEvent; {
				e := (*unix.InotifyEvent)(unsafe.Pointer(&rest[0]))
				name := string(bytes.TrimRight(rest[unix.SizeofInotifyEvent:][:e.Len], "\x00"))
				w.at(momentOf(name, e.Mask))
				rest = rest[unix.SizeofInotifyEvent+e.Len:]
			}
		}
	}()
}

// momentOf is that of which a file tells.
func momentOf(name string, mask uint32) string {
	switch {
	case name == "acts.json.new" && mask&unix.IN_CREATE != 0:
		return atCount
	case name == "acts.json" && mask&unix.IN_MOVED_TO != 0:
		return atCounted
	case strings.HasSuffix(name, ".json.new") && strings.HasPrefix(name, "20") && mask&unix.IN_CREATE != 0:
		return atEvidence
	case filepath.Ext(name) == ".log":
		return atIntent
	default:
		return ""
	}
}
