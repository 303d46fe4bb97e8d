package metrics

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
)

func newMetrics(most int) *Metrics {
	return New(Build{Version: "1.2.3", GoVersion: "go1.26"}, time.Second, most)
}

// scrape gives what Prometheus would read, but for the runtime's own.
func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// value is the value of a series, "" where it is not there.
func value(text, series string) string {
	_, rest, found := strings.Cut("\n"+text, "\n"+series+" ")
	if !found {
		return ""
	}
	v, _, _ := strings.Cut(rest, "\n")
	return v
}

func wants(t *testing.T, text string, want map[string]string) {
	t.Helper()
	for series, v := range want {
		if got := value(text, series); got != v {
			t.Errorf("%s is %q, want %q", series, got, v)
		}
	}
}

func publish(m *Metrics, js ...listener.Judgement) {
	m.TickBegan()
	m.Publish(&listener.Snapshot{Time: time.Now(), Tier: listener.TierFunctions}, js, true)
}

// counted is a listener with these counters of SYNs and accepted connections.
func counted(cookie, port, syns, accepted int) listener.Judgement {
	j := listenertest.Bare()
	l := *j.Listener
	l.Cookie, l.Local = listener.Cookie(cookie), netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(port))
	l.SYNs, l.Accepted = listener.Counted(uint64(syns)), listener.Counted(uint64(accepted))
	j.Listener, j.Verdict = &l, listener.Accepting
	return j
}

func TestMetrics(t *testing.T) {
	m := newMetrics(10)
	if got := scrape(t, m); strings.Contains(got, "reusewatch_listeners{") {
		t.Error("listeners are told before anybody looked")
	}
	stuck := listenertest.Full()
	healthy := counted(9, 80, 7, 7)
	healthy.Local, healthy.NetnsName = stuck.Local, "blue"
	healthy.Share, healthy.Queue = listener.Rarely(0.49), 2
	publish(m, stuck, healthy, listenertest.Bare())
	m.CensusTook(3 * time.Millisecond)
	m.Cost(Costs{Programs: []Program{{"tick", 1500 * time.Millisecond, 10, 1}}, Entries: 3, Capacity: 4096})
	for _, e := range wiretest.Events() {
		m.Event(e)
	}
	const blue = `{local="10.39.1.68:80",netns="blue"}`
	wants(t, scrape(t, m), map[string]string{
		`reusewatch_tier{tier="functions"}`: "1", `reusewatch_tier{tier="queues"}`: "0",
		"reusewatch_armed": "1", "reusewatch_ready": "1",
		`reusewatch_listeners{verdict="stuck"}`: "1", `reusewatch_listeners{verdict="idle"}`: "1",
		`reusewatch_listeners{verdict="slow"}`:                  "0",
		`reusewatch_held_listeners{reason="ambiguous-holders"}`: "1",
		"reusewatch_waiting_clients":                            "3287", "reusewatch_stuck_waiting_clients": "3285",
		"reusewatch_groups": "2", "reusewatch_groups_overflow": "0",
		`reusewatch_group_members{local="10.39.1.68:80",netns="blue",verdict="stuck"}`:            "1",
		`reusewatch_group_members{local="10.39.1.68:80",netns="blue",verdict="accepting"}`:        "1",
		`reusewatch_group_members{local="[::]:443",netns="4026531833",verdict="stuck"}`:           "0",
		`reusewatch_group_members{local="[::]:443",netns="4026531833",verdict="accepting"}`:       "",
		`reusewatch_group_stuck_members{cause="never-polled",local="10.39.1.68:80",netns="blue"}`: "1",
		"reusewatch_group_queue_connections" + blue:                                               "3287",
		"reusewatch_group_backlog_connections" + blue:                                             "4096",
		"reusewatch_group_stuck_waiting_clients" + blue:                                           "3285",
		"reusewatch_group_oldest_wait_seconds" + blue:                                             "7860.001234567",
		"reusewatch_group_stuck_share_ratio" + blue:                                               "0.51",
		"reusewatch_group_syns_total" + blue:                                                      "12",
		"reusewatch_group_full_queue_syns_total" + blue:                                           "1",
		"reusewatch_group_selected_total" + blue:                                                  "4",
		"reusewatch_group_queued_total" + blue:                                                    "3",
		"reusewatch_group_accepted_total" + blue:                                                  "7",
		"reusewatch_group_dropped_total" + blue:                                                   "12",
		`reusewatch_group_syns_total{local="[::]:443",netns="4026531833"}`:                        "", // unknown is not 0
		`reusewatch_group_stuck_share_ratio{local="[::]:443",netns="4026531833"}`:                 "",
		`reusewatch_bpf_run_seconds_total{program="tick"}`:                                        "1.5",
		`reusewatch_bpf_runs_total{program="tick"}`:                                               "10",
		`reusewatch_bpf_recursion_misses_total{program="tick"}`:                                   "1",
		`reusewatch_bpf_map_entries{map="listeners"}`:                                             "3",
		`reusewatch_bpf_map_capacity_entries{map="listeners"}`:                                    "4096",
		"reusewatch_tick_duration_seconds_count":                                                  "1",
		"reusewatch_census_duration_seconds_count":                                                "1",
		`reusewatch_build_info{goversion="go1.26",version="1.2.3"}`:                               "1",
		`reusewatch_acts_total{action="kill",result="done"}`:                                      "1",
		`reusewatch_acts_total{action="kill",result="failed"}`:                                    "1",
		`reusewatch_acts_total{action="close",result="done"}`:                                     "0",
		`reusewatch_holds_total{reason="ambiguous-holders"}`:                                      "1",
		`reusewatch_holds_total{reason="not-armed"}`:                                              "1",
		`reusewatch_stuck_total{cause="never-polled"}`:                                            "1",
		"reusewatch_rescued_clients_total":                                                        "3281",
		"reusewatch_stale_clients_total":                                                          "4",
	})
}

