package kernel

import (
	"errors"
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
)

// To enter one network namespace takes some 2 ms on a large host, whatever is in it: its
// iterator goes through the connections of all. So at the start, and in each look after it,
// no more are entered than these times allow.
const (
	enterFirst = 500 * time.Millisecond
	enterEach  = 100 * time.Millisecond
)

// entering is how far the entering of the network namespaces has got.
type entering struct {
	rest   []netns.Namespace
	tried  int
	failed []error
}

// Enter makes the kernel side watch the listeners that were there before it: those that a
// process holds in any network namespace, except MPTCP ones, and all others in namespaces
// that can be found and entered. If there are thousands of these, later looks enter the rest.
func (k *Kernel) Enter() error {
	if k.tier == listener.TierQueues {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.enter()
}

func (k *Kernel) enter() error {
	k.entering = entering{}
	if err := k.iterate(bpf.KernelProgEnterFile, nil, nil, nil); err != nil {
		return err
	}
	if k.count == CountAlways {
		if err := k.iterate(bpf.KernelProgCountFile, nil, nil, nil); err != nil {
			return err
		}
	}
	all, err := k.network()
	if err != nil {
		return err
	}
	k.entering.rest = all
	return k.enterRest(enterFirst)
}

// enterRest goes on entering for a while. Listeners that find no room are entered again
// once there is more.
func (k *Kernel) enterRest(limit time.Duration) error {
	e := &k.entering
	for began := time.Now(); len(e.rest) > 0 && time.Since(began) < limit; {
		next := e.rest[:1]
		e.rest = e.rest[1:]
		e.tried++
		failed := k.inEach(next, bpf.KernelProgEnterTcp, nil, nil)
		if len(failed) == 0 && k.count == CountAlways {
			failed = k.inEach(next, bpf.KernelProgCountTcp, nil, nil)
		}
		e.failed = append(e.failed, failed...)
	}
	if len(e.rest) > 0 {
		return nil
	}
	failed, tried := e.failed, e.tried
	k.entering = entering{}
	if len(failed) > 0 && len(failed) == tried {
		return fmt.Errorf("look into network namespaces: %w", errors.Join(failed...))
	}
	return nil
}
