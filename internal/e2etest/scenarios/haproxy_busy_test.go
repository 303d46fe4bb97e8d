package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestHaproxyHangsLater: a haproxy that has served, until a Lua task of its own
// opened a file that never opens.
func TestHaproxyHangsLater(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	// The task runs as the user haproxy.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	fifo := dir + "/secrets"
	if err := unix.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	lua := write(t, dir, "task.lua", fmt.Sprintf(
		`core.register_task(function() core.sleep(2); local f = io.open("%s", "r"); f:read("*a") end)`, fifo))
	config := strings.Replace(haproxyConfig, "global\n", "global\n    nbthread 1\n    lua-load "+lua+"\n", 1)
	stuck := start(t, ns, nil, "haproxy", "-db", "-f", write(t, dir, "stuck.cfg", config))
	listens(t, ns, stuck, 80)
	if err := ask(ns, web); err != nil {
		t.Fatalf("before it hangs: %v", err)
	}
	healthy := healthyHaproxy(t, ns, dir)
	hangs(t, ns, web)
	r := arm(t, ns)
	killed(t, r, stuck.pid(), "blocked")
	answered(t, ns, web)
	only(t, r, stuck.pid())
	if !healthy.alive() {
		t.Error("the healthy one has ended")
	}
}

const haproxyLimited = `global
    maxconn %s
    nbthread 2
defaults
    mode tcp
    timeout connect 2s
    timeout client 600s
    timeout server 600s
frontend fe
    bind 127.0.0.1:80
    %s
    default_backend be
backend be
    server s1 127.0.0.1:81
`

// TestHaproxyAtLimit: haproxy accepts no more on purpose, for as long as its
// connections last; at its rate it accepts one a second.
func TestHaproxyAtLimit(t *testing.T) {
	beside(t)
	for name, c := range map[string]struct {
		global, frontend string
		slow             bool
	}{
		"maxconn of all":         {"8", "", false},
		"maxconn of a frontend":  {"1000", "maxconn 8", false},
		"sessions of a frontend": {"1000", "rate-limit sessions 1", true},
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns, dir := livetest.Netns(t), t.TempDir()
			stays(t, serve(t, ns, server{Addr: other}))
			config := write(t, dir, "limited.cfg", fmt.Sprintf(haproxyLimited, c.global, c.frontend))
			p := start(t, ns, nil, "haproxy", "-db", "-f", config)
			listens(t, ns, p, 80)
			stays(t, p)
			// They stay, or wait in vain, until the test ends.
			client := func() {
				_, _ = ns.TryDial(livetest.Dial{To: addrPort(web), Word: true, Patience: 50 * time.Millisecond})
			}
			for range 12 {
				client()
			}
			background(t, 500*time.Millisecond, client)
			r := arm(t, ns, "--allow-sole")
			if c.slow {
				leftAloneUnless(t, r, "at-limit")
				return
			}
			held(t, r, "at-limit")
			only(t, r)
		})
	}
}