// TestCountersOnlyGrow: members come, go, and begin to count anew.
func TestCountersOnlyGrow(t *testing.T) {
	m := newMetrics(10)
	const series = `reusewatch_group_syns_total{local="10.0.0.1:80",netns="4026531833"}`
	for i, step := range []struct {
		js   []listener.Judgement
		want string
	}{
		{[]listener.Judgement{counted(1, 80, 10, 0), counted(2, 80, 5, 0)}, "15"},
		{[]listener.Judgement{counted(1, 80, 12, 0), counted(2, 80, 5, 0)}, "17"},
		{[]listener.Judgement{counted(1, 80, 12, 0)}, "17"},                       // one left
		{[]listener.Judgement{counted(1, 80, 13, 0), counted(3, 80, 1, 0)}, "19"}, // another came
		{[]listener.Judgement{counted(1, 80, 2, 0), counted(3, 80, 1, 0)}, "21"},  // counting began anew
		{[]listener.Judgement{counted(4, 81, 1, 0)}, ""},                          // nobody listens there
	} {
		publish(m, step.js...)
		if got := value(scrape(t, m), series); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

// TestOverflow: beyond the most, groups are counted together, but those with a
// stuck member; nobody who has a name loses it.
func TestOverflow(t *testing.T) {
	m := newMetrics(3)
	all := func() (js []listener.Judgement) {
		for i := range 10 {
			js = append(js, counted(i+1, 8000+i, 100, 100))
		}
		return js
	}
	publish(m, all()...)
	text := scrape(t, m)
	wants(t, text, map[string]string{
		"reusewatch_groups": "10", "reusewatch_groups_overflow": "7",
		`reusewatch_group_syns_total{local="other",netns=""}`:                  "700",
		`reusewatch_group_members{local="other",netns="",verdict="accepting"}`: "7",
	})
	if n := strings.Count(text, "reusewatch_group_syns_total{"); n != 4 {
		t.Errorf("%d series of SYNs, want those of three groups and of the others", n)
	}
	js := all()
	js[9].Verdict, js[9].Cause = listener.Stuck, listener.CauseBlocked
	js[9].Decision = &listener.Decision{Act: listener.Observe, Reason: listener.NotArmed}
	publish(m, js...)
	publish(m, all()...)
	text = scrape(t, m)
	wants(t, text, map[string]string{
		"reusewatch_groups_overflow": "6",
		`reusewatch_group_members{local="10.0.0.1:8009",netns="4026531833",verdict="accepting"}`: "1",
		`reusewatch_group_syns_total{local="other",netns=""}`:                                    "700", // it never shrinks
	})
}

// TestBoundedLabels: whatever a process or a client calls itself is no label.
func TestBoundedLabels(t *testing.T) {
	m := newMetrics(10)
	publish(m, listenertest.Full())
	for _, e := range wiretest.Events() {
		m.Event(e)
	}
	text := scrape(t, m)
	for _, never := range []string{"pid=", "comm=", "cookie=", "client=", "haproxy", "26939", "1a2b"} {
		if strings.Contains(text, never) {
			t.Errorf("a label holds %q", never)
		}
	}
	for _, help := range regexp.MustCompile(`(?m)^# HELP (reusewatch_\S+) (.*)$`).FindAllStringSubmatch(text, -1) {
		if len(help[2]) < 40 || !strings.HasSuffix(help[2], ".") {
			t.Errorf("the help of %s teaches nothing: %q", help[1], help[2])
		}
	}
}

func TestHealth(t *testing.T) {
	m := newMetrics(10)
	get := func(path string) int {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return w.Code
	}
	if h, r := get("/healthz"), get("/readyz"); h != 200 || r != 503 {
		t.Errorf("while it starts: healthz %d, readyz %d", h, r)
	}
	publish(m, listenertest.Bare())
	if got := get("/readyz"); got != 503 {
		t.Errorf("readyz %d before it said that it is ready", got)
	}
	m.Event(wire.Event{Kind: wire.Ready})
	if h, r := get("/healthz"), get("/readyz"); h != 200 || r != 200 {
		t.Errorf("healthz %d, readyz %d", h, r)
	}
	for after, alive := range map[time.Duration]bool{10 * time.Second: true, time.Minute: false} {
		if err := m.healthy(time.Now().Add(after)); (err == nil) != alive {
			t.Errorf("%s after a tick: %v", after, err)
		}
	}
	fresh := newMetrics(1)
	if fresh.healthy(time.Now().Add(time.Minute)) != nil || fresh.healthy(time.Now().Add(5*time.Minute)) == nil {
		t.Error("a start may take a minute, and not five")
	}
	if get("/") != 404 {
		t.Error("something else is served")
	}
}

func TestNobodyAskedForMetrics(*testing.T) {
	var m *Metrics
	m.Publish(&listener.Snapshot{}, nil, false)
	m.Event(wire.Event{Kind: wire.Ready})
}

// crowd is 1,000 groups of 8 members, each with all that can be known.
func crowd() []listener.Judgement {
	js := make([]listener.Judgement, 0, 8000)
	for g := range 1000 {
		for i := range 8 {
			j := listenertest.Full()
			l := j.Listener
			l.Cookie, l.NetnsName = listener.Cookie(g*8+i+1), fmt.Sprintf("cni-%032x", g)
			l.Local = netip.AddrPortFrom(netip.MustParseAddr("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), uint16(10000+g))
			if i > 0 {
				j.Verdict, j.Cause, j.Decision = listener.Accepting, "", nil
			}
			js = append(js, j)
		}
	}
	return js
}

// TestSizeOfAScrape: 1,000 groups of 8 members take less than 5 MB.
func TestSizeOfAScrape(t *testing.T) {
	m := newMetrics(1000)
	publish(m, crowd()...)
	text := scrape(t, m)
	if n := strings.Count(text, "reusewatch_group_syns_total{"); n != 1000 {
		t.Errorf("%d groups", n)
	}
	t.Logf("%d bytes, %d lines", len(text), strings.Count(text, "\n"))
	if len(text) > 5e6 {
		t.Errorf("a scrape of %d bytes", len(text))
	}
}

func BenchmarkScrape(b *testing.B) {
	m := newMetrics(1000)
	publish(m, crowd()...)
	for b.Loop() {
		scrape(b, m)
	}
}

func BenchmarkPublish(b *testing.B) {
	m := newMetrics(1000)
	js := crowd()
	other := slices.Clone(js) // else nothing would be new
	for b.Loop() {
		publish(m, js...)
		js, other = other, js
	}
}
