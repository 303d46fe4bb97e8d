package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// explained is what a test reads of `explain -o json`.
type explained struct {
	Schema, Tier string
	Note         *string
	Listener     struct {
		Cookie, Local, Verdict string
		Queue                  int
	}
	Group   []struct{ Cookie string }
	Others  []struct{ Cookie string }
	Clients []struct {
		Remote string
		Waited float64 `json:"waited_seconds"`
		Unread *int    `json:"unread_bytes"`
		Gone   *string
	}
	Total    *int `json:"clients_total"`
	Gone     *int `json:"clients_gone"`
	Gate     []struct{ Reason, Meaning string }
	Timeline []struct{ What string }
	Probe    *struct {
		Share    float64
		Expected float64 `json:"expected_seconds"`
	}
}

func explainJSON(t *testing.T, args ...string) explained {
	t.Helper()
	stdout, stderr, code := output(t, append([]string{"explain", "-o", "json"}, args...)...)
	if code != 0 || stderr != "" {
		t.Fatalf("explain %v: exit code %d: %s", args, code, stderr)
	}
	var e explained
	if err := json.Unmarshal([]byte(stdout), &e); err != nil {
		t.Fatalf("explain %v: %v: %s", args, err, stdout)
	}
	return e
}

// inhabited is a namespace that a process lives in: one that only a descriptor
// keeps is not searched.
func inhabited(t *testing.T) *livetest.Namespace {
	t.Helper()
	ns := livetest.Netns(t)
	start(t, ns, nil, "sleep", "1000")
	return ns
}

// threeWait makes three clients wait: one sent 5 bytes, one closed, one reset.
func threeWait(t *testing.T, ns *livetest.Namespace, l *livetest.Listener, f livetest.Family) (want []string) {
	t.Helper()
	for i, gone := range []string{"<nil>", "fin", "rst"} {
		c := ns.Dial(livetest.Dial{To: l.Dest(f)})
		unread := 0
		switch i {
		case 0:
			unread = 5
			if _, err := unix.Write(c.FD, []byte("hello")); err != nil {
				t.Fatal(err)
			}
		case 1:
			defer c.Close()
		case 2:
			defer c.Reset()
		}
		addr := "127.0.0.1"
		if f == livetest.V6 {
			addr = "[::1]"
		}
		want = append(want, fmt.Sprintf("%s:%d %d %s", addr, c.Port(), unread, gone))
	}
	return want
}

func TestExplainClients(t *testing.T) {
	beside(t)
	for name, f := range map[string]livetest.Family{"v4": livetest.V4, "v6": livetest.V6} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns := inhabited(t)
			l := ns.Listen(livetest.Listen{Family: f})
			want := threeWait(t, ns, l, f)
			e := explainJSON(t, fmt.Sprint(l.Port()), "--netns", ns.Path)
			var got []string
			for _, c := range e.Clients {
				gone := "<nil>"
				if c.Gone != nil {
					gone = *c.Gone
				}
				got = append(got, fmt.Sprintf("%s %d %s", c.Remote, *c.Unread, gone))
				if c.Waited <= 0 || c.Waited > 10 {
					t.Errorf("%s has waited %v s", c.Remote, c.Waited)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("clients\n%q, want\n%q", got, want)
			}
			known := e.Schema == "reusewatch/v1" && e.Listener.Cookie == fmt.Sprintf("%x", l.Cookie)
			if !known || e.Listener.Queue != 3 || *e.Total != 3 || *e.Gone != 2 {
				t.Errorf("%+v", e)
			}
			if e.Gate != nil || e.Probe != nil || len(e.Group) != 0 {
				t.Errorf("a young queue: gate %v, probe %v, group %v", e.Gate, e.Probe, e.Group)
			}

			text, _, code := output(t, "explain", fmt.Sprintf("cookie:%x", l.Cookie), "--clients", "1", "--netns", ns.Path)
			first, _, _ := strings.Cut(want[0], " ")
			second, _, _ := strings.Cut(want[1], " ")
			onlyFirst := strings.Contains(text, first) && !strings.Contains(text, second)
			if code != 0 || !onlyFirst || !strings.Contains(text, "2 more (--clients 3)") {
				t.Errorf("exit code %d, one client of three:\n%s", code, text)
			}
		})
	}
}

