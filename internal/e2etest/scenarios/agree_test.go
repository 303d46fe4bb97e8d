package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// ss runs iproute2's ss in the network namespace at path.
func ss(t *testing.T, path string, args ...string) string {
	t.Helper()
	out, err := exec.Command("nsenter", append([]string{"--net=" + path, "ss"}, args...)...).Output()
	if _, gone := os.Stat(path); err != nil && gone == nil {
		t.Fatalf("ss in %s: %v", path, err)
	}
	return string(out) // nothing from a namespace of another test that has gone
}

// row is what both know of a listener.
type row struct {
	Local        string
	RecvQ, SendQ int
	PIDs         []int
}

// bySS reads `ss -lntp` of a namespace, by cookie.
func bySS(t *testing.T, path string) map[string]row {
	t.Helper()
	cookie, pid := regexp.MustCompile(`\bsk:([0-9a-f]+)`), regexp.MustCompile(`\bpid=(\d+),`)
	rows := make(map[string]row)
	for _, l := range strings.Split(ss(t, path, "-HOlntpe"), "\n") {
		f := strings.Fields(l)
		if len(f) < 5 || f[0] != "LISTEN" {
			continue
		}
		r := row{Local: f[3]}
		if _, err := fmt.Sscan(f[1]+" "+f[2], &r.RecvQ, &r.SendQ); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		for _, m := range pid.FindAllStringSubmatch(l, -1) {
			var n int
			if _, err := fmt.Sscan(m[1], &n); err != nil {
				t.Fatal(err)
			}
			r.PIDs = append(r.PIDs, n)
		}
		slices.Sort(r.PIDs)
		r.PIDs = slices.Compact(r.PIDs)
		rows[cookie.FindStringSubmatch(l)[1]] = r
	}
	return rows
}

// byList reads `list -o json` of a namespace, by cookie; ss writes "*" for the
// address of a socket that takes both families.
func byList(t *testing.T, path string) map[string]row {
	t.Helper()
	stdout, stderr, code := output(t, "list", "-o", "json", "--netns", path)
	if _, gone := os.Stat(path); gone != nil {
		return nil
	}
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var list struct {
		Schema    string
		Listeners []struct {
			Cookie, Local, Verdict string
			Queue, Backlog         int
			SYNs, Queued, Accepted *int
			Decision               *struct{}
			Owners                 []struct{ PID int }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		t.Fatal(err)
	}
	if list.Schema != "reusewatch/v1" {
		t.Errorf("schema %q", list.Schema)
	}
	rows := make(map[string]row)
	for _, l := range list.Listeners {
		r := row{Local: l.Local, RecvQ: l.Queue, SendQ: l.Backlog}
		for _, o := range l.Owners {
			r.PIDs = append(r.PIDs, o.PID)
		}
		if l.Owners == nil {
			t.Errorf("%s: owners null after a census, want [] for unowned", l.Local)
		}
		if l.SYNs != nil || l.Queued != nil || l.Accepted != nil || l.Decision != nil || l.Verdict == "stuck" {
			t.Errorf("one look knows too much: %+v", l)
		}
		rows[l.Cookie] = r
	}
	return rows
}

// address reads both ways of writing a wildcard and an interface.
func address(s string) string {
	s = strings.Replace(s, "[::]:", "*:", 1)
	return regexp.MustCompile(`%[^:]+`).ReplaceAllString(s, "")
}

func normal(rows map[string]row) map[string]row {
	for k, r := range rows {
		r.Local = address(r.Local)
		rows[k] = r
	}
	return rows
}

// TestListAgreesWithSS compares every network namespace there is, at a moment
// when ss says the same before and after.
func TestListAgreesWithSS(t *testing.T) {
	beside(t)
	livetest.Root(t)
	a, b := livetest.Netns(t), livetest.Netns(t)
	for _, ns := range []*livetest.Namespace{a, b} {
		for _, o := range []livetest.Listen{
			{}, {Family: livetest.V6}, {Family: livetest.Dual}, {MPTCP: true},
			{Family: livetest.Dual, MPTCP: true}, {Backlog: 7},
		} {
			ns.Listen(o)
		}
		group := ns.Group(3, livetest.Listen{Reuseport: true})
		for range 20 {
			ns.Dial(livetest.Dial{To: group[0].Dest(livetest.V4)})
		}
		inherited(t, ns)
	}
	// One that nothing but a descriptor of ours keeps.
	c := livetest.Netns(t)
	c.Listen(livetest.Listen{})
	if rows := byList(t, c.Path); len(rows) != 1 {
		t.Errorf("%d listeners in a namespace without a process, want 1", len(rows))
	}
	held := a.Listen(livetest.Listen{})
	inFlight(t, held)

	paths := []string{a.Path, b.Path, c.Path}
	links, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, path := range links {
		if ns, err := os.Readlink(path); err == nil && !seen[ns] {
			seen[ns] = true
			paths = append(paths, path)
		}
	}
	for _, path := range paths {
		agrees(t, path)
	}
	if rows := byList(t, a.Path); len(rows[fmt.Sprintf("%x", held.Cookie)].PIDs) != 0 {
		t.Errorf("in flight, and yet owned: %+v", rows[fmt.Sprintf("%x", held.Cookie)])
	}
}

func agrees(t *testing.T, path string) {
	t.Helper()
	var before, list map[string]row
	livetest.Eventually(t, path+" stands still", func() bool {
		before = normal(bySS(t, path))
		list = normal(byList(t, path))
		return cmp.Equal(before, normal(bySS(t, path)))
	})
	if _, err := os.Stat(path); err != nil {
		return // of another test, and gone
	}
	if diff := cmp.Diff(before, list); diff != "" {
		t.Errorf("%s: (-ss +list)\n%s", path, diff)
	}
}
