package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

func instant() time.Time { return time.Date(2026, 3, 1, 3, 0, 7, 0, time.UTC) }

// hostile is what a process may call itself.
const hostile = "\x1b[31m\x1b[2J\tא\u202e漢字\u0301\u200d\xff\r\n"

// socket is a listener that a test says a few things of.
func socket(cookie listener.Cookie, addr string, group listener.GroupKey, size int) listener.Judgement {
	return listener.Judgement{
		Listener: &listener.Listener{
			Sample: listener.Sample{
				Key: listener.Key(cookie), Cookie: cookie, Group: group, GroupSize: int32(size), Reuseport: group != 0,
				Netns: 4026531840, Local: netip.MustParseAddrPort(addr), Backlog: 4096,
			},
			OwnersKnown: true,
		},
		At: instant(), Verdict: listener.Idle,
	}
}

func heldBy(j *listener.Judgement, pid int, comm, user string, cmdline ...string) {
	j.Owners = append(j.Owners, listener.Owner{
		Holder: &listener.Holder{
			PID:     pid,
			PPID:    1,
			Comm:    comm,
			User:    user,
			UID:     104,
			Cmdline: cmdline,
			State:   "S",
			Started: instant().Add(-3 * time.Hour),
		},
	})
}

func counted(j *listener.Judgement, syns, queued, accepted int) {
	j.SYNs, j.Queued = listener.Counted(uint64(syns)), listener.Counted(uint64(queued))
	j.Accepted = listener.Counted(uint64(accepted))
	j.CountedSince = listener.Rarely(instant().Add(-time.Hour))
}

// night is the host of the story at its nth second: a haproxy that is stuck, with
// two that are not, a suspect, and others that are fine; hostile names among them.
func night(n int) *wire.Frame {
	at := instant().Add(time.Duration(n) * time.Second)
	dead := socket(0x1a2b, "10.39.1.68:80", 7, 3)
	dead.NetnsName, dead.Queue = "blue", uint32(3285+5*n)
	dead.OldestWait = listener.Rarely(2*time.Hour + 11*time.Minute + time.Duration(n)*time.Second)
	dead.Verdict, dead.Cause, dead.Culprit = listener.Stuck, listener.CauseNeverPolled, 26939
	dead.Share = listener.Rarely(0.34)
	dead.Window = listener.Window{Since: instant(), Observed: time.Duration(12+n) * time.Second, Samples: int32(13 + n)}
	dead.Decision = &listener.Decision{
		Act: listener.Hold, Reason: listener.NotArmed, Reasons: []listener.Reason{listener.NotArmed, listener.TooSoon},
	}
	dead.Class, dead.Signs = listener.NeverServed, []listener.SignSeen{
		{Sign: listener.SignRuns, Alive: listener.Known(false), Value: "no time slice in 12 s"},
		{Sign: listener.SignWaits, Value: "a system call that could not be read"},
	}
	counted(&dead, 9000+6*n, 4000+5*n, 0)
	heldBy(&dead, 26939, "haproxy", "root", "haproxy", "-f", "/etc/haproxy/haproxy.cfg", "-sf", "26924")
	js := []listener.Judgement{dead}
	for i, pid := range []int{30001, 30002} {
		j := socket(listener.Cookie(0x1a2c+i), "10.39.1.68:80", 7, 3)
		j.NetnsName, j.Verdict, j.Share = "blue", listener.Accepting, listener.Rarely(0.33)
		j.Queue, j.OldestWait = uint32(i), listener.Rarely(40*time.Millisecond)
		counted(&j, 8000+7*n+n%3, 7990+7*n+n%3, 7990+7*n+n%3)
		heldBy(&j, pid, "haproxy", "haproxy", "haproxy", "-f", "/etc/haproxy/haproxy.cfg", "-sf", "26939")
		js = append(js, j)
	}
	ssh := socket(0x22, "0.0.0.0:22", 0, 1)
	heldBy(&ssh, 811, "sshd", "root", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups")
	six := socket(0x33, "[2001:db8:85a3:1234:5678:8a2e:370:7334]:8443", 9, 2)
	six.Verdict, six.Queue = listener.Suspect, 48
	six.OldestWait = listener.Rarely(4*time.Second + time.Duration(n)*time.Second)
	six.Window = listener.Window{Since: instant(), Observed: 3 * time.Second, Samples: 4}
	counted(&six, 90+n, 80+n, 32)
	heldBy(&six, 1234567, hostile, hostile, "/opt/app", hostile)
	heldBy(&six, 1234568, "worker", "app")
	other := socket(0x34, "[2001:db8:85a3:1234:5678:8a2e:370:7334]:8443", 9, 2)
	other.Verdict = listener.Accepting
	counted(&other, 100, 100, 100)
	heldBy(&other, 1234569, "worker", "app")
	other.Owners[0].Container = &listener.Container{ID: strings.Repeat("3f2a", 16)}
	slow := socket(0x44, "127.0.0.1:5432", 0, 1)
	slow.Verdict, slow.Queue, slow.Backlog, slow.OldestWait = listener.Slow, 190, 200, listener.Rarely(11*time.Second)
	heldBy(&slow, 990, "postgres", "postgres", "postgres", "-D", "/var/lib/postgresql")
	flight := socket(0x55, "127.0.0.1:9000", 0, 1)
	js = append(js, ssh, six, other, slow, flight)
	for i := range js {
		js[i].At = at
	}
	return frame(n, js...)
}

func frame(n int, js ...listener.Judgement) *wire.Frame {
	at := instant().Add(time.Duration(n) * time.Second)
	return &wire.Frame{
		Time: at, Tier: listener.TierFunctions, Interval: time.Second, Watched: true, Complete: true,
		Host: wire.Host{Name: "web-1", Kernel: "6.12.107"}, Listeners: js,
		Policy: wire.Thresholds{
			Action: listener.Observe, StuckAfter: 10 * time.Second,
			ActAfter: 30 * time.Second, ActAfterServed: 2 * time.Minute,
		},
		Cost: listener.Known(wire.Cost{
			PID: 99, Started: instant().Add(-time.Hour), CPU: time.Duration(n) * 4 * time.Millisecond, RSS: 23 << 20,
			BPFTime: time.Duration(n) * 5 * time.Microsecond, BPFRuns: uint64(n) * 25,
		}),
	}
}

// crowd is a host of n groups with each listeners each, every hundredth of them stuck.
func crowd(groups, each, n int) *wire.Frame {
	var js []listener.Judgement
	for g := range groups {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(g >> 8), byte(g), 1}), uint16(1024+g))
		for i := range each {
			j := socket(listener.Cookie(g*100+i+1), addr.String(), listener.GroupKey(g+1), each)
			j.Verdict = listener.Accepting
			if g%100 == 50 && i == 0 {
				j.Verdict, j.Cause, j.Queue = listener.Stuck, listener.CauseBlocked, uint32(10+n)
				j.OldestWait = listener.Rarely(time.Minute)
				j.Decision = &listener.Decision{
					Act: listener.Hold, Reason: listener.Served, Reasons: []listener.Reason{listener.Served},
				}
			}
			counted(&j, 10*n+g, 9*n+g, 9*n+g)
			heldBy(&j, 1000+g, "worker", "app", "/usr/bin/worker", "--listen", addr.String())
			js = append(js, j)
		}
	}
	return frame(n, js...)
}

