package benchtest

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

const (
	stuckAfter = 3 * time.Second
	actAfter   = 4 * time.Second
)

// BenchmarkStuck is the time from the first client that a deaf member gets to the
// event `stuck`, beyond --stuck-after, and from `acting` until the last of its
// clients is answered by a sibling.
func BenchmarkStuck(b *testing.B) {
	var late, healed []float64
	for range 4 {
		found, answered := incident(b)
		late, healed = append(late, milliseconds(found)), append(healed, milliseconds(answered))
	}
	b.ReportMetric(0, "ns/op")
	t := turns{b: b}
	t.spread("late-ms", late)
	t.spread("healed-ms", healed)
}

// incident is a group with a deaf and a healthy member, and clients that come until
// all is well again. The armed daemon is bound to the namespace of the incident.
func incident(b *testing.B) (late, healed time.Duration) {
	ns := livetest.Netns(b)
	d := run(b, "--action", "kill", "--netns", ns.Path,
		"--stuck-after", stuckAfter.String(), "--act-after", actAfter.String())
	defer d.stop()
	d.ready()
	serve(b, ns, serverDeaf)
	serve(b, ns, serverHealthy)
	c := &clients{b: b, ns: ns}
	stop := c.come(20 * time.Millisecond)
	d.await("acted")
	stop()
	first, acting := c.firstHung(), d.await("acting").Time
	return d.await("stuck").Time.Sub(first) - stuckAfter, c.lastAnswered(acting).Sub(acting)
}

// clients come one after the other, and do not wait for each other.
type clients struct {
	b  *testing.B
	ns *livetest.Namespace
	wg sync.WaitGroup

	mu     sync.Mutex
	visits []visit
}

type visit struct{ came, answered time.Time }

// come has a client come every so often. To stop them waits until all are answered.
func (c *clients) come(every time.Duration) (stop func()) {
	end := make(chan struct{})
	c.wg.Go(func() {
		for {
			select {
			case <-end:
				return
			case <-time.After(every):
				c.wg.Go(c.visit)
			}
		}
	})
	return func() {
		close(end)
		c.wg.Wait()
	}
}

func (c *clients) visit() {
	v := visit{came: time.Now()}
	var conn net.Conn
	var err error
	c.ns.Do(func() { conn, err = net.DialTimeout("tcp", web().String(), 10*time.Second) })
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err = conn.Write([]byte("x")); err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
	}
	if err != nil {
		c.b.Errorf("a client was not answered: %v", err)
		return
	}
	v.answered = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visits = append(c.visits, v)
}

// firstHung is when the first one came that waited for longer than anybody does
// who is not hung.
func (c *clients) firstHung() time.Time {
	var first time.Time
	for _, v := range c.visits {
		if v.answered.Sub(v.came) > time.Second && (first.IsZero() || v.came.Before(first)) {
			first = v.came
		}
	}
	if first.IsZero() {
		c.b.Fatal("no client hung")
	}
	return first
}

// lastAnswered is when the last one was answered that had come before t.
func (c *clients) lastAnswered(t time.Time) (last time.Time) {
	for _, v := range c.visits {
		if v.came.Before(t) && v.answered.After(last) {
			last = v.answered
		}
	}
	return last
}
