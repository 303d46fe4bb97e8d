package fleettest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// haproxyUID is nobody on the host: to end its process as another user takes a
// capability.
const haproxyUID = 62099

const haproxyConfig = `global
    no strict-limits
    maxconn 4000
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend fe
    bind 127.0.0.1:8080
    http-request return status 200 content-type text/plain string ok
`

// pod is two containers in one network namespace, as the containers of a pod are:
// a real haproxy that is stuck, and one that serves.
type pod struct {
	*livetest.Namespace
	UID            string
	stuck, healthy *container
	logs           string // folder with links to their logs
}

// patience of a client.
const patience = 300 * time.Millisecond

const (
	podName      = "web-5f7d9c-x2x7k"
	podNamespace = "shop"
)

// stuckPod starts one, and clients that ask it until the test ends.
func stuckPod(t *testing.T) *pod {
	t.Helper()
	p := &pod{Namespace: livetest.Netns(t), UID: podUID(t), logs: t.TempDir()}
	root := rootFS(t, "haproxy")
	write(t, filepath.Join(root, "haproxy.cfg"), haproxyConfig)
	write(t, filepath.Join(root, "haproxy.pid"), "")
	s := spec{
		root: root, cgroups: "/kubepods/burstable/pod" + p.UID, uid: haproxyUID,
		spaces: []space{{Type: "pid"}, {Type: "network", Path: p.Path}, {Type: "uts"}, {Type: "ipc"}},
	}
	// It opens its pidfile when it listens already and does not accept yet: a FIFO
	// that nobody reads. haproxy would remove it first, but for its being mounted.
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	stuck := s
	stuck.args = []string{"/haproxy", "-D", "-f", "/haproxy.cfg", "-p", "/haproxy.pid"}
	stuck.mounts = []mount{bind(fifo, "/haproxy.pid")}
	p.stuck = start(t, stuck)
	p.listening(t, 1)
	s.args = []string{"/haproxy", "-db", "-f", "/haproxy.cfg"}
	p.healthy = start(t, s)
	p.listening(t, 2)
	for name, c := range map[string]*container{"proxy-old": p.stuck, "proxy": p.healthy} {
		link := fmt.Sprintf("%s_%s_%s-%s.log", podName, podNamespace, name, c.ID)
		if err := os.Symlink("/var/log/pods/none", filepath.Join(p.logs, link)); err != nil {
			t.Fatal(err)
		}
	}
	p.load(t)
	return p
}

// listening waits for this many listeners in the pod.
func (p *pod) listening(t *testing.T, n int) {
	t.Helper()
	livetest.Eventually(t, fmt.Sprintf("%d haproxys listen", n), func() bool {
		return p.stuck.alive() && len(listeners(t, p.Path, "--port", "8080")) == n
	})
}

// load asks for pages until the test ends, each over a connection of its own.
func (p *pod) load(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				_ = p.ask(ctx)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
}

// ask asks for one page; a client of the stuck one gives up soon.
func (p *pod) ask(ctx context.Context) error {
	dial := func(_ context.Context, network, addr string) (conn net.Conn, err error) {
		p.Do(func() { conn, err = net.DialTimeout(network, addr, patience) })
		return conn, err
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
