package benchtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// proxy answers by itself, so that nothing but haproxy and the kernel is measured.
const proxy = `
global
	nbthread 1
defaults
	mode http
	timeout client 10s
frontend web
	bind 127.0.0.1:8080
	http-request return status 200 content-type text/plain string ok
`

// BenchmarkKeepAlive is the CPU time of a request on a connection that stays, of
// haproxy and of wrk, with and without a daemon that watches.
func BenchmarkKeepAlive(b *testing.B) {
	ns := livetest.Netns(b)
	config := filepath.Join(b.TempDir(), "haproxy.cfg")
	must(b, os.WriteFile(config, []byte(proxy), 0o644))
	haproxy := exec.Command("haproxy", "-db", "-f", config)
	spawn(b, ns, haproxy)
	livetest.Eventually(b, "haproxy answers", func() (up bool) {
		ns.Do(func() {
			c, err := net.DialTimeout("tcp", "127.0.0.1:8080", time.Second)
			if up = err == nil; up {
				_ = c.Close()
			}
		})
		return up
	})
	perRequest := func() (us float64) {
		used := processCPU(b, haproxy.Process.Pid)
		requests, wrk := load(b, ns)
		return ((processCPU(b, haproxy.Process.Pid)-used)/1e3 + wrk*1e3) / requests
	}
	t := takeTurns(b, 10,
		side{"off", perRequest},
		side{"on", func() float64 {
			d := run(b)
			defer d.stop()
			d.ready()
			return perRequest()
		}},
	)
	t.median("off", "us")
	t.ratio("on", "off")
}

// load runs wrk for a second, and gives the requests that were answered and the
// milliseconds of CPU that it took for itself.
func load(b *testing.B, ns *livetest.Namespace) (requests, cpu float64) {
	b.Helper()
	cmd := exec.Command("wrk", "-t1", "-c32", "-d1s", "http://127.0.0.1:8080/")
	var out strings.Builder
	cmd.Stdout = &out
	var took spent
	ns.Do(func() { took = do(b, cmd) })
	for line := range strings.Lines(out.String()) {
		if count, _, found := strings.Cut(strings.TrimSpace(line), " requests in "); found {
			n, err := strconv.ParseFloat(count, 64)
			must(b, err)
			return n, took.cpu
		}
	}
	b.Fatalf("wrk counted no requests: %s", out.String())
	return 0, 0
}