// still is what a test has done for the model: it remembers what was asked for.
type still struct {
	asked []listener.Cookie
	acted []string
}

type askedMsg string

func (s *still) next(time.Duration) tea.Cmd { return func() tea.Msg { return askedMsg("next") } }
func (s *still) tick(time.Duration, int) tea.Cmd {
	return func() tea.Msg { return askedMsg("tick") }
}

func (s *still) explain(c listener.Cookie) tea.Cmd {
	s.asked = append(s.asked, c)
	return nil
}

func (s *still) act(a listener.Action, c listener.Cookie) tea.Cmd {
	s.acted = append(s.acted, fmt.Sprintf("%s %s", a, c))
	return nil
}
func (s *still) said() tea.Cmd { return nil }

// at gives a model of this size with nothing in it yet.
func at(w, h int, g glyphs) (*model, *still) {
	do := &still{}
	m := newModel(do, Options{From: "daemon", Act: actNothing}, colorprofile.NoTTY, g)
	m.Update(tea.WindowSizeMsg{Width: w, Height: h})
	return m, do
}

func actNothing(context.Context, listener.Action, listener.Cookie, io.Writer) error {
	return errors.New("a test acts on nothing")
}

// watched gives one that has seen the first n seconds of the night.
func watched(w, h, n int, g glyphs) (*model, *still) {
	m, do := at(w, h, g)
	for i := range n {
		feed(m, night(i))
	}
	return m, do
}

func feed(m *model, f *wire.Frame) { m.Update(frameMsg{frame: f, at: f.Time}) }

// press sends keys by their names; a single character is itself.
func press(m *model, names ...string) tea.Cmd {
	var cmd tea.Cmd
	for _, name := range names {
		k := tea.KeyPressMsg{}
		codes := map[string]rune{
			"enter": tea.KeyEnter, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace,
			"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
			"pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp, "home": tea.KeyHome, "end": tea.KeyEnd,
		}
		switch code, special := codes[name]; {
		case special:
			k.Code = code
		case name == "ctrl+c":
			k.Code, k.Mod = 'c', tea.ModCtrl
		case name == "space":
			k.Code, k.Text = ' ', " "
		default:
			k.Text, k.Code = name, []rune(name)[0]
		}
		_, cmd = m.Update(k)
	}
	return cmd
}

// screenOf is what is drawn.
func screenOf(m *model) string { return strings.Join(m.lines(), "\n") + "\n" }

func mustContain(t *testing.T, m *model, all ...string) {
	t.Helper()
	for _, s := range all {
		if !strings.Contains(screenOf(m), s) {
			t.Errorf("%q is not shown:\n%s", s, screenOf(m))
		}
	}
}
