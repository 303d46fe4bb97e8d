package recovery

import (
	"context"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// agent is all of the product but its command: the kernel side, the watcher, the judge and
// the remedy. It can be stopped at each step of its act.
type agent struct {
	kernel *kernel.Kernel
	watch  *watch.Watcher
	policy judge.Policy
	actor  *remedy.Actor

	at      int // the step to stop before
	do      func(step string)
	mu      sync.Mutex
	taken   int
	stopped string // the step before which it was

	decided chan listener.Judgement
	err     error // of the act
}

// agent of the scene's namespace, and of no other.
func (s *scene) agent(t *testing.T, action listener.Action) *agent {
	k, err := kernel.Open(kernel.Options{Namespaces: livetest.Only(s.ns)})
	if err != nil {
		t.Fatalf("open the kernel side: %v", err)
	}
	t.Cleanup(func() { _ = k.Close() })
	a := &agent{kernel: k, decided: make(chan listener.Judgement, 1)}
	a.policy = judge.Policy{Default: policy.Builtin(), HostBudget: judge.Budget{Acts: 5, Per: time.Hour}}
	d := &a.policy.Default
	d.Action, d.StuckAfter, d.ActAfter, d.StartupGrace = action, 200*time.Millisecond, 400*time.Millisecond, 0
	a.policy.Scope.Netns = []uint32{s.ns.Inode}
	tier, _, _ := k.Tier()
	a.watch = watch.New(k, watch.Options{
		Interval: 50 * time.Millisecond, StuckAfter: d.StuckAfter, Tier: tier,
		Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
	})
	dir := journal.NewDir(t.TempDir())
	a.actor = remedy.New(remedy.Options{
		Refresh: func(ctx context.Context) (*listener.Snapshot, error) {
			a.step("look at all")
			return a.watch.Refresh(ctx)
		},
		Judge: func(s *listener.Snapshot) []listener.Judgement {
			a.step("judge")
			return judge.Judge(s, &a.policy, &judge.Past{})
		},
		Siblings: func(s *listener.Snapshot, l *listener.Listener) []*listener.Listener {
			return a.policy.Siblings(s, l)
		},
		Kernel: stepping{k, a},
		LoadMigration: func(m listener.Moving) (remedy.Migration, error) {
			a.step("load the rescue")
			return kernel.LoadMigration(m)
		},
		Keeper: dir, TermGrace: 300 * time.Millisecond, Witness: log{a},
		Disarmed: func() bool {
			a.step("ask whether it is disarmed")
			return dir.Disarmed()
		},
		Warn: func(err error) { t.Errorf("after the act: %v", err) },
	})
	return a
}

// run watches until the gate lets an act go, does that, and ends.
func (a *agent) run(t *testing.T) {
	if _, err := a.watch.Start(); err != nil {
		t.Fatalf("watch: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := a.watch.Run(ctx, func(s *listener.Snapshot, _ []watch.Change) { a.judge(s) }); err != nil {
			t.Errorf("watch: %v", err)
		}
	})
	defer func() {
		a.actor.Close()
		cancel()
		done.Wait()
	}()
	select {
	case j := <-a.decided:
		a.err = a.actor.Act(ctx, j)
	case <-time.After(time.Minute):
		t.Fatal("the gate let nothing go in a minute")
	}
}

func (a *agent) judge(s *listener.Snapshot) {
	for _, j := range judge.Judge(s, &a.policy, &judge.Past{}) {
		if j.Decision != nil && j.Decision.Act == a.policy.Default.Action {
			select {
			case a.decided <- j:
			default:
			}
		}
	}
}

// step is told of each before it is taken.
func (a *agent) step(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken++; a.taken == a.at {
		a.stopped = what
		a.do(what)
	}
}

// stepping is the kernel side, each question to which is a step.
type stepping struct {
	*kernel.Kernel
	a *agent
}

func (s stepping) Clients(l *listener.Listener, most int) (listener.Clients, error) {
	s.a.step("see who waits")
	return s.Kernel.Clients(l, most)
}

func (s stepping) Sample(l *listener.Listener) (listener.Sample, bool, error) {
	s.a.step("look at it")
	return s.Kernel.Sample(l)
}

func (s stepping) Processes(ask listener.Ask) (map[int]*listener.Process, error) {
	s.a.step("ask for processes")
	return s.Kernel.Processes(ask)
}

func (s stepping) Namespace(inode uint32) (*os.File, error) {
	s.a.step("open its namespace")
	return s.Kernel.Namespace(inode)
}

func (s stepping) Claim(netns uint64) (io.Closer, error) {
	s.a.step("claim its namespace")
	return s.Kernel.Claim(netns)
}

// log is busy for as long as the server takes to recover.
type log struct{ a *agent }

func (l log) Intend(context.Context, []*listener.Act, *remedy.Judged) error {
	l.a.step("log it")
	return nil
}

func (log) Done(*listener.Act) {}
func (log) Untouched()         {}
