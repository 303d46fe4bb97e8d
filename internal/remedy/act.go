// Package remedy confirms what was decided and acts: it rescues the clients that wait, ends
// a process or closes a listener, and proves it. It alone signals processes, or touches
// sockets of others.
package remedy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// ErrChanged says that nothing was done: at the last look it was no longer the same process,
// socket or head, the gate no longer agreed, or another agent acts in the same network
// namespace.
var ErrChanged = errors.New("something changed between the decision and the act")

// witnessed is an error that the witness knows of.
type witnessed struct{ error }

func (t witnessed) Unwrap() error { return t.error }

// Witnessed says whether the witness knows of an error of [Actor.Act]: it is of an act that
// was begun.
func Witnessed(err error) bool {
	var t witnessed
	return errors.As(err, &t)
}

// Witness is told what an act does.
type Witness interface {
	// Intend is told what is planned, and what was seen then, before anything is touched;
	// its error stops the act.
	Intend(context.Context, []*listener.Act, *Judged) error
	// Done is told how each of them ended, once.
	Done(*listener.Act)
	// Untouched is called after that if nothing was done to any of them.
	Untouched()
}

// Kernel is what an act asks of the kernel side.
type Kernel interface {
	Clients(l *listener.Listener, most int) (listener.Clients, error)
	// Sample reads one listener now; false: it listens no more.
	Sample(*listener.Listener) (listener.Sample, bool, error)
	// Processes reads processes, and waits for none of them.
	Processes(listener.Ask) (map[int]*listener.Process, error)
	// Namespace opens a network namespace by its inode.
	Namespace(inode uint32) (*os.File, error)
	// Claim takes the right to act in the network namespace of a cookie, until it is
	// closed; listener.ErrClaimed while another agent has it.
	Claim(netns uint64) (io.Closer, error)
}

// Migration is a program that moves the clients of closing members.
type Migration interface {
	FD() int
	ID() uint32
	Rescued() (listener.Rescued, error)
	// Release lets its heirs go: they can be those of one program at a time.
	Release() error
	Close() error
}

// Options of an Actor.
type Options struct {
	// Refresh looks at all listeners and reads all their owners now.
	Refresh func(context.Context) (*listener.Snapshot, error)
	// Judge judges a snapshot by the policy in force.
	Judge  func(*listener.Snapshot) []listener.Judgement
	Kernel Kernel
	// LoadMigration loads the program of a rescue; nil: no rescue (--rescue off).
	LoadMigration func(listener.Moving) (Migration, error)
	// MoveHalfOpen: the kernel is known to move handshakes under way without fault.
	MoveHalfOpen bool
	// Siblings gives the members of a listener's group that are its siblings by the policy
	// in force: all others are strangers, which get no client. Nil: all members are siblings.
	// If a listener was decided on, its judgement has them.
	Siblings  func(*listener.Snapshot, *listener.Listener) []*listener.Listener
	Keeper    Keeper
	ProcSys   string        // a /proc/sys that is mounted writable; "" is /proc/sys
	TermGrace time.Duration // between SIGTERM and SIGKILL
	Witness   Witness
	// Disarmed stops an act between two rungs.
	Disarmed func() bool
	// Warn is told of errors when nobody waits for an answer.
	Warn func(error)
}

// Actor acts, one act at a time.
type Actor struct {
	Options
	claiming sync.Mutex // one claim at a time
	mu       sync.Mutex
	locks    map[uint64]*lock // of acts that are under way, by the cookies of their network namespaces
	windows  map[*window]bool // that are open
	ending   sync.WaitGroup
}

// New makes an actor.
func New(o Options) *Actor {
	return &Actor{Options: o, locks: make(map[uint64]*lock), windows: make(map[*window]bool)}
}

// Act does what was decided about a listener, and about each dead sibling of it that the
// gate lets pass too. Each is confirmed by a look of its own. ErrChanged means that nothing
// was done.
func (a *Actor) Act(ctx context.Context, j listener.Judgement) error {
	if _, ok := culprit(j); !ok {
		return fmt.Errorf("%w: its culprit is unknown", ErrChanged)
	}
	at, err := a.openNamespace(j.Netns, j.NetCookie)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	held, err := a.lock(at, j.NetCookie)
	if err != nil {
		return err
	}
	defer a.unlock(held)
	judged, acts, err := a.plan(ctx, j)
	if err != nil {
		return err
	}
	targets, err := a.openTargets(acts)
	if err != nil {
		return err
	}
	defer closeAll(targets)
	r := a.planRescue(held, judged.Snapshot, acts)
	errs := make([]error, len(targets))
	if err := a.Witness.Intend(ctx, acts, judged); err != nil {
		errs[0] = fmt.Errorf("before the act on %s: %w", j.Local, err)
		for i := range errs {
			errs[i] = errs[0]
		}
	} else {
		r.start()
		for i, t := range targets {
			errs[i] = a.carryOut(ctx, t, r)
		}
		r.wake(ctx)
		if err := r.end(); err != nil {
			a.Warn(err)
		}
	}
	return a.report(targets, errs)
}

// report tells the witness how each act ended. Acts that were left undone, for something had
// changed, are no failure unless nothing else failed.
func (a *Actor) report(targets []*target, errs []error) error {
	var failed, held []error
	touched := false
	for i, t := range targets {
		touched = touched || t.act.Touched
		if t.act.Took == 0 {
			t.act.Took = time.Since(t.act.Began)
		}
		switch err := errs[i]; {
		case err == nil:
			t.act.Result = listener.Acted
		case errors.Is(err, ErrChanged) && !t.act.Touched:
			t.act.Result, t.act.Failure = listener.LeftAlone, err.Error()
			held = append(held, err)
		default:
			t.act.Result, t.act.Failure = listener.Failed, err.Error()
			failed = append(failed, err)
		}
		a.Witness.Done(t.act)
	}
	if !touched {
		a.Witness.Untouched()
	}
	if len(failed) == 0 {
		failed = held
	}
	if err := errors.Join(failed...); err != nil {
		return witnessed{err}
	}
	return nil
}

// carryOut does one act of the plan.
func (a *Actor) carryOut(ctx context.Context, t *target, r *rescue) error {
	if a.Disarmed() {
		return errors.New("disarmed before its turn came")
	}
	before, err := r.moved()
	if err != nil {
		return err
	}
	if err := a.confirm(ctx, t); err != nil {
		return err
	}
	if err := r.prepare(ctx, t); err != nil {
		return err
	}
	if err := a.stoodStill(t); err != nil {
		return err
	}
	if t.act.Action == listener.Close {
		err = a.closeListener(ctx, t)
	} else {
		err = a.kill(ctx, t)
	}
	if counted := r.count(t, before); err == nil {
		err = counted
	}
	return err
}

func culprit(j listener.Judgement) (listener.Owner, bool) {
	o, known := j.CulpritOwner()
	if !known || o.PID <= 1 {
		return listener.Owner{}, false
	}
	return *o, true
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
