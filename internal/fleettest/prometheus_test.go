package fleettest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

const (
	rulesFile = "../../deploy/prometheus/reusewatch.rules.yml"
	dashboard = "../../deploy/grafana/reusewatch.json"
)

func promtool(t *testing.T, stdin io.Reader, args ...string) {
	t.Helper()
	cmd := exec.Command(unpacked(t, "prometheus", "usr/bin/promtool"), args...)
	cmd.Stdin = stdin
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v: %s", args, err, out)
	}
}

func TestRules(t *testing.T) {
	promtool(t, nil, "check", "rules", "--lint=all", "--lint-fatal", rulesFile)
	promtool(t, nil, "test", "rules", strings.Replace(rulesFile, ".rules.", ".rules_test.", 1))
}

type rule struct {
	Alert       string
	Expr        string
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

func readRules(t *testing.T) ruleFile {
	t.Helper()
	b, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var f ruleFile
	if err := yaml.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRunbooks: each alert has a page and a test, and no page is of none.
func TestRunbooks(t *testing.T) {
	tests, err := os.ReadFile(strings.Replace(rulesFile, ".rules.", ".rules_test.", 1))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			page := "docs/runbooks/" + r.Alert + ".md"
			pages = append(pages, filepath.Base(page))
			if text, err := os.ReadFile("../../" + page); err != nil || !strings.HasPrefix(string(text), "# "+r.Alert+"\n") {
				t.Errorf("%s: no page %s: %v", r.Alert, page, err)
			}
			paged := strings.HasSuffix(r.Annotations["runbook_url"], "/"+page)
			if !paged || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s: %+v %+v, want its page, a summary and a severity", r.Alert, r.Annotations, r.Labels)
			}
			if !strings.Contains(string(tests), "alertname: "+r.Alert+"\n        exp_alerts:\n") {
				t.Errorf("%s: no test has it fire", r.Alert)
			}
			if strings.Contains(r.Expr, "group_stuck_members") && !strings.Contains(r.Expr, `cause!~"`) {
				t.Errorf("%s does not leave out load", r.Alert)
			}
		}
	}
	files, err := filepath.Glob("../../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains(pages, filepath.Base(f)) {
			t.Errorf("%s is the page of no alert", f)
		}
	}
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return string(b), err
}

// prometheus runs a real one that scrapes target, with the rules of the project,
// but that they do not wait. It gives the address of its API.
func prometheus(t *testing.T, target string) string {
	t.Helper()
	dir := t.TempDir()
	rules := readRules(t)
	for _, g := range rules.Groups {
		for i := range g.Rules {
			g.Rules[i].For = ""
		}
	}
	text, err := yaml.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "rules.yml"), string(text))
	config := filepath.Join(dir, "prometheus.yml")
	write(t, config, fmt.Sprintf(`global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yml]
scrape_configs: [{job_name: reusewatch, static_configs: [{targets: [%q]}]}]
`, target))
	address := livetest.FreeAddress(t)
	cmd := exec.Command(unpacked(t, "prometheus", "usr/bin/prometheus"), "--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus: %s", log.String())
		}
	})
	return "http://" + address
}

// alerts are the names of those that fire.
func alerts(t *testing.T, api string) []string {
	t.Helper()
	text, err := get(t, api+"/api/v1/alerts")
	if err != nil {
		return nil // it has not begun yet
	}
	var reply struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &reply); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range reply.Data.Alerts {
		if a.State == "firing" {
			names = append(names, a.Labels["alertname"])
		}
	}
	return names
}

// TestAlertFiresAndResolves: a real Prometheus scrapes the real binary while a
// real haproxy is stuck. The alert fires, and resolves once it has been ended.
// Then each query of the dashboard is tried against what was scraped.
func TestAlertFiresAndResolves(t *testing.T) {
	p := stuckPod(t)
	target, state := livetest.FreeAddress(t), t.TempDir()
	disarmed := filepath.Join(state, "disarmed")
	write(t, disarmed, "")
	e := onHost(t, quick(p, "--action", "kill", "--state-dir", state, "--metrics-address", target)...)
	api := prometheus(t, target)
	e.must("stuck")
	const alert = "ReusewatchListenerStuck"
	livetest.Eventually(t, alert+" fires", func() bool { return slices.Contains(alerts(t, api), alert) })
	during, err := get(t, "http://"+target+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	promtool(t, strings.NewReader(during), "check", "metrics")
	if err := os.Remove(disarmed); err != nil {
		t.Fatal(err)
	}
	if acted := e.must("acted", "act_failed"); acted.Event != "acted" {
		t.Fatalf("%+v", acted)
	}
	livetest.Eventually(t, "ReusewatchListenerStuck resolves and ReusewatchActed fires", func() bool {
		now := alerts(t, api)
		return !slices.Contains(now, alert) && slices.Contains(now, "ReusewatchActed")
	})
	tryDashboard(t, api, during)
	for _, path := range []string{"/healthz", "/readyz"} {
		if _, err := get(t, "http://"+target+path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// tryDashboard has Prometheus answer each query of the dashboard, and looks that
// it asks for nothing that is not exported.
func tryDashboard(t *testing.T, api, scraped string) {
	t.Helper()
	b, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			tried++
			tryQuery(t, api, panel.Title, target.Expr, scraped)
		}
	}
	if tried < 30 {
		t.Errorf("only %d queries found in the dashboard", tried)
	}
}

// notAlways says of a metric that it is exported in the functions tier alone, which
// not every host has, or once something has happened.
func notAlways(metric string) bool {
	return slices.Contains([]string{
		"reusewatch_group_syns_total", "reusewatch_group_selected_total", "reusewatch_group_full_queue_syns_total",
		"reusewatch_holds_total", "reusewatch_stuck_total", "reusewatch_held_listeners",
	}, metric)
}

func tryQuery(t *testing.T, api, panel, query, scraped string) {
	t.Helper()
	query = strings.NewReplacer("$instance", ".*", "$__rate_interval", "1m", "$__range", "5m").Replace(query)
	text, err := get(t, api+"/api/v1/query?query="+url.QueryEscape(query))
	if err != nil {
		t.Errorf("%s: %s: %v", panel, query, err)
		return
	}
	var reply struct {
		Status string
		Data   struct{ Result []any }
	}
	if err := json.Unmarshal([]byte(text), &reply); err != nil || reply.Status != "success" {
		t.Errorf("%s: %s: %v: %s", panel, query, err, text)
	}
	rare := false
	for _, name := range regexp.MustCompile(`(reusewatch|process)_[a-z_]+`).FindAllString(query, -1) {
		metric := strings.TrimSuffix(name, "_bucket")
		rare = rare || notAlways(metric)
		if !strings.Contains(scraped, "\n# HELP "+metric+" ") && !rare {
			t.Errorf("%s asks for %s, which is not exported", panel, metric)
		}
	}
	// Some is there only while something is stuck.
	if rare = rare || strings.Contains(query, "stuck"); len(reply.Data.Result) == 0 && !rare {
		t.Errorf("%s: no answer to %s", panel, query)
	}
}
