package corpus

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// The ports of every scene, each in a namespace of its own.
const (
	port      = 80
	otherPort = 81
	peerPort  = 9000
)

// scene is a row that is played.
type scene struct {
	t      *testing.T
	row    *row
	zoo    string
	ns     *livetest.Namespace
	second *livetest.Namespace // nil: it needs none

	dir     string
	arg     string     // of the server
	files   []*os.File // what it gets from descriptor 3 on
	env     []string
	fuse    *livetest.Dead
	main    *livetest.Program // the server
	pid     int               // who should accept, maybe a child of it
	answers atomic.Int64      // of the healthy member
	others  atomic.Int64      // of the server itself

	// subject tells the listener that is judged; nil: it is not there yet.
	subject atomic.Pointer[func(*listener.Listener) bool]
	seen    record
}

// play brings the server into its state beside its siblings and clients, and looks until
// all has been said of it.
func (s *scene) play() {
	r := s.row
	s.dir, s.arg = s.t.TempDir(), r.bad.arg
	if r.set != nil {
		r.set(s)
	}
	if r.group == older {
		s.sibling(s.zoo)
	}
	if r.bad.start != nil {
		r.bad.start(s)
	} else {
		s.start()
	}
	for range r.bad.clients {
		s.keep(r.bad.talk)
	}
	if r.then != nil {
		r.then(s)
	}
	switch r.group {
	case younger:
		s.sibling(s.zoo)
	case stranger:
		s.sibling(s.copyOfZoo("stranger"))
	case older, nobody:
	}
	s.load()
	s.state()
	s.watch()
	if (r.group != nobody || r.http) && s.answers.Load() == 0 {
		s.t.Error("its healthy sibling served nobody")
	}
	if r.want.stuck != isStuck && r.group == nobody && !r.quiet && s.others.Load() == 0 {
		s.t.Error("it served nobody")
	}
}

// watch waits until every policy has decided, and who is to be held was looked at for long.
func (s *scene) watch() {
	long := uint64(lasts)
	if s.row.hog {
		long = lastsOfHog
	}
	began, first := time.Now(), s.looks()
	for ; time.Since(began) < limit; time.Sleep(100 * time.Millisecond) {
		over, decided, looks := true, true, s.looks()-first
		for _, tier := range s.tiers() {
			over = over && s.seen.over(tier, &s.row.want)
			decided = decided && s.seen.decided(tier, &s.row.want)
		}
		if over || decided && looks > long || looks > enough {
			return
		}
	}
	s.t.Errorf("only %d looks in %v: this host is too busy", s.looks()-first, limit)
}

// looks are those of the tier that looked least.
func (s *scene) looks() uint64 {
	least := ^uint64(0)
	for _, tier := range s.tiers() {
		least = min(least, s.seen.looks(tier))
	}
	return least
}

func (s *scene) tiers() []listener.Tier {
	if livetest.InVM() {
		return []listener.Tier{listener.TierFunctions, listener.TierQueues}
	}
	return []listener.Tier{listener.TierTracepoints, listener.TierQueues}
}

// start starts the server, has it serve first if it is to, and waits for its state.
func (s *scene) start() {
	b := &s.row.bad
	how := "fresh"
	if b.served {
		how = "served"
	}
	args := []string{b.mode, strconv.Itoa(port), "o", how, s.arg}
	if b.keeper {
		args = []string{"keeper", strconv.Itoa(port), "o", how, b.mode + " " + s.arg}
	}
	s.main = s.run(s.zoo, s.files, args...)
	for _, f := range s.files {
		_ = f.Close()
	}
	s.pid = s.main.Process.Pid
	s.judges(s.main.Await("listens"))
	if s.row.hog {
		s.hurry()
	}
	if b.served {
		for _, word := range strings.Split("xx"+strings.Repeat("k", b.kept)+"!", "") {
			if word == "!" {
				s.await3Looks()
			}
			c := s.ask(word)
			if word == "k" {
				s.t.Cleanup(func() { _ = c.Close() })
			} else {
				_ = c.Close()
			}
		}
	}
	s.main.Await("set")
	if b.keeper || slices.Contains([]string{"asks-main", "handed", "fork-lock"}, b.mode) {
		pid, err := strconv.Atoi(s.main.Await("worker"))
		if err != nil {
			s.t.Fatal(err)
		}
		s.pid = pid
	}
}

// await3Looks lets a server wait for clients in three looks: of one that serves between two
// looks and hangs then nobody who counts nothing can know that it served.
func (s *scene) await3Looks() {
	first := s.looks()
	for began := time.Now(); s.looks()-first < 3; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > limit {
			s.t.Fatalf("no three looks in %v: this host is too busy", limit)
		}
	}
}

// hurry has the server, whose session is its own, go before all others: else it would be
// starved, for somebody always works here.
func (s *scene) hurry() {
	s.must(unix.Setpriority(unix.PRIO_PROCESS, s.pid, -20))
	group := fmt.Sprintf("/proc/%d/autogroup", s.pid)
	if _, err := os.Stat(group); err == nil { // else priorities go across sessions
		s.must(os.WriteFile(group, []byte("-20"), 0))
	}
}

// judges has the listener of this cookie judged.
func (s *scene) judges(cookie string) {
	n, err := strconv.ParseUint(cookie, 16, 64)
	if err != nil {
		s.t.Fatalf("cookie %q: %v", cookie, err)
	}
	is := func(l *listener.Listener) bool { return l.Cookie == listener.Cookie(n) }
	s.subject.Store(&is)
}

// judgesOf has the listener of a port judged that this process alone holds, or shares.
func (s *scene) judgesOf(pid int) {
	is := func(l *listener.Listener) bool {
		return l.Port() == port && slices.ContainsFunc(l.Owners, func(o listener.Owner) bool { return o.PID == pid })
	}
	s.subject.Store(&is)
}

// sibling starts a healthy member that runs this program.
func (s *scene) sibling(program string) {
	s.run(program, nil, "serve", strconv.Itoa(port), "g", "fresh").Await("set")
}

// helper starts a process of the zoo that is no server, and waits until it is ready.
func (s *scene) helper(mode, arg string, files ...*os.File) *livetest.Program {
	p := s.run(s.zoo, files, mode, strconv.Itoa(peerPort), "p", "fresh", arg)
	p.Await("set")
	return p
}

// copyOfZoo is the same program at another path.
func (s *scene) copyOfZoo(name string) string { return zoo.Copy(s.t, s.zoo, s.path(name)) }

func (s *scene) path(name string) string { return fmt.Sprintf("%s/%s", s.dir, name) }
