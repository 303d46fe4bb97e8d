package havoc

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

const (
	stuckAfter = time.Second
	actAfter   = 2 * time.Second
	termGrace  = 300 * time.Millisecond
)

// scene is a plan that is played, in a network namespace of its own.
type scene struct {
	t       *testing.T
	plan    *plan
	zoo     string
	ns      *livetest.Namespace
	longest uint64 // seconds that a stop may last

	dir, kept string // all files; those that the agent keeps
	program   string // a copy of reusewatch that nobody else runs
	agent     *armed.Agent
	stuck     *livetest.Program
	healthy   *livetest.Program
	sockets   []string // with which the healthy one listens
	clients   *armed.Clients

	moment   *watched
	programs map[string]bool // BPF programs that an agent had, by their ids
	kills    int             // of agents, by SIGKILL
	did      []string
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// tell notes what was done, for the one line that is said of a scene.
func (s *scene) tell(format string, args ...any) { s.did = append(s.did, fmt.Sprintf(format, args...)) }

func (s *scene) path(name string) string { return filepath.Join(s.kept, name) }

func (s *scene) log() string { return s.path("log/audit.log") }

// play plays all of it, and says what came of it.
func (s *scene) play(binary string) string {
	s.dir, s.programs = s.t.TempDir(), map[string]bool{}
	s.program = zoo.Copy(s.t, binary, filepath.Join(s.dir, "reusewatch"))
	s.folders()
	s.t.Cleanup(s.tellAll)
	s.servers()
	ctx, end := context.WithCancel(context.Background())
	s.t.Cleanup(end)
	s.clients.Come(ctx)
	s.agent = armed.New(s.t, s.program, s.ns, s.path("state"), s.flags()...)
	s.moment = s.watch()
	s.start()
	if s.moment.await() {
		time.Sleep(s.plan.past)
		s.befall()
	} else if s.stuck.Ended() { // else no act came at all, of which await says why
		s.t.Errorf("an act was done, and %q never came", s.plan.at)
	}
	word := s.await()
	end()
	if s.stuck.Ended() || slices.Contains(s.stuck.Said(), "accepted") {
		s.clients.AwaitAnswers(s.t)
	}
	s.startAnew()
	s.end(unix.SIGTERM)
	s.verdict()
	return word
}

// folders are where the agent keeps things: on a small disk of their own, what is to be full.
func (s *scene) folders() {
	s.kept = filepath.Join(s.dir, "kept")
	full := map[string]string{"all": "."}[s.plan.how]
	if fills(s.plan) && full == "" {
		full = s.plan.how
	}
	mount := func(name string) {
		if name == full {
			s.must(unix.Mount("tmpfs", s.path(name), "tmpfs", 0, "size=1m,mode=700"))
			s.t.Cleanup(func() { _ = unix.Unmount(s.path(name), unix.MNT_DETACH) })
		}
	}
	s.must(os.Mkdir(s.kept, 0o700))
	mount(".")
	for _, name := range []string{"state", "log", "evidence"} {
		s.must(os.Mkdir(s.path(name), 0o700))
		mount(name)
	}
	note := append([]byte(`{"note":"`), make([]byte, s.plan.filled)...)
	for i := range s.plan.filled {
		note[len(note)-1-i] = 'x'
	}
	s.must(os.WriteFile(s.log(), append(note, "\"}\n"...), 0o600))
}

// flags are those of every run. What a policy file says is not typed.
func (s *scene) flags() []string {
	flags := []string{
		"--stuck-after", stuckAfter.String(), "--interval", "250ms", "--term-grace", termGrace.String(),
		"--audit-log", s.log(), "--evidence-dir", s.path("evidence"),
	}
	if s.plan.deed == "hup-storm" {
		s.policy(0)
		return append(flags, "--config", s.policyFile())
	}
	budget := fmt.Sprintf("%d/1h", s.budget())
	return append(flags, "--act-after", actAfter.String(), "--startup-grace", "0s", "--max-acts", budget)
}

// budget is how many acts may be done: of a scene that is not about it, more than it needs.
func (s *scene) budget() int {
	if s.plan.one {
		return 1
	}
	return 4
}

// waiting is how many clients wait on the stuck one when the other joins.
const waiting = 8

// servers are the stuck one, on which clients wait when the next joins, and a healthy one.
func (s *scene) servers() {
	s.clients = armed.NewClients(s.t, s.ns, "x", false)
	if s.plan.dead == stubborn {
		s.must(unix.Mkfifo(s.fifo(), 0o600))
	}
	s.stuck = s.member(s.plan.dead, "d", s.fifo())
	for range waiting {
		s.clients.One()
	}
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), armed.Port)
	livetest.Eventually(s.t, "clients wait", func() bool { return slices.Equal(s.ns.Queues(address), []int{waiting}) })
	s.healthy = s.member("serve", "h", "")
	s.sockets = livetest.Listening(s.healthy.PID(), armed.Port) // of MPTCP there are none
}

func (s *scene) fifo() string { return filepath.Join(s.dir, "fifo") }

func (s *scene) member(mode, letter, arg string) *livetest.Program {
	cmd := exec.Command(s.zoo, mode, strconv.Itoa(armed.Port), letter, "fresh", arg)
	if s.plan.mptcp {
		cmd.Env = append(os.Environ(), "ZOO_MPTCP=1")
	}
	p := s.ns.Start(s.t, cmd)
	p.Await("set")
	return p
}

// start starts the agent, and notes which BPF programs it has.
func (s *scene) start() {
	s.t.Helper()
	s.agent.Start()
	s.note()
}

func (s *scene) note() {
	for id := range held(s.agent.PID()) {
		s.programs[id] = true
	}
}

// end ends the agent, which has something to say about that unless it is killed.
func (s *scene) end(by unix.Signal) {
	s.t.Helper()
	if by != unix.SIGKILL {
		s.note() // while an act is under way it takes no longer to be done with it
		s.agent.Stop()
		return
	}
	s.kills++
	s.agent.End(by)
}

// startAnew ends the agent, as a service manager does, and starts another, which finds what
// the others left. Where the budget allowed one act the next one who gets stuck is left.
func (s *scene) startAnew() {
	s.t.Helper()
	s.end(unix.SIGTERM)
	s.start()
	s.agent.Looks(2)
	if !s.plan.one || !s.spent() {
		return
	}
	second := s.member("pause", "s", "")
	ctx, end := context.WithCancel(context.Background())
	defer end()
	armed.NewClients(s.t, s.ns, "x", false).Come(ctx) // some of these wait in vain
	s.heldByBudget("the second", second)
}

// heldByBudget waits until an agent has said that it would act, were there any budget left.
func (s *scene) heldByBudget(who string, p *livetest.Program) {
	s.t.Helper()
	last := ""
	for began := time.Now(); time.Since(began) < armed.LongEnough; time.Sleep(200 * time.Millisecond) {
		if p.Ended() {
			s.t.Errorf("TWICE: %s (pid %d) was ended, and the budget is of one act", who, p.PID())
			return
		}
		l, _ := s.agent.Says(p.PID())
		if last = l.Why(); l.Decision != nil && slices.Contains(l.Decision.Reasons, "budget") {
			s.tell("%s is held by the budget", who)
			return
		}
	}
	s.t.Errorf("%s (pid %d) is not held by the budget: %s", who, p.PID(), last)
}
