package scenarios

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

func jsonLines[T any](t *testing.T, s string) []T {
	t.Helper()
	var all []T
	for _, line := range lines(s) {
		var one T
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

// byHandArgs act soon, and only in the namespace of the test.
func byHandArgs(t *testing.T, ns *livetest.Namespace, verb, cookie string, more ...string) []string {
	t.Helper()
	return append([]string{
		verb, cookie, "--netns", ns.Path, "--state-dir", t.TempDir(), "--stuck-after", "1s", "--act-after", "2s",
		"--startup-grace", "1s", "--term-grace", "1s", "--interval", "200ms", "-o", "json",
	}, more...)
}

// cookieOf is the cookie of the one listener of a process.
func cookieOf(t *testing.T, ns *livetest.Namespace, p *process) string {
	t.Helper()
	var list struct{ Listeners []struct{ Cookie string } }
	stdout, stderr, code := output(t, "list", "--netns", ns.Path, "--pid", strconv.Itoa(p.pid()), "-o", "json")
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != 0 || len(list.Listeners) != 1 {
		t.Fatalf("%v, exit code %d, %s%s", err, code, stdout, stderr)
	}
	return list.Listeners[0].Cookie
}

// TestByHand: a person's word goes through the same gate.
func TestByHand(t *testing.T) {
	beside(t)
	for _, verb := range []string{"kill", "close"} {
		t.Run(verb, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			healthy := serve(t, ns, server{Addr: web})
			stuck := serve(t, ns, server{Addr: web, Then: wayMutex})
			v := queueUp(t, ns, web, 100)
			load(t, ns, web, 4)
			cookie := cookieOf(t, ns, stuck)
			log, evidence := filepath.Join(t.TempDir(), "audit.log"), filepath.Join(t.TempDir(), "evidence")

			would, stderr, code := output(t, byHandArgs(t, ns, verb, cookie, "--dry-run")...)
			if code != 0 || !strings.HasPrefix(would, "would "+verb) || gone(stuck.pid()) {
				t.Fatalf("dry run: exit code %d, %s%s", code, would, stderr)
			}
			args := byHandArgs(t, ns, verb, cookieOf(t, ns, healthy))
			if _, stderr, code := output(t, args...); code != cli.ExitRefused || !strings.Contains(stderr, "not stuck") {
				t.Errorf("the healthy one: exit code %d, %s", code, stderr)
			}
			stdout, stderr, code := output(t, byHandArgs(t, ns, verb, cookie, "--audit-log", log, "--evidence-dir", evidence)...)
			if code != 0 {
				t.Fatalf("exit code %d, %s%s", code, stdout, stderr)
			}
			if o := v.outcome(t); o != (outcome{answered: 100}) {
				t.Errorf("%+v, want all of 100 answered", o)
			}
			if gone(stuck.pid()) != (verb == "kill") || !healthy.alive() {
				t.Errorf("the stuck one has ended %v, the healthy one lives %v", gone(stuck.pid()), healthy.alive())
			}
			events := jsonLines[told](t, stdout)
			if len(events) != 2 || events[0].Event != "acting" || events[1].Event != "acted" || events[1].PID != stuck.pid() {
				t.Errorf("events %+v", events)
			}
			checkKept(t, log, evidence, verb, stuck, cookie)
			nothingAttached(t, ns)
		})
	}
}

// checkKept reads what an act left for whoever asks later.
func checkKept(t *testing.T, log, evidence, verb string, stuck *process, cookie string) {
	t.Helper()
	entries := auditLog(t, log)
	if len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	in, out := entries[0], entries[1]
	if in.Kind != "intent" || in.Action != verb || in.PID != stuck.pid() || in.Cause != "blocked" || in.By != "command" ||
		in.Policy == "" || in.Listeners[0] != cookie {
		t.Errorf("intent %+v", in)
	}
	same := out.ActID == in.ActID && out.Policy == in.Policy
	if out.Kind != "outcome" || out.Result != "acted" || !same || out.Rescued == nil || *out.Rescued < 100 {
		t.Errorf("outcome %+v", out)
	}
	info, err := os.Stat(in.Evidence)
	if err != nil || filepath.Dir(in.Evidence) != evidence || info.Mode().Perm() != 0o600 {
		t.Fatalf("evidence %s: %v", in.Evidence, err)
	}
	b, err := os.ReadFile(in.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		ActID   string `json:"act_id"`
		Targets []struct {
			PID          int
			ClientsTotal int `json:"clients_total"`
			Clients      []struct{ Remote string }
			Listener     struct {
				Cause    string
				Decision struct{ Act string }
				Evidence struct {
					Owners []struct {
						Threads []struct{ Stack []string }
					}
				}
			}
		}
		Group  []struct{ Verdict string }
		Policy map[string]any
		SHA256 string `json:"policy_sha256"`
	}
	if err := json.Unmarshal(b, &bundle); err != nil {
		t.Fatal(err)
	}
	ofIt := bundle.ActID == in.ActID && bundle.SHA256 == in.Policy
	if !ofIt || len(bundle.Policy) == 0 || len(bundle.Targets) != 1 || len(bundle.Group) != 2 {
		t.Fatalf("bundle %s", b)
	}
	target := bundle.Targets[0]
	if target.PID != stuck.pid() || target.ClientsTotal < 100 || len(target.Clients) != target.ClientsTotal ||
		target.Listener.Cause != "blocked" || target.Listener.Decision.Act != verb {
		t.Errorf("target: pid %d, %d clients, %+v", target.PID, target.ClientsTotal, target.Listener)
	}
	if o := target.Listener.Evidence.Owners; len(o) != 1 || len(o[0].Threads) == 0 || len(o[0].Threads[0].Stack) == 0 {
		t.Errorf("no stacks: %+v", o)
	}
	if strings.Contains(string(b), "REUSEWATCH_TEST_SERVER") {
		t.Error("the environment is in it")
	}
}

// TestByHandRefused: what holds a run holds a person, but for what --force overrules.
func TestByHandRefused(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	stuck := serve(t, ns, server{Addr: web, Then: wayMutex})
	hangs(t, ns, web)
	cookie := cookieOf(t, ns, stuck)
	stdout, stderr, code := output(t, byHandArgs(t, ns, "kill", cookie)...)
	if code != cli.ExitRefused || !strings.Contains(stderr, "no-sibling-accepted") || !strings.Contains(stdout, `"held"`) {
		t.Errorf("alone: exit code %d, %s%s", code, stdout, stderr)
	}
	if _, stderr, code := output(t, byHandArgs(t, ns, "kill", "beef")...); code != cli.ExitUsage {
		t.Errorf("no such cookie: exit code %d, %s", code, stderr)
	}
	if _, stderr, code := output(t, byHandArgs(t, ns, "kill", "no-cookie")...); code != cli.ExitUsage {
		t.Errorf("no cookie at all: exit code %d, %s", code, stderr)
	}
	dir := t.TempDir()
	write(t, dir, "disarmed", "")
	_, stderr, code = output(t, byHandArgs(t, ns, "kill", cookie, "--force", "--state-dir", dir)...)
	if code != cli.ExitRefused || !strings.Contains(stderr, "disarmed") || gone(stuck.pid()) {
		t.Errorf("disarmed: exit code %d, %s", code, stderr)
	}
	if _, stderr, code := output(t, byHandArgs(t, ns, "kill", cookie, "--force")...); code != 0 {
		t.Errorf("--force: exit code %d, %s", code, stderr)
	}
	livetest.Eventually(t, "its process has ended", func() bool { return gone(stuck.pid()) })
}
