package metrics

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

// publishAt publishes a snapshot of this moment.
func publishAt(m *Metrics, at time.Time, js ...listener.Judgement) {
	m.Publish(&listener.Snapshot{Time: at, Tier: listener.TierFunctions}, js, true)
}

// born is a listener that began to listen then.
func born(cookie, port int, at time.Time) listener.Judgement {
	j := counted(cookie, port, 10, 10)
	j.ListenedAt, j.FirstSeen = listener.Rarely(at), at
	return j
}

// stuckOn is the same, stuck.
func stuckOn(j listener.Judgement) listener.Judgement {
	j.Verdict, j.Cause = listener.Stuck, listener.CauseBlocked
	return j
}

// named are the ports with a series of their own.
func named(text string) (ports []string) {
	for line := range strings.Lines(text) {
		if _, rest, found := strings.Cut(line, `reusewatch_group_queue_connections{local="10.0.0.1:`); found {
			port, _, _ := strings.Cut(rest, `"`)
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return ports
}

// syns is the sum over all series.
func syns(t *testing.T, text string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "reusewatch_group_syns_total{") {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// TestNamesLast: an address has a name once somebody has listened there for a minute, or
// since before we were; meanwhile it is counted with the others, and no sum ever shrinks.
func TestNamesLast(t *testing.T) {
	m := newMetrics(10)
	began := listenertest.Instant()
	old := counted(1, 80, 10, 10) // nobody knows since when
	old.FirstSeen = began
	aged := born(2, 81, began.Add(-2*time.Minute))
	young := born(3, 82, began.Add(-10*time.Second))
	unseen := counted(4, 83, 10, 10) // of a tier that sees no births
	unseen.FirstSeen = began.Add(20 * time.Second)
	stuck := born(5, 84, began.Add(29*time.Second))
	sum := 0.0
	js := []listener.Judgement{old, aged, young}
	later := append(slices.Clone(js), unseen, stuckOn(stuck))
	second, third := born(6, 82, began.Add(82*time.Second)), born(7, 82, began.Add(84*time.Second))
	for _, step := range []struct {
		after           time.Duration
		js              []listener.Judgement
		want            string
		young, overflow string
	}{
		{0, js, "80 81", "1", "0"},
		{30 * time.Second, later, "80 81 84", "2", "0"},
		{51 * time.Second, later, "80 81 82 84", "1", "0"}, // nothing but time went on
		{81 * time.Second, later, "80 81 82 83 84", "0", "0"},
		{82 * time.Second, []listener.Judgement{aged, second, unseen}, "81 82 83", "0", "0"}, // another took its place
		{83 * time.Second, []listener.Judgement{aged, unseen}, "81 83", "0", "0"},
		{84 * time.Second, []listener.Judgement{aged, third, unseen}, "81 83", "1", "0"},
	} {
		publishAt(m, began.Add(step.after), step.js...)
		text := scrape(t, m)
		if got := strings.Join(named(text), " "); got != step.want {
			t.Errorf("after %s: %s have a name, want %s", step.after, got, step.want)
		}
		wants(t, text, map[string]string{"reusewatch_groups_young": step.young, "reusewatch_groups_overflow": step.overflow})
		if step.after <= 81*time.Second { // then some end, and with them their series
			if now := syns(t, text); now < sum || now != float64(10*len(step.js)) {
				t.Errorf("after %s: %v SYNs of %d, %v before", step.after, now, 10*len(step.js), sum)
			} else {
				sum = now
			}
		}
	}
}

// TestComeAndGo: listeners that come and go bring no new series.
func TestComeAndGo(t *testing.T) {
	m := newMetrics(1000)
	began := listenertest.Instant()
	publishAt(m, began, counted(1, 80, 1, 1))
	names := make(map[string]bool)
	for second := range 60 {
		js := []listener.Judgement{counted(1, 80, 1, 1)}
		for i := range 1000 {
			js = append(js, born(1000*(second+1)+i, 1000+(second*1000+i)%60000, began.Add(time.Duration(second)*time.Second)))
		}
		publishAt(m, began.Add(time.Duration(second)*time.Second), js...)
		if second%10 == 9 {
			for line := range strings.Lines(scrape(t, m)) {
				if strings.HasPrefix(line, "reusewatch_group_") {
					names[line[:strings.LastIndex(line, " ")]] = true
				}
			}
		}
	}
	if len(names) > 30 {
		t.Errorf("%d series of one that stays and 60,000 that do not", len(names))
	}
}

// TestStuckAreNamed: whoever makes many listeners, even stuck ones, takes no name from a
// stuck one that has it, and those that are stuck no more make place for others.
func TestStuckAreNamed(t *testing.T) {
	const most = 5
	m := newMetrics(most)
	began := listenertest.Instant()
	var js []listener.Judgement
	for i := range most {
		js = append(js, counted(i+1, 100+i, 1, 1))
	}
	mine := stuckOn(born(100, 200, began))
	publishAt(m, began, append(slices.Clone(js), mine)...)
	flood := func(verdict func(listener.Judgement) listener.Judgement) []listener.Judgement {
		all := append(slices.Clone(js), mine)
		for i := range 50 {
			all = append(all, verdict(born(1000+i, 1000+i, began)))
		}
		return all
	}
	publishAt(m, began.Add(time.Second), flood(stuckOn)...)
	text := scrape(t, m)
	if got := named(text); len(got) != 2*most || !slices.Contains(got, "200") {
		t.Errorf("%v have a name", got)
	}
	wants(t, text, map[string]string{
		"reusewatch_groups_overflow":                                       "46",
		`reusewatch_group_members{local="other",netns="",verdict="stuck"}`: "46",
	})
	recovered := flood(func(j listener.Judgement) listener.Judgement { return j })
	late := append(slices.Clone(recovered), stuckOn(born(5000, 5000, began)))
	before := syns(t, text)
	publishAt(m, began.Add(2*time.Second), late...)
	publishAt(m, began.Add(3*time.Second), late...)
	text = scrape(t, m)
	if got := named(text); !slices.Contains(got, "5000") || !slices.Contains(got, "200") {
		t.Errorf("%v have a name: want that of the new one that is stuck", got)
	}
	if now := syns(t, text); now != before+10 {
		t.Errorf("%v SYNs, %v before: want those of one more", now, before)
	}
	// The others have gone: it has a right to a name without being stuck.
	for range 2 {
		publishAt(m, began.Add(2*time.Minute), born(5000, 5000, began))
	}
	if m.groups.urgent != 0 || len(m.groups.own) != 1 {
		t.Errorf("%d of %d names are given because of a stuck member", m.groups.urgent, len(m.groups.own))
	}
}

// TestTwoOfOneName: what cannot be told apart hides nothing else.
func TestTwoOfOneName(t *testing.T) {
	m := newMetrics(10)
	a, b := counted(1, 80, 1, 1), counted(2, 80, 1, 1)
	a.Netns, b.NetnsName = 7, "7"
	c := counted(3, 81, 1, 1)
	publishAt(m, listenertest.Instant(), a, b, c)
	if got := named(scrape(t, m)); !slices.Contains(got, "81") {
		t.Errorf("%v", got)
	}
}

// TestOneNetnsOfAName: a namespace that lost its name to another shares its series.
func TestOneNetnsOfAName(t *testing.T) {
	m := newMetrics(10)
	a, b := counted(1, 80, 1, 1), counted(2, 80, 1, 1)
	a.Netns, a.NetnsName, b.NetnsName = 7, "blue", "blue"
	publishAt(m, listenertest.Instant(), a, b)
	wants(t, scrape(t, m), map[string]string{`reusewatch_group_syns_total{local="10.0.0.1:80",netns="blue"}`: "2"})
}

// host is that many listeners, each on an address of its own.
func host(n, syns int) []listener.Judgement {
	js := make([]listener.Judgement, n)
	for i := range js {
		l := &listener.Listener{}
		l.Cookie, l.Netns = listener.Cookie(i+1), 4026531833
		l.Local = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i / 60000), 1}), uint16(i%60000+1))
		l.SYNs, l.Accepted = listener.Counted(uint64(syns)), listener.Counted(uint64(syns))
		l.Dropped = listener.Counted(uint64(0))
		js[i] = listener.Judgement{Listener: l, Verdict: listener.Idle}
	}
	return js
}

