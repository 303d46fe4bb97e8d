package soak

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// reading is what is measured of the agent at a time, from outside.
type reading struct {
	at       time.Time // right before it was asked
	settling bool      // nobody reads
	held
	rss     float64 // MB
	age     time.Duration
	ticks   int
	ticking time.Duration // what all of these took
	waited  time.Duration // of its threads, for a CPU
}

// held is what must not grow.
type held struct {
	goroutines  int
	descriptors descriptors
}

// meter reads each second.
type meter struct {
	t       *testing.T
	agent   *armed.Agent
	url     string
	client  http.Client
	mu      sync.Mutex
	ended   bool
	settles bool
	all     []reading
	failed  []error
}

func newMeter(t *testing.T, agent *armed.Agent, address string) *meter {
	m := &meter{t: t, agent: agent, url: "http://" + address + "/metrics", client: http.Client{Timeout: 10 * time.Second}}
	livetest.Every(t, time.Second, m.read)
	return m
}

// end has it read no more: the agent is to end.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
}

func (m *meter) settling(is bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settles = is
}

// least waits for so many readings more, and gives the least of each: what is there only
// for a moment is in some of them, and what leaked is in all.
func (m *meter) least(of int) held {
	from := len(m.readings())
	for len(m.readings()) < from+of {
		if failed := m.failures(); len(failed) > 3*of {
			m.t.Fatalf("it cannot be measured any more: %v", failed[len(failed)-1])
		}
		time.Sleep(100 * time.Millisecond)
	}
	all := m.readings()[from:]
	h := all[0].held
	for _, r := range all {
		h.goroutines = min(h.goroutines, r.goroutines)
		if r.descriptors.n() < h.descriptors.n() {
			h.descriptors = r.descriptors
		}
	}
	return h
}

func (m *meter) readings() []reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}

func (m *meter) failures() []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

func (m *meter) read() {
	r, err := m.take()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.ended:
	case err != nil:
		m.failed = append(m.failed, err)
	default:
		r.settling = m.settles
		m.all = append(m.all, r)
	}
}

func (m *meter) take() (r reading, err error) {
	pid := m.agent.PID()
	if r.rss, err = resident(pid); err != nil {
		return r, err
	}
	if r.descriptors, err = descriptorsOf(pid); err != nil {
		return r, err
	}
	r.waited = m.agent.Delayed()
	r.at = time.Now()
	of, err := m.scrape()
	if err != nil {
		return r, fmt.Errorf("scrape at %s: %w", r.at.Format(time.TimeOnly), err)
	}
	r.goroutines = int(of["go_goroutines"])
	last := of["reusewatch_last_tick_timestamp_seconds"]
	r.age = r.at.Sub(time.UnixMicro(int64(last * 1e6)))
	r.ticks = int(of["reusewatch_tick_duration_seconds_count"])
	r.ticking = time.Duration(of["reusewatch_tick_duration_seconds_sum"] * float64(time.Second))
	if r.goroutines == 0 || last == 0 || r.ticks == 0 {
		return r, fmt.Errorf("a scrape lacks what is measured: %+v", r)
	}
	return r, nil
}

// scrape gives the metrics that have no labels.
func (m *meter) scrape() (map[string]float64, error) {
	resp, err := m.client.Get(m.url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, fmt.Errorf("%s: %s", resp.Status, words)
	}
	of := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if name == "#" || strings.Contains(name, "{") {
			continue
		}
		if of[name], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, fmt.Errorf("line %q: %w", lines.Text(), err)
		}
	}
	return of, lines.Err()
}
