package judge

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func TestSettingsOfAListener(t *testing.T) {
	l := deaf()
	l.Owners[0].UID, l.Owners[0].Cgroup, l.Owners[0].Container = 104, "/kubepods/burstable/podx/3f2a",
		&listener.Container{ID: "3f2a", Pod: "web-5f7", Namespace: "shop"}
	for name, m := range map[string]Match{
		"everything": {},
		"port":       {Ports: []uint16{443, 80}},
		"addr":       {Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		"comm":       {Comms: []string{"haproxy"}},
		"exe":        {Exes: []string{"/usr/sbin/hap*"}},
		"uid":        {UIDs: []uint32{104}},
		"cgroup":     {Cgroups: []string{"/kubepods"}},
		"container":  {Containers: listener.Containers{IDs: []string{"3f"}}},
		"pod":        {Containers: listener.Containers{Pods: []string{"db", "web-*"}}},
		"namespace":  {Containers: listener.Containers{Namespaces: []string{"shop"}}},
		"all of it":  {Ports: []uint16{80}, Comms: []string{"haproxy"}, UIDs: []uint32{104}},
	} {
		if !m.match(l) {
			t.Errorf("%s: %+v does not match", name, m)
		}
	}
	for name, m := range map[string]Match{
		"port":                         {Ports: []uint16{443}},
		"addr":                         {Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}},
		"comm":                         {Comms: []string{"haprox"}},
		"exe":                          {Exes: []string{"/usr/sbin/nginx"}},
		"uid":                          {UIDs: []uint32{0}},
		"cgroup":                       {Cgroups: []string{"/system.slice"}},
		"container":                    {Containers: listener.Containers{IDs: []string{"4"}}},
		"pod":                          {Containers: listener.Containers{Pods: []string{"web"}}},
		"namespace":                    {Containers: listener.Containers{Namespaces: []string{"sho"}}},
		"the pod of another namespace": {Containers: listener.Containers{Pods: []string{"web-*"}, Namespaces: []string{"x"}}},
		"one kind of two":              {Ports: []uint16{80}, Comms: []string{"nginx"}},
	} {
		if m.match(l) {
			t.Errorf("%s: %+v matches", name, m)
		}
	}
	for _, none := range []*listener.Container{nil, {}} {
		l.Owners[0].Container = none
		for _, c := range []listener.Containers{
			{IDs: []string{""}}, {Pods: []string{"*"}}, {Namespaces: []string{"default"}},
		} {
			if (&Match{Containers: c}).match(l) {
				t.Errorf("%+v matches %+v", c, none)
			}
		}
	}
}

// TestOneOwnerSatisfiesAll: it is not enough that one owner has the name and another the user.
func TestOneOwnerSatisfiesAll(t *testing.T) {
	l := deaf()
	other := owner(5000)
	l.Owners[0].UID, other.UID, other.Comm = 1, 2, "nginx"
	l.Owners = append(l.Owners, other)
	if (&Match{Comms: []string{"nginx"}, UIDs: []uint32{1}}).match(l) {
		t.Error("two owners together satisfied one match")
	}
}

// TestPrecedence: defaults, the first rule that matches, then what was typed.
func TestPrecedence(t *testing.T) {
	p := testPolicy()
	kill := listener.Kill
	p.Default.Action = listener.Observe
	p.Rules = []Rule{
		{Match{Ports: []uint16{443}}, Override{AllowSole: ptr(true)}},
		{Match{Ports: []uint16{80}}, Override{
			Action: &kill, StuckAfter: ptr(time.Second), ActAfter: ptr(2 * time.Second), ActAfterServed: ptr(3 * time.Second),
			StartupGrace: ptr(4 * time.Second), AllowServed: ptr(true), AllowStopped: ptr(true),
			Protect: ptr(true), Budget: ptr(Budget{9, time.Hour}),
		}},
		{Match{}, Override{StuckAfter: ptr(time.Hour)}},
	}
	p.Given = Override{ActAfter: ptr(time.Minute)}
	want := Settings{
		Action: listener.Kill, StuckAfter: time.Second, ActAfter: time.Minute, ActAfterServed: 3 * time.Second,
		StartupGrace: 4 * time.Second, AllowServed: true, AllowStopped: true, Protect: true, Budget: Budget{9, time.Hour},
	}
	if diff := cmp.Diff(want, p.For(deaf())); diff != "" {
		t.Error(diff)
	}
}

func TestCulpritAmongHolders(t *testing.T) {
	const master, worker, sibling = 100, 101, 102
	scene := func() *listener.Listener {
		l := deaf()
		l.Owners = []listener.Owner{owner(master), owner(worker), owner(sibling)}
		l.Owners[1].PPID, l.Owners[2].PPID = master, master
		l.Window.Waited, l.Window.Armed = 9, 9
		l.Waiters = []listener.Waiter{{Kind: listener.WaitEpoll, Epoll: 1, Armed: true, Holders: []int{worker}}}
		return l
	}
	for name, c := range map[string]struct {
		change func(*listener.Listener)
		want   int
	}{
		"the worker whose set has it":   {func(*listener.Listener) {}, worker},
		"somebody sleeps behind it":     {func(l *listener.Listener) { l.Window.Slept = 1 }, 0},
		"too few looks":                 {func(l *listener.Listener) { l.Window.Walked = 2 }, 0},
		"nobody waits":                  {func(l *listener.Listener) { l.Waiters = nil }, 0},
		"nobody knows whose the set is": {func(l *listener.Listener) { l.Waiters[0].Holders = nil }, 0},
		"two hold the set":              {func(l *listener.Listener) { l.Waiters[0].Holders = []int{worker, sibling} }, 0},
		"two sets": {func(l *listener.Listener) {
			l.Waiters = append(l.Waiters, listener.Waiter{Holders: []int{sibling}})
		}, 0},
		"never a holder's parent":           {func(l *listener.Listener) { l.Waiters[0].Holders = []int{master} }, 0},
		"a process that holds the set only": {func(l *listener.Listener) { l.Waiters[0].Holders = []int{999} }, 0},
	} {
		l := scene()
		c.change(l)
		got := 0
		if o := culprit(l); o != nil {
			got = o.PID
		}
		if got != c.want {
			t.Errorf("%s: culprit %d, want %d", name, got, c.want)
		}
	}
	s := newScene()
	s.deaf = scene()
	for i := range s.deaf.Owners {
		s.deaf.Owners[i].NeverExec = true
	}
	s.alive.Owners = s.deaf.Owners
	s.allowServed()
	j := Judge(snapshot(s.deaf, s.alive), s.policy, s.past)[0]
	if j.Culprit != worker || j.Decision.Act != listener.Kill {
		t.Errorf("culprit %d, decision %+v; want worker %d killed", j.Culprit, j.Decision, worker)
	}
}
