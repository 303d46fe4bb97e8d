package scenarios

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// bursts brings n clients at once, each 5 s, and nothing between.
func bursts(t *testing.T, ns *livetest.Namespace, n int, request string) {
	t.Helper()
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			for range n {
				wg.Go(func() { visitOnce(ns, request) })
			}
			select {
			case <-quit:
				return
			case <-time.After(5 * time.Second):
			}
		}
	})
	t.Cleanup(func() {
		close(quit)
		wg.Wait()
	})
}

// visitOnce asks once, and closes when it was answered, or has lost its patience.
func visitOnce(ns *livetest.Namespace, request string) {
	var conn net.Conn
	var err error
	ns.Do(func() { conn, err = net.DialTimeout("tcp4", web, patience) })
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err == nil {
		_ = answerOf(conn, patience)
	}
}

// TestSiblingsServeBursts: siblings that serve all that comes within milliseconds, each
// 5 s, and nothing between, are known to accept in every tier, and the dead members go.
// Where the client closes first nothing is left of it at the server.
func TestSiblingsServeBursts(t *testing.T) {
	beside(t)
	const keep = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, tier := range []string{"functions", "tracepoints", "queues"} {
		for name, request := range map[string]string{"the server closes": get, "the client closes": keep} {
			for _, c := range []struct{ dead, alive int }{{1, 1}, {2, 2}} {
				t.Run(fmt.Sprintf("%s/%s/%d of %d dead", tier, name, c.dead, c.dead+c.alive), func(t *testing.T) {
					beside(t)
					ns := livetest.Netns(t)
					for range c.alive {
						stays(t, serve(t, ns, server{Addr: web}))
					}
					var dead []int
					for range c.dead {
						dead = append(dead, serve(t, ns, server{Addr: web, Then: wayMutex}).pid())
					}
					r := arm(t, ns, "--tier", tier, "--interval", "1s")
					if ready, _ := r.find(func(e told) bool { return e.Event == "ready" }); ready.Tier != tier {
						if livetest.InVM() {
							t.Fatalf("tier %s runs", ready.Tier)
						}
						t.Skipf("the policy of this host forbids the %s tier; scripts/vm-test runs it", tier)
					}
					bursts(t, ns, 12*(c.dead+c.alive), request)
					for _, pid := range dead {
						// Just after a suspicion nothing is known of it yet.
						killed(t, r, pid, "never-polled", "not-polling", "blocked", "unknown")
					}
					only(t, r, dead...)
				})
			}
		}
	}
}
