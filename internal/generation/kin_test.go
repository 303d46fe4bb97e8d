package generation

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestKin: who is a sibling, and what a policy widens.
func TestKin(t *testing.T) {
	const haproxy, other = "/usr/sbin/haproxy", "/opt/2/haproxy"
	const sliced = "/web.slice/web-a.slice/lb.service"
	const user = "/user.slice/user-7.slice/user@7.service"
	const users = user + "/app.slice/lb.service"
	unread := all(exe(""), cgroup(""), func(o *listener.Owner) { o.Running = listener.File{Dev: 1, Inode: 5} })
	unit := func(path string) func(*listener.Owner) { return all(exe(other), cgroup(path)) }
	pod := func(id, uid string) func(*listener.Owner) {
		return func(o *listener.Owner) {
			o.Container, o.PIDNS = &listener.Container{ID: id, PodUID: uid}, listener.Known(uint32(len(id)))
		}
	}
	file := func(path string, inode uint64) func(*listener.Owner) {
		is := func(o *listener.Owner) { o.Running = listener.File{Dev: 1, Inode: inode} }
		return all(exe(path), cgroup("/system.slice/x.service"), is)
	}
	ofY := cgroup("/system.slice/y.service")
	elsewhere := func(path string) func(*listener.Owner) { return all(exe(path), cgroup("/system.slice/other.service")) }
	for name, c := range map[string]struct {
		a, b func(*listener.Owner)
		kin  Kin
		want bool
	}{
		"the same":                                {nil, nil, Kin{}, true},
		"its file was replaced":                   {exe(haproxy + " (deleted)"), elsewhere(haproxy), Kin{}, true},
		"another path":                            {nil, elsewhere("/usr/local/sbin/haproxy"), Kin{}, false},
		"another path of one file":                {file("/a", 5), all(file("/b", 5), ofY), Kin{}, true},
		"files that nobody knows":                 {file("/a", 0), all(file("/b", 0), ofY), Kin{}, false},
		"one unit":                                {nil, unit("/system.slice/lb.service"), Kin{}, true},
		"one unit, in a slice of its own":         {cgroup(sliced), unit(sliced + "/worker"), Kin{}, true},
		"a user's unit of that name":              {nil, unit(user + "/lb.service"), Kin{}, false},
		"one unit of a user's":                    {all(cgroup(users)), all(exe("/x"), cgroup(users)), Kin{}, false},
		"a folder of that name below a unit's":    {nil, unit("/system.slice/evil.service/lb.service"), Kin{}, false},
		"a folder of that name, of no manager's":  {nil, unit("/evil/lb.service"), Kin{}, false},
		"said to be one":                          {nil, elsewhere(other), Kin{Programs: []string{haproxy, other}}, true},
		"one of them said":                        {nil, elsewhere(other), Kin{Programs: []string{haproxy}}, false},
		"two containers of a pod":                 {pod("a", "1"), pod("bb", "1"), Kin{}, false},
		"two containers of a pod, that is enough": {pod("a", "1"), pod("bb", "1"), Kin{Within: listener.WithinPod}, true},
		"containers of two pods":                  {pod("a", "1"), pod("bb", "2"), Kin{Within: listener.WithinPod}, false},
		"containers of no pod":                    {pod("a", ""), pod("bb", ""), Kin{Within: listener.WithinPod}, false},
		"the host and a container":                {nil, pod("a", "1"), Kin{Within: listener.WithinPod}, false},
		"anywhere":                                {nil, pod("a", "1"), Kin{Within: listener.Anywhere}, true},
		"another program anywhere":                {nil, elsewhere("/usr/sbin/nginx"), Kin{Within: listener.Anywhere}, false},
		"nobody could read of them":               {unread, unread, Kin{}, false},
	} {
		a, b := of(100, 100, c.a), of(200, 200, c.b)
		if got, back := c.kin.Holders(a, b), c.kin.Holders(b, a); got != c.want || back != c.want {
			t.Errorf("%s: siblings %t, the other way round %t, want %t", name, got, back, c.want)
		}
	}
}
