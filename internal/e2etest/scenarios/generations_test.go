package scenarios

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// haproxyAnswering is a healthy haproxy that answers with that word; the file of
// its configuration is written anew.
func haproxyAnswering(t *testing.T, ns *livetest.Namespace, path, word string) *process {
	t.Helper()
	config := strings.Replace(haproxyConfig, "string ok", "string "+word, 1)
	time.Sleep(700 * time.Millisecond) // a reload: what starts together is one
	p := start(t, ns, nil, "haproxy", "-db", "-f", write(t, filepath.Dir(path), filepath.Base(path), config))
	listens(t, ns, p, 80)
	return p
}

// answers asks that many times and counts who answered.
func answers(t *testing.T, ns *livetest.Namespace, times int, words ...string) map[string]int {
	t.Helper()
	count := make(map[string]int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range times / 4 {
				body := bodyOf(ns)
				mu.Lock()
				for _, w := range words {
					if strings.HasSuffix(body, w) {
						count[w]++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return count
}

func bodyOf(ns *livetest.Namespace) string {
	var conn net.Conn
	var err error
	ns.Do(func() { conn, err = net.DialTimeout("tcp4", "127.0.0.1:80", patience) })
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * patience))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		return ""
	}
	b, _ := io.ReadAll(conn)
	return string(b)
}

// TestLostReload: the signal of a reload was lost, so the old haproxy goes on
// answering with the old configuration. It is named, and the share that it takes.
func TestLostReload(t *testing.T) {
	beside(t)
	for when, c := range map[string]struct{ older, newer, why string }{
		"before": {"older.cfg", "newer.cfg", "other-config"},
		"after":  {"haproxy.cfg", "haproxy.new.cfg", "other-config"},
	} {
		t.Run("the older one began "+when+" reusewatch", func(t *testing.T) {
			beside(t)
			ns, dir, state := livetest.Netns(t), t.TempDir(), t.TempDir()
			watch := func() *runner {
				return run(t, "--netns", ns.Path, "--superseded-after", "3s", "--state-dir", state)
			}
			var r *runner
			if when == "after" {
				r = watch()
			}
			older := haproxyAnswering(t, ns, dir+"/"+c.older, "older")
			if when == "before" {
				r = watch()
			}
			newer := haproxyAnswering(t, ns, dir+"/"+c.newer, "newer")
			began := time.Now()
			e := r.await("finding", func(e told) bool { return e.Event == "finding" && e.Listener.Local == "127.0.0.1:80" })
			t.Logf("found %s after the newer one was seen to listen", time.Since(began))
			s := e.Listener.Superseded
			if !slices.Equal(e.Listener.Findings, []string{"superseded"}) || s == nil || len(e.Listener.Owners) != 1 ||
				e.Listener.Owners[0].PID != older.pid() {
				t.Fatalf("found %+v", e.Listener)
			}
			if !slices.Equal(s.Old.PIDs, []int{older.pid()}) || !slices.Equal(s.New.PIDs, []int{newer.pid()}) {
				t.Errorf("%+v, want %d superseded by %d", s, older.pid(), newer.pid())
			}
			was, is := s.Old.Configs, s.New.Configs
			if len(was) != 1 || was[0].Path != dir+"/"+c.older || len(is) != 1 || is[0].Path != dir+"/"+c.newer {
				t.Errorf("configuration files %+v and %+v", s.Old.Configs, s.New.Configs)
			}
			if !slices.Equal(s.Why, []string{c.why}) {
				t.Errorf("told apart by %q, want %s", s.Why, c.why)
			}
			const asked = 2000
			count := answers(t, ns, asked, "older", "newer")
			if count["older"]+count["newer"] != asked {
				t.Fatalf("%v of %d requests", count, asked)
			}
			want, seen := float64(count["older"])/asked, ""
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("of %v: share %s", count, seen)
				}
			})
			livetest.Eventually(t, "the share is that of the requests", func() bool {
				share := shareOf(t, ns, state, e.Listener.Cookie)
				seen = fmt.Sprint(share)
				return share != nil && math.Abs(*share-want) < 0.03
			})
			r.none("stuck", "acting")
			// Told once for each of its two listeners.
			found := 0
			for _, e := range r.all() {
				if e.Event == "finding" {
					found++
				}
			}
			if found != 2 {
				t.Errorf("%d findings told, want 2", found)
			}
		})
	}
}

