package report

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

func TestCheckLines(t *testing.T) {
	piped := listenertest.Full()
	l := *piped.Listener
	l.Owners = []listener.Owner{{Holder: &listener.Holder{PID: 26939, Comm: "a|b\n"}}}
	piped.Listener = &l
	reloaded := time.Date(2026, 11, 3, 11, 20, 0, 0, time.UTC)
	old := reloaded.Add(-time.Hour)
	aged := func(started time.Time) listener.Judgement {
		j := listenertest.Bare()
		l := *j.Listener
		l.Local = netip.MustParseAddrPort("10.39.1.68:80")
		haproxy := &listener.Holder{PID: 4100, Comm: "haproxy", Started: started}
		l.Owners, l.OwnersKnown = []listener.Owner{{Holder: haproxy}}, true
		j.Listener, j.Generations = &l, listener.Known(1)
		return j
	}
	newer := aged(reloaded.Add(time.Second))
	both := []listener.Judgement{listenertest.Full(), listenertest.Full()}
	for name, c := range map[string]struct {
		check        Check
		failed       bool
		line, plugin string
	}{
		"well": {
			Check{
				Watched: 12 * time.Second, Filtered: true,
				Listeners: []listener.Judgement{listenertest.Bare(), listenertest.Bare()},
			}, false,
			"OK: 2 listeners, none stuck in 12 s",
			"REUSEWATCH OK - 2 listeners, none stuck in 12 s | listeners=2;;;0 stuck=0;;0;0 waiting=0;;;0 oldest=0.0s;;;0",
		},
		"nothing there": {Check{Filtered: true}, true, "NOTHING: ", "REUSEWATCH CRITICAL - NOTHING: "},
		"empty host":    {Check{}, false, "OK: 0 listeners", "REUSEWATCH OK - 0 listeners"},
		"stuck": {
			Check{Listeners: []listener.Judgement{piped, listenertest.Bare()}, Stuck: []listener.Judgement{piped}}, true,
			`STUCK: 1 of 2 listeners: a|b\x0a pid 26939`,
			`REUSEWATCH CRITICAL - STUCK: 1 of 2 listeners: a/b\x0a pid 26939`,
		},
		"more": {
			Check{Listeners: both, Stuck: both}, true,
			"STUCK: 2 of 2 listeners: ", "waiting=6570;;;0 oldest=7860.0s;;;0",
		},
		"no moment, no age": {
			Check{Listeners: []listener.Judgement{aged(old)}, Expected: 1, AsExpected: true}, false,
			"OK: 1 listener, 1 generation each", "REUSEWATCH OK - ",
		},
		"all newer": {
			Check{Listeners: []listener.Judgement{newer}, Expected: 1, AsExpected: true, NewerThan: reloaded}, false,
			"OK: 1 listener, 1 generation each, begun after 2026-11-03T11:20:00.000Z", "REUSEWATCH OK - ",
		},
		"nothing was reloaded": {
			Check{Listeners: []listener.Judgement{newer, aged(old)}, Expected: 1, NewerThan: reloaded}, true,
			"OLDER: 10.39.1.68:80 is still that of haproxy pid 4100, which has run since 2026-11-03T10:20:00.000Z: " +
				"nothing has replaced it after 2026-11-03T11:20:00.000Z",
			"REUSEWATCH CRITICAL - OLDER: ",
		},
		"too few, which is said first": {
			Check{Listeners: []listener.Judgement{aged(old)}, Expected: 2, NewerThan: reloaded}, true,
			"GENERATIONS: 10.39.1.68:80 has 1 generation, not 2", "REUSEWATCH CRITICAL - GENERATIONS: ",
		},
	} {
		line, plugin := CheckLine(&c.check), PluginLine(&c.check)
		if c.check.Failed() != c.failed || !strings.HasPrefix(line, c.line) || !strings.Contains(plugin, c.plugin) {
			t.Errorf("%s: failed %v\n%s\n%s", name, c.check.Failed(), line, plugin)
		}
		if strings.Contains(line+plugin, "\n") || strings.Count(plugin, "|") != 1 {
			t.Errorf("%s: not one line and one bar:\n%s\n%s", name, line, plugin)
		}
	}
	if s := UnknownPluginLine(errors.New("no\nprivilege | at all")); s != `REUSEWATCH UNKNOWN - no\x0aprivilege / at all` {
		t.Error(s)
	}
}
