// Package container tells what container and pod a process is in, as its cgroups name
// them, and learns what they are called: from the links that the kubelet keeps to their
// logs and, where it may be asked, from their runtime.
package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// patience is how long one question to the runtime may take.
	patience = 2 * time.Second
	// What could not be learned is tried again, after longer and longer: the link
	// to a log appears some time after its container.
	retryFirst = time.Second
	retryLast  = time.Minute
	// keep bounds what is remembered; what was not asked for in forgetAfter goes.
	keep        = 4096
	forgetAfter = 10 * time.Minute
)

// Options say where names come from.
type Options struct {
	Logs string // folder of the kubelet's links, "" for none
	// Ask asks the runtime about one container; nil: nobody is asked. The error is
	// [fs.ErrNotExist] of one that it does not know.
	Ask  func(ctx context.Context, id string) (listener.Container, error)
	Warn func(error) // of a runtime that does not answer: once, until it does
}

// Names knows the names of containers. Whoever asks gets at once what is known
// by then; the rest is learned meanwhile. It is safe for concurrent use.
type Names struct {
	opts   Options
	cancel context.CancelFunc
	wake   chan struct{} // holds one token while somebody is wanted
	ended  chan struct{}

	mu      sync.Mutex
	known   map[string]*entry // by id
	wanted  []string
	settled chan struct{} // closed while nobody is wanted
	learned uint64

	silent bool // the runtime did not answer; of the learning goroutine
}

// entry is one container.
type entry struct {
	is     *listener.Container // replaced, never changed
	wanted bool
	whole  bool // nothing more can be learned
	used   time.Time
	next   time.Time     // of the next try
	delay  time.Duration // before the one after it
}

// New learns until Close.
func New(o Options) *Names {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Names{
		opts: o, cancel: cancel, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		known: make(map[string]*entry), settled: make(chan struct{}),
	}
	close(n.settled)
	go n.learn(ctx)
	return n
}

// Close ends the learning.
func (n *Names) Close() {
	n.cancel()
	<-n.ended
}

// Of gives what is known of a container, of which the id is needed. It does not
// wait for anything.
func (n *Names) Of(c listener.Container) *listener.Container {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	e := n.known[c.ID]
	if e == nil {
		n.forget(now)
		e = &entry{is: &c, delay: retryFirst, whole: !isHex(c.ID, idLen)} // what no OCI engine made has no names to learn
		n.known[c.ID] = e
	}
	e.used = now
	if !e.whole && !e.wanted && !now.Before(e.next) {
		e.wanted = true
		if len(n.wanted) == 0 {
			n.settled = make(chan struct{})
		}
		n.wanted = append(n.wanted, c.ID)
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
	return e.is
}

// Learned grows whenever something was learned.
func (n *Names) Learned() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.learned
}

// Settle waits until all that was asked for has been sought, or for the limit.
func (n *Names) Settle(limit time.Duration) {
	n.mu.Lock()
	settled := n.settled
	n.mu.Unlock()
	select {
	case <-settled:
	case <-time.After(limit):
	}
}

// forget makes room, where there are too many to be all alive.
func (n *Names) forget(now time.Time) {
	if len(n.known) < keep {
		return
	}
	for id, e := range n.known {
		if !e.wanted && now.Sub(e.used) > forgetAfter {
			delete(n.known, id)
		}
	}
}

func (n *Names) learn(ctx context.Context) {
	defer close(n.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		}
		n.mu.Lock()
		ids := n.wanted
		n.mu.Unlock()
		if len(ids) == 0 {
			continue // they came with those before
		}
		links := readLinks(n.opts.Logs)
		silent := n.opts.Ask == nil
		for _, id := range ids {
			c := links[id]
			whole := n.opts.Ask == nil && c.Name != ""
			if !silent {
				answer, err := n.ask(ctx, id)
				switch {
				case err == nil:
					c, whole = merge(c, answer), true
				case !errors.Is(err, fs.ErrNotExist):
					silent = true // the others would wait as long
				}
			}
			n.take(id, c, whole)
		}
		n.done(len(ids))
	}
}

// ask asks the runtime, and tells once when it begins not to answer.
func (n *Names) ask(ctx context.Context, id string) (listener.Container, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := n.opts.Ask(limited, id)
	failed := err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil
	if failed && !n.silent && n.opts.Warn != nil {
		n.opts.Warn(fmt.Errorf("ask for the name of container %s: %w", id, err))
	}
	n.silent = failed
	return c, err
}

// take keeps what was learned of one container.
func (n *Names) take(id string, c listener.Container, whole bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.known[id]
	e.wanted, e.whole = false, whole
	e.next = time.Now().Add(e.delay)
	e.delay = min(2*e.delay, retryLast)
	if next := merge(*e.is, c); next != *e.is {
		e.is = &next
		n.learned++
	}
}

// done takes those that were sought off the list; more may have come meanwhile.
func (n *Names) done(sought int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted = n.wanted[sought:]
	if len(n.wanted) == 0 {
		close(n.settled)
		return
	}
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// merge gives what is known of both: of more that of b.
func merge(a, b listener.Container) listener.Container {
	for _, f := range []struct{ to, from *string }{
		{&a.Runtime, &b.Runtime}, {&a.PodUID, &b.PodUID}, {&a.Pod, &b.Pod},
		{&a.Namespace, &b.Namespace}, {&a.Name, &b.Name}, {&a.Image, &b.Image},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	return a
}
