package generation

import (
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// of makes a member that one process holds, started so many seconds after boot.
func of(pid int, seconds uint64, change func(*listener.Owner)) *listener.Listener {
	o := listener.Owner{
		Holder: &listener.Holder{
			PID:     pid,
			NSPID:   pid,
			Comm:    "haproxy",
			Exe:     "/usr/sbin/haproxy",
			Start:   seconds * 100,
			Cgroup:  "/system.slice/lb.service",
			Cmdline: []string{"haproxy", "-f", "/etc/haproxy.cfg"},
		},
		Origin: &listener.Origin{
			Session: 50, Parents: []listener.Ancestor{{PID: 50, Comm: "bash", Exe: "/bin/bash"}, {PID: 1, Init: true}},
			Configs: []listener.Config{{Path: "/etc/haproxy.cfg"}},
		},
	}
	if change != nil {
		change(&o)
	}
	return &listener.Listener{
		Sample: listener.Sample{Key: listener.Key(pid)},
		Owners: []listener.Owner{o}, OwnersKnown: true,
	}
}

func under(parent int, exe string) func(*listener.Owner) {
	return func(o *listener.Owner) {
		o.Origin.Parents = []listener.Ancestor{{PID: parent, Comm: "sup", Exe: exe}, {PID: 1, Init: true}}
	}
}

func config(path string) func(*listener.Owner) {
	return func(o *listener.Owner) { o.Origin.Configs = []listener.Config{{Path: path}} }
}

func daemon(o *listener.Owner) {
	o.Origin.Session, o.Origin.Parents = o.PID, []listener.Ancestor{{PID: 1, Comm: "systemd", Init: true}}
}

func all(changes ...func(*listener.Owner)) func(*listener.Owner) {
	return func(o *listener.Owner) {
		for _, c := range changes {
			c(o)
		}
	}
}

func exe(path string) func(*listener.Owner) { return func(o *listener.Owner) { o.Exe = path } }

func cgroup(path string) func(*listener.Owner) { return func(o *listener.Owner) { o.Cgroup = path } }

// TestGenerations: which members are two generations, and by which trait. The older one is
// always pid 100, started 100 s after boot.
func TestGenerations(t *testing.T) {
	by := func(traits ...listener.Trait) []listener.Trait { return traits }
	args := func(words ...string) func(*listener.Owner) {
		return func(o *listener.Owner) { o.Cmdline = append(o.Cmdline, words...) }
	}
	inner := func(o *listener.Owner) { o.NSPID = 7 }
	supervisor, master := under(70, "/usr/bin/supervisord"), under(70, "/usr/sbin/haproxy")
	for name, c := range map[string]struct {
		old, now func(*listener.Owner)
		after    uint64 // s
		want     []listener.Trait
	}{
		"nothing tells them apart":                 {nil, nil, 3600, nil},
		"another configuration file":               {nil, config("/etc/new.cfg"), 60, by(listener.OtherConfig)},
		"another, in the same breath":              {nil, config("/etc/new.cfg"), 0, nil},
		"the same file":                            {config("/a"), config("/a"), 60, nil},
		"a file of one of them alone is not known": {func(o *listener.Owner) { o.Origin.Configs = nil }, nil, 60, nil},
		"-sf names it":                             {nil, args("-sf", "7", "100"), 60, by(listener.NamesIt)},
		"-sf names another":                        {nil, args("-sf", "101"), 60, nil},
		"-sf names its inner pid":                  {inner, args("-st", "7"), 60, by(listener.NamesIt)},
		"a number is no pid":                       {nil, args("--workers", "100"), 60, nil},
		"the executable was replaced": {
			exe("/usr/sbin/haproxy (deleted)"), nil, 60, by(listener.BinaryReplaced),
		},
		"another version beside it": {
			exe("/opt/1/haproxy"), exe("/opt/2/haproxy"), 60, by(listener.BinaryReplaced),
		},
		"both were replaced":      {exe("/x/haproxy (deleted)"), exe("/x/haproxy (deleted)"), 60, nil},
		"daemons of one service":  {daemon, daemon, 60, by(listener.LeftBehind)},
		"daemons started at once": {daemon, daemon, 1, nil},
		"daemons of two services": {daemon, all(daemon, cgroup("/system.slice/lb2.service")), 60, nil},
		"services with files of their own": {
			config("/a"), all(config("/b"), cgroup("/system.slice/lb@2.service")), 60, nil,
		},
		"a service, and one by hand": {
			config("/a"), all(config("/b"), cgroup("/user.slice/session-3.scope")), 60, by(listener.OtherConfig),
		},
		"workers of one supervisor":                       {supervisor, supervisor, 3600, nil},
		"workers of a master that holds no listener":      {all(master, config("/a")), all(master, config("/b")), 60, nil},
		"the newer one is a child: a binary was upgraded": {nil, all(under(100, "/usr/sbin/haproxy"), config("/b")), 60, nil},
		"a child of another program's child":              {nil, all(under(100, "/bin/sh"), config("/b")), 60, nil},
		"children of a container's init": {func(o *listener.Owner) {
			o.Origin.Session = 1
			o.Origin.Parents = []listener.Ancestor{{PID: 9, Init: true}}
		}, func(o *listener.Owner) {
			o.Origin.Session = 1
			o.Origin.Parents = []listener.Ancestor{{PID: 9, Init: true}}
		}, 60, nil},
		"nobody may look at its executable": {exe(""), all(exe(""), config("/b")), 60, nil},
	} {
		t.Run(name, func(t *testing.T) {
			members := []*listener.Listener{of(200, 100+c.after, c.now), of(100, 100, c.old)}
			got := Of(members, &Kin{})
			if len(c.want) == 0 {
				if len(got) != 1 || len(got[0].Members) != 2 {
					t.Fatalf("%d generations, want 1 with both: %+v", len(got), got)
				}
				return
			}
			if len(got) != 2 || !slices.Equal(got[1].Why, c.want) || got[0].Members[0] != members[1] {
				t.Errorf("%+v, want two, told apart by %v", got, c.want)
			}
		})
	}
}

// TestOneGeneration: one start makes one generation, of however many processes, sockets
// and users.
func TestOneGeneration(t *testing.T) {
	shared := func() []*listener.Listener { // nginx: a master and its workers hold every one of its listeners
		master, worker := of(100, 100, nil).Owners[0], of(101, 200, config("/b")).Owners[0]
		a, b := of(100, 100, nil), of(100, 100, nil)
		b.Key = 2
		a.Owners, b.Owners = []listener.Owner{master, worker}, []listener.Owner{worker}
		return []*listener.Listener{a, b}
	}
	called := func(c listener.Caller) func() []*listener.Listener { // what was true at listen(), and can be seen no more
		return func() []*listener.Listener {
			a, b := of(100, 100, config("/a")), of(200, 200, config("/b"))
			a.Caller = listener.Rarely(listener.Caller{PID: 100, Comm: "haproxy", Parents: c.Parents})
			b.Caller = listener.Rarely(c)
			return []*listener.Listener{a, b}
		}
	}
	startedBy := func(comm string) listener.Caller {
		return listener.Caller{PID: 200, Comm: "haproxy", Parents: []listener.Parent{{PID: 60, Comm: comm}, {PID: 1}}}
	}
	for name, members := range map[string]func() []*listener.Listener{
		"one process": func() []*listener.Listener {
			return []*listener.Listener{of(100, 100, nil), of(100, 100, nil)}
		},
		"a master's workers":                 shared,
		"sockets of one that handed them on": called(listener.Caller{PID: 100, Comm: "haproxy"}),
		"their master has ended":             called(startedBy("haproxy")),
		"nobody holds one": func() []*listener.Listener {
			return []*listener.Listener{of(100, 100, nil), {OwnersKnown: true}}
		},
		"workers with files of their own": func() []*listener.Listener {
			return []*listener.Listener{
				of(100, 100, config("/1")), of(101, 100, config("/2")), of(102, 100, config("/3")),
			}
		},
	} {
		if got := Of(members(), &Kin{}); len(got) != 1 {
			t.Errorf("%s: %d generations, want 1", name, len(got))
		}
	}
	// Without what joins them they are two: the test can fail.
	apart := called(startedBy("bash"))
	if got := Of(apart(), &Kin{}); len(got) != 2 {
		t.Errorf("two that one shell started: %d generations, want 2", len(got))
	}
}

// TestOthersSupersedeNothing: another program, or one in another place, is a generation of
// its own kind.
func TestOthersSupersedeNothing(t *testing.T) {
	for name, change := range map[string]func(*listener.Owner){
		"program": all(exe("/usr/sbin/nginx"), cgroup("/system.slice/web.service")),
		"program of its name": all(exe("/home/eve/haproxy"),
			cgroup("/user.slice/user-9.slice/user@9.service/lb.service")),
		"container":                       func(o *listener.Owner) { o.Container = &listener.Container{ID: "3f2a"} },
		"pid namespace":                   func(o *listener.Owner) { o.PIDNS = listener.Known[uint32](7) },
		"user namespace":                  func(o *listener.Owner) { o.Guest = listener.Known[uint32](65534) },
		"place, of which nobody may tell": all(exe(""), cgroup("")),
	} {
		got := Of([]*listener.Listener{of(100, 100, nil), of(200, 200, all(change, config("/b")))}, &Kin{})
		if len(got) != 2 || len(got[1].Why) != 0 {
			t.Errorf("another %s: %+v", name, got)
		}
	}
}