// TestExplainStuck: watched long enough, all that is known of a member that
// never accepts beside one that does.
func TestExplainStuck(t *testing.T) {
	beside(t)
	ns := inhabited(t)
	group := ns.Group(2, livetest.Listen{})
	dead := group[0]
	group[1].Serve(livetest.Service{})
	for to := dead.Dest(livetest.V4); dead.Queue() < 2; {
		ns.Dial(livetest.Dial{To: to})
	}
	cookie := fmt.Sprintf("%x", dead.Cookie)
	// By its port and by its pid it is the worst of two that go by the name.
	for _, name := range []string{fmt.Sprint(dead.Port()), fmt.Sprintf("pid:%d", os.Getpid()), "cookie:" + cookie} {
		e := explainJSON(t, name, "--netns", ns.Path, "--for", "1200ms", "--interval", "100ms", "--stuck-after", "500ms")
		if e.Listener.Cookie != cookie || e.Listener.Verdict != "stuck" || len(e.Group) != 2 || len(e.Others) != 0 {
			t.Errorf("%s: %+v", name, e)
		}
		reasons := make([]string, len(e.Gate))
		for i, g := range e.Gate {
			reasons[i] = g.Reason
		}
		if !slices.Contains(reasons, "not-armed") || !slices.Contains(reasons, "too-soon") {
			t.Errorf("%s: gate %v", name, e.Gate)
		}
		if e.Probe == nil || e.Probe.Share != 0.5 || e.Probe.Expected != 140 {
			t.Errorf("%s: probe %+v", name, e.Probe)
		}
		var whats []string
		for _, m := range e.Timeline {
			whats = append(whats, m.What)
		}
		for _, want := range []string{"started", "oldest client", "saw it first", "last look"} {
			if !strings.Contains(strings.Join(whats, "; "), want) {
				t.Errorf("%s: no %q in the timeline %q", name, want, whats)
			}
		}
	}
	text, _, _ := output(t, "explain", cookie, "--netns", ns.Path)
	for _, want := range []string{
		"GROUP of 2", "not measured: watch longer, with --for 12s", "the listener is in no epoll set of it",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestExplainOthers: the same port in two namespaces.
func TestExplainOthers(t *testing.T) {
	beside(t)
	a, b := inhabited(t), inhabited(t)
	la := a.Listen(livetest.Listen{})
	lb := b.Listen(livetest.Listen{Port: la.Port()})
	b.Dial(livetest.Dial{To: lb.Dest(livetest.V4)})
	e := explainJSON(t, fmt.Sprintf("port:%d", la.Port()), "--netns", a.Path, "--netns", b.Path)
	cookieA, cookieB := fmt.Sprintf("%x", la.Cookie), fmt.Sprintf("%x", lb.Cookie)
	if e.Listener.Cookie != cookieB || len(e.Others) != 1 || e.Others[0].Cookie != cookieA {
		t.Errorf("%+v", e)
	}
}

func TestExplainNothing(t *testing.T) {
	beside(t)
	ns := inhabited(t)
	l := ns.Listen(livetest.Listen{})
	other := l.Port()%60000 + 1
	for args, want := range map[string]string{
		fmt.Sprintf("explain port:%d", other): fmt.Sprintf("no listener is known by port:%d", other),
		fmt.Sprintf("explain %d", other): fmt.Sprintf(
			"no listener is known by port:%d, pid:%d, cookie:%d", other, other, other),
		"explain pid:1":               "no listener is known by pid:1",
		"explain cookie:ffffffffffff": "no listener is known by cookie:ffffffffffff",
		"explain nobody":              `"nobody" is no port, pid or cookie`,
		"explain port:70000":          `"port:70000" is no port`,
		"explain host:80":             `"host:80" is no port`,
		"explain":                     "accepts 1 arg(s)",
		"explain 80 -o yaml":          `unknown --output "yaml"`,
		"explain 80 --clients -1":     "--clients -1 is negative",
		"explain 80 --for -1s":        "--for -1s is negative",
	} {
		stdout, stderr, code := output(t, append(strings.Fields(args), "--netns", ns.Path)...)
		if code != cli.ExitUsage || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want one line with %q", args, code, stdout, stderr, want)
		}
	}
}