// shareOf is the share that a daemon tells of an older generation.
func shareOf(t *testing.T, ns *livetest.Namespace, state, cookie string) *float64 {
	t.Helper()
	stdout, stderr, code := output(t, "list", "-o", "json", "--from", "unix:"+state+"/reusewatch.sock", "--netns", ns.Path)
	var seen struct {
		Listeners []struct {
			Cookie     string
			Superseded *toldSuperseded
		}
	}
	if code != 0 || json.Unmarshal([]byte(stdout), &seen) != nil {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, l := range seen.Listeners {
		if l.Cookie == cookie && l.Superseded != nil {
			return l.Superseded.Share
		}
	}
	return nil
}

// TestSupersededIsActedOn: armed for it, the older generation goes, or its listener
// alone, and the newer one stays; and not before the newer one accepts.
func TestSupersededIsActedOn(t *testing.T) {
	beside(t)
	for _, action := range []string{"kill", "close"} {
		t.Run(action, func(t *testing.T) {
			beside(t)
			supersededIsActedOn(t, action)
		})
	}
}

func supersededIsActedOn(t *testing.T, action string) {
	ns, dir := livetest.Netns(t), t.TempDir()
	older := haproxyAnswering(t, ns, dir+"/older.cfg", "older")
	newer := haproxyAnswering(t, ns, dir+"/newer.cfg", "newer")
	r := run(t, "--netns", ns.Path, "--superseded", action, "--superseded-after", "2s", "--interval", "200ms")
	held := r.await("held", func(e told) bool { return e.Event == "held" && e.Listener.Local == "127.0.0.1:80" })
	if d := held.Listener.Decision; d == nil || !slices.Contains(d.Reasons, "no-sibling-accepted") {
		t.Errorf("held: %+v, want no-sibling-accepted: nobody has asked the newer one for anything", held.Listener.Decision)
	}
	if !older.alive() {
		t.Fatal("the older one was ended while nobody had seen the newer one accept")
	}
	c := load(t, ns, "127.0.0.1:80", 4)
	acted := r.await("acted", func(e told) bool { return e.Event == "acted" || e.Event == "act_failed" })
	if acted.Event != "acted" || acted.PID != older.pid() || acted.Listener.Local != web {
		t.Errorf("%+v, want pid %d and its listener on %s", acted, older.pid(), web)
	}
	if action == "kill" {
		livetest.Eventually(t, "the older one has ended", func() bool { return !older.alive() })
	} else if !older.alive() {
		t.Error("the older one has ended, not only its listener")
	}
	c.stop()
	if n := c.hung.Load(); n > 0 {
		t.Errorf("%d clients hung", n)
	}
	if count := answers(t, ns, 100, "older", "newer"); count["newer"] != 100 || !newer.alive() {
		t.Errorf("%v of 100 requests", count)
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestExpectGenerations: the hook after a reload waits for the older one to go, and
// fails if it does not.
func TestExpectGenerations(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	check := func() (string, int) {
		stdout, stderr, code := output(t, "check", "--expect-generations", "1", "--netns", ns.Path, "--port", "80",
			"--wait", "5s", "--interval", "300ms")
		return stdout + stderr, code
	}
	if said, code := check(); code != 1 || !strings.HasPrefix(said, "NOTHING") {
		t.Errorf("nothing listens: exit code %d: %s", code, said)
	}
	older := haproxyAnswering(t, ns, dir+"/older.cfg", "older")
	if said, code := check(); code != 0 {
		t.Errorf("one: exit code %d: %s", code, said)
	}
	haproxyAnswering(t, ns, dir+"/newer.cfg", "newer")
	is := fmt.Sprintf("pid %d is of an older generation", older.pid())
	if said, code := check(); code != 1 || !strings.Contains(said, is) {
		t.Errorf("two: exit code %d: %s", code, said)
	}
	// One look without history tells it too, by when the processes started.
	for _, args := range [][]string{
		{"list", "-o", "wide", "--port", "80"},
		{"explain", fmt.Sprintf("pid:%d", older.pid()), "--port", "80"},
	} {
		stdout, stderr, code := output(t, append(args, "--netns", ns.Path, "--superseded-after", "1s")...)
		if code != 0 || !strings.Contains(stdout, "superseded") {
			t.Errorf("%q: exit code %d: %s%s", args, code, stdout, stderr)
		}
		t.Logf("%s", stdout)
	}
	if err := older.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if said, code := check(); code != 0 {
		t.Errorf("one again: exit code %d: %s", code, said)
	}
}