// remembered is what metrics keep of these listeners, in bytes each.
func remembered(js []listener.Judgement) float64 {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	m := newMetrics(1000)
	before := heap()
	for second := range 3 {
		publishAt(m, listenertest.Instant().Add(time.Duration(second)*time.Second), slices.Clone(js)...)
	}
	m.groups.taken = nil // the judgements are not theirs
	kept := float64(heap()) - float64(before)
	runtime.KeepAlive(m)
	runtime.KeepAlive(js)
	return kept / float64(len(js))
}

// TestMemoryOfIdle: listeners that do nothing cost metrics next to nothing.
func TestMemoryOfIdle(t *testing.T) {
	for syns, most := range map[int]float64{0: 50, 1: 200} {
		if kept := remembered(host(60_000, syns)); kept > most {
			t.Errorf("%.0f bytes a listener that had %d SYNs, want %.0f at the most", kept, syns, most)
		} else {
			t.Logf("%.0f bytes a listener that had %d SYNs", kept, syns)
		}
	}
}

// BenchmarkMetricsHost publishes hosts of 60,000 listeners, on addresses of their own.
func BenchmarkMetricsHost(b *testing.B) {
	for _, syns := range []int{0, 1} {
		b.Run(fmt.Sprintf("syns=%d", syns), func(b *testing.B) {
			js := host(60_000, syns)
			m, other := newMetrics(1000), slices.Clone(js)
			b.ReportAllocs()
			for b.Loop() {
				publish(m, js...)
				js, other = other, js
			}
			b.ReportMetric(remembered(js), "B/listener")
		})
	}
}
