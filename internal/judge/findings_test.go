package judge

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const olderPID, newerPID = 4100, 4200

// reload is an older generation that still accepts beside a newer one.
func reload() (older, newer *listener.Listener) {
	aged := func(key listener.Key, pid int, config string, ago time.Duration) *listener.Listener {
		l := member(key, pid)
		o := &l.Owners[0]
		o.Start, o.Started, o.Evidence = uint64(1_000_000-ago/(time.Second/100)), instant().Add(-ago), nil
		o.Origin = &listener.Origin{Configs: []listener.Config{{Path: config}}}
		l.ListenedAt = listener.Rarely(instant().Add(-ago))
		l.LastAccept = listener.Rarely(instant().Add(-time.Second))
		l.CountedSince = l.ListenedAt
		return l
	}
	older, newer = aged(10, olderPID, "/old.cfg", time.Hour), aged(11, newerPID, "/new.cfg", 90*time.Second)
	older.Share, newer.Share = listener.Rarely(0.25), listener.Rarely(0.75)
	return older, newer
}

func generationPolicy() *Policy {
	p := testPolicy()
	p.Default.SupersededAfter, p.Default.Superseded = time.Minute, listener.Kill
	return p
}

func TestSuperseded(t *testing.T) {
	older, newer := reload()
	js := Judge(snapshot(older, newer), generationPolicy(), &Past{})
	s := js[0].Superseded
	if s == nil || js[1].Superseded != nil || js[0].Generations != listener.Known(2) {
		t.Fatalf("superseded: %+v and %+v", s, js[1].Superseded)
	}
	if !slices.Equal(s.Old.PIDs, []int{olderPID}) || !slices.Equal(s.New.PIDs, []int{newerPID}) ||
		!slices.Equal(s.Old.Listeners, []listener.Cookie{older.Cookie}) || s.Share != listener.Known(0.25) ||
		!s.New.Since.Equal(instant().Add(-90*time.Second)) || !s.New.SinceSeen || s.Old.Configs[0].Path != "/old.cfg" {
		t.Errorf("%+v", s)
	}
	// Its listen() was not seen: the age of its process stands for it, and is marked so.
	newer.ListenedAt = listener.Rare[time.Time]{}
	if s := judgeFirst(t, snapshot(older, newer), generationPolicy()).Superseded; s == nil || s.New.SinceSeen {
		t.Errorf("with listen() unseen: %+v", s)
	}
	newer.Owners[0].Started, newer.ListenedAt = instant().Add(-time.Hour), listener.Rarely(instant().Add(-time.Minute))
	if s := judgeFirst(t, snapshot(older, newer), generationPolicy()).Superseded; s != nil {
		t.Errorf("after exactly --superseded-after: %+v", s)
	}
}

// TestSupersededGate: the gate for a listener that accepts asks everything but for a proof
// that it does not.
func TestSupersededGate(t *testing.T) {
	type scene struct {
		older, newer *listener.Listener
		policy       *Policy
		past         *Past
		others       []*listener.Listener
	}
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason
	}{
		"it goes":                {func(*scene) {}, nil},
		"whatever --action says": {func(s *scene) { s.policy.Default.Action = listener.Observe }, nil},
		"disarmed":               {func(s *scene) { s.past.Disarmed = true }, heldBy(listener.Disarmed)},
		"out of scope":           {func(s *scene) { s.policy.Scope.Ports = []uint16{443} }, heldBy(listener.OutOfScope)},
		"protected":              {func(s *scene) { s.policy.Protect = []string{"haproxy"} }, heldBy(listener.Protected)},
		"several hold it": {func(s *scene) {
			s.older.Owners = append(s.older.Owners, owner(4101))
			s.older.Owners[1].PPID = olderPID
		}, heldBy(listener.AmbiguousHolders)},
		"stopped": {func(s *scene) { s.older.Owners[0].State = "T" }, heldBy(listener.Stopped)},
		"the newer one does not accept": {func(s *scene) {
			s.newer.LastAccept = listener.Rare[time.Time]{}
		}, heldBy(listener.NoSiblingAccepted)},
		"--allow-sole lifts nothing": {func(s *scene) {
			s.policy.Default.AllowSole = true
			s.newer.LastAccept = listener.Rare[time.Time]{}
		}, heldBy(listener.NoSiblingAccepted)},
		"the budget is spent": {func(s *scene) {
			at := instant().Add(-time.Minute)
			s.past.Acts = []listener.PastAct{{At: at, Group: s.older.Counted(), Netns: s.older.NetCookie}}
		}, heldBy(listener.Budget)},
		"another port that it serves is superseded too": {func(s *scene) {
			older, newer := reload()
			for i, l := range []*listener.Listener{older, newer} {
				l.Key, l.Cookie, l.Group = listener.Key(20+i), listener.Cookie(20+i), group+1
			}
			s.others = append(s.others, older, newer)
		}, nil},
		"it serves another port": {func(s *scene) {
			l := member(20, olderPID)
			l.Group, l.LastAccept, l.CountedSince = 0, listener.Rarely(instant()), s.older.CountedSince
			s.others = append(s.others, l)
		}, heldBy(listener.ServesElsewhere)},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scene{policy: generationPolicy(), past: &Past{}}
			s.older, s.newer = reload()
			c.change(s)
			js := Judge(snapshot(append([]*listener.Listener{s.older, s.newer}, s.others...)...), s.policy, s.past)
			want := &listener.Decision{Act: listener.Kill, Reasons: c.want}
			if len(c.want) > 0 {
				want.Act, want.Reason = listener.Hold, c.want[0]
			}
			if diff := cmp.Diff(want, js[0].Decision, butSiblings()); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if js[1].Decision != nil {
				t.Errorf("the newest: %+v", js[1].Decision)
			}
		})
	}
	older, newer := reload()
	p := generationPolicy()
	p.Default.Superseded = listener.Report
	if j := judgeFirst(t, snapshot(older, newer), p); j.Superseded == nil || j.Decision != nil {
		t.Errorf("only reported: %+v", j.Decision)
	}
}

