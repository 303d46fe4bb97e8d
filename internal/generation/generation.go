// Package generation sorts the members of a group by their origin: which are of one program
// in one place, and which of these come from one start of it.
package generation

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// apart is the least time between two starts that differ in nothing but their command
	// lines or executables.
	apart = time.Second / 2
	// apartDaemons is the least time between two starts of daemons that do not differ.
	apartDaemons = 2 * time.Second
)

// One is one start of a program, with its members of a group: a tree of processes, or several
// trees that nothing tells apart.
type One struct {
	// Line numbers the program and place: each generation of a line may replace the one
	// before it.
	Line    int
	Why     []listener.Trait // how it differs from the one before it in its line; none for the first
	Owners  []*listener.Owner
	Members []*listener.Listener
	trees   []*tree
}

// Of gives the generations of the members of one group, the oldest first. Programs and places
// have generations of their own, which do not supersede one another.
func Of(members []*listener.Listener, kin *Kin) []One {
	all := trees(members)
	slices.SortStableFunc(all, func(a, b *tree) int {
		return cmp.Or(cmp.Compare(a.start(), b.start()), cmp.Compare(a.owners[0].PID, b.owners[0].PID))
	})
	var latest []int // of each line
	var out []One
	for _, t := range all {
		line := slices.IndexFunc(latest, func(i int) bool { return kin.Are(out[i].Owners[0], t.owners[0]) })
		var why []listener.Trait
		if line < 0 {
			line, latest = len(latest), append(latest, 0)
		} else if why = out[latest[line]].before(t); len(why) == 0 {
			out[latest[line]].add(t)
			continue
		}
		latest[line] = len(out)
		out = append(out, One{Line: line, Why: why})
		out[len(out)-1].add(t)
	}
	return out
}

func (g *One) add(t *tree) {
	g.trees = append(g.trees, t)
	g.Owners = append(g.Owners, t.owners...)
	g.Members = append(g.Members, t.members...)
}

// before says how t differs from all trees of g; nothing: it does not differ from one.
func (g *One) before(t *tree) []listener.Trait {
	var all []listener.Trait
	for _, old := range g.trees {
		why := differs(old, t)
		if len(why) == 0 {
			return nil
		}
		for _, w := range why {
			if !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
	}
	return all
}

// differs says how a tree differs from an older one; nothing: they may be one generation.
func differs(old, now *tree) []listener.Trait {
	if old.owners[0].Program() == "" {
		return nil
	}
	var why []listener.Trait
	if names(now, old) {
		why = append(why, listener.NamesIt)
	}
	a, b := service(old.owners[0]), service(now.owners[0])
	if a != "" && b != "" && a != b {
		return why // a service manager runs both on purpose
	}
	between := time.Duration(now.start()-old.start()) * listener.Tick
	if old.owners[0].Exe != now.owners[0].Exe && !now.owners[0].Replaced() && between >= apart {
		why = append(why, listener.BinaryReplaced)
	}
	if w := configured(old, now, between); w != "" {
		why = append(why, w)
	}
	if len(why) == 0 && between >= apartDaemons && old.daemon() && now.daemon() &&
		old.owners[0].Cgroup == now.owners[0].Cgroup && old.owners[0].Origin.Session != now.owners[0].Origin.Session {
		why = append(why, listener.LeftBehind)
	}
	return why
}

// names says that the command line of a newer process names one of the older tree, as
// haproxy's -sf and -st do, by its pid or its pid in its own pid namespace.
func names(now, old *tree) bool {
	for _, o := range now.owners {
		listed := false
		for _, arg := range o.Cmdline {
			if n, err := strconv.Atoi(arg); err != nil {
				listed = arg == "-sf" || arg == "-st"
			} else if listed && slices.ContainsFunc(old.owners, func(o *listener.Owner) bool { return o.PID == n || o.NSPID == n }) {
				return true
			}
		}
	}
	return false
}

// configured compares the files that the command lines name.
func configured(old, now *tree, between time.Duration) listener.Trait {
	was, is := old.configs(), now.configs()
	if len(was) == 0 || len(is) == 0 || between < apart || slices.Equal(was, is) {
		return ""
	}
	return listener.OtherConfig
}

// configs gives the configuration files of all its processes, sorted by name.
func (t *tree) configs() []listener.Config {
	all := listener.Configs(t.owners)
	slices.SortFunc(all, func(a, b listener.Config) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// daemon says that the tree was left to the init, and is not in the init's session.
func (t *tree) daemon() bool {
	o := t.owners[0]
	if o.Origin == nil || o.Origin.Session <= 1 {
		return false
	}
	for _, up := range o.Origin.Parents {
		if up.Init {
			return o.Origin.Session != up.PID
		}
		if !runs(&up, o) {
			return false
		}
	}
	return false
}

// service gives the unit of a service manager that a process belongs to, "" for none.
func service(o *listener.Owner) string {
	for dir := o.Cgroup; len(dir) > 1; dir = path.Dir(dir) {
		if name := path.Base(dir); strings.HasSuffix(name, ".service") && !strings.HasPrefix(name, "user@") {
			return name
		}
	}
	return ""
}