// TestOldestFirst: of three generations the middle one waits for the oldest.
func TestOldestFirst(t *testing.T) {
	older, newer := reload()
	oldest, _ := reload()
	oldest.Key, oldest.Cookie, oldest.Owners[0].PID, oldest.Owners[0].Start = 9, 9, 4000, 100
	oldest.Owners[0].Origin = &listener.Origin{Configs: []listener.Config{{Path: "/oldest.cfg"}}}
	p := generationPolicy()
	p.Self = nil
	js := Judge(snapshot(oldest, older, newer), p, &Past{})
	if js[0].Decision == nil || js[0].Decision.Act != listener.Kill {
		t.Errorf("the oldest: %+v", js[0].Decision)
	}
	if d := js[1].Decision; d == nil || !slices.Equal(d.Reasons, []listener.Reason{listener.TooSoon}) {
		t.Errorf("the middle one: %+v, want too-soon", d)
	}
}

func TestMixed(t *testing.T) {
	as := func(l *listener.Listener, uid uint32, user string) { l.Owners[0].UID, l.Owners[0].User = uid, user }
	for name, c := range map[string]struct {
		change func(a, b *listener.Listener)
		want   *listener.Mixed
	}{
		"alike": {func(_, _ *listener.Listener) {}, nil},
		"programs": {func(a, _ *listener.Listener) {
			a.Owners[0].Exe = "/usr/sbin/nginx"
		}, &listener.Mixed{Programs: []string{"haproxy", "nginx"}}},
		"one that was replaced": {func(a, _ *listener.Listener) { a.Owners[0].Exe += " (deleted)" }, nil},
		"not known":             {func(a, _ *listener.Listener) { a.Owners[0].Exe = "" }, nil},
		"users": {func(a, b *listener.Listener) {
			as(a, 0, "root")
			as(b, 104, "haproxy")
		}, &listener.Mixed{Users: []string{"haproxy", "root"}}},
		"one that may still drop its privileges": {func(a, b *listener.Listener) {
			as(a, 104, "haproxy")
			as(b, 0, "root")
			b.ListenedAt = listener.Rarely(instant().Add(-time.Second))
		}, nil},
		"a master and a worker hold both": {func(a, b *listener.Listener) {
			as(a, 0, "root")
			as(b, 104, "haproxy")
			a.Owners, b.Owners = append(a.Owners, b.Owners[0]), append(b.Owners, a.Owners[0])
		}, nil},
		"containers": {func(a, _ *listener.Listener) {
			a.Owners[0].Container = &listener.Container{ID: "3f2a"}
		}, &listener.Mixed{Containers: []string{"", "3f2a"}}},
		"images": {func(a, b *listener.Listener) {
			a.Owners[0].Container = &listener.Container{ID: "1", Image: "x:1"}
			b.Owners[0].Container = &listener.Container{ID: "1", Image: "x:2"}
		}, &listener.Mixed{Images: []string{"x:1", "x:2"}}},
	} {
		a, b := reload()
		c.change(a, b)
		js := Judge(snapshot(a, b), generationPolicy(), &Past{})
		for _, j := range js {
			if diff := cmp.Diff(c.want, j.Mixed); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}
