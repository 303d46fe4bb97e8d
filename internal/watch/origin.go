package watch

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/generation"
	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// unsettled is how long after its birth the owners of a listener are read at each
	// look: they may still be leaving their parent, and their privileges.
	unsettled = 8 * time.Second
	// maxConfigs is how many configuration files one command line may name.
	maxConfigs = 16
)

// originOf says where an owner comes from, by the last pass. It is asked only in groups
// that several processes have members of. The names of configuration files stay those that
// were read first, and nobody opens what a process names.
func (ps *population) originOf(o *listener.Owner, before *listener.Origin) *listener.Origin {
	p := ps.met[o.PID]
	if p == nil || p.Start != o.Start {
		return before // it went away
	}
	origin := &listener.Origin{Session: p.Session}
	ps.climb(o.PID, func(above *listener.Process) bool {
		a := listener.Ancestor{PID: above.PID, Start: above.Start, Comm: above.Comm}
		if n := ps.known[identityOf(above)]; n != nil {
			a.Exe = n.exe
		}
		a.Init = above.PID == 1 || above.NSPID == 1 || path.Base(a.Exe) == "systemd"
		origin.Parents = append(origin.Parents, a)
		return !a.Init
	})
	if before != nil {
		origin.Configs = before.Configs
		return origin
	}
	for _, name := range configNames(o.Cmdline) {
		origin.Configs = append(origin.Configs, listener.Config{Path: name})
	}
	return origin
}

// identifyParents asks /proc who the processes above the owners are, in groups that several
// processes have members of.
func (ps *population) identifyParents(groups map[listener.GroupKey][]*entry) {
	var who []int
	for _, members := range groups {
		if !several(members) {
			continue
		}
		for _, e := range members {
			for i := range e.l.Owners {
				ps.climb(e.l.Owners[i].PID, func(above *listener.Process) bool {
					who = append(who, above.PID)
					return above.PID != 1 && above.NSPID != 1
				})
			}
		}
	}
	ps.identify(who, nil)
}

// configNames gives the arguments that may name a configuration file: they follow an
// option for one, or end as its name does. A title that a server wrote over its
// arguments is one argument with blanks.
func configNames(cmdline []string) []string {
	words := strings.Fields(strings.Join(cmdline, " "))
	var names []string
	for i := 1; i < len(words) && len(names) < maxConfigs; i++ {
		option, name, joined := strings.Cut(words[i], "=")
		if !joined {
			option, name = words[i-1], words[i]
		}
		asked := slices.Contains([]string{"-f", "-c", "-conf", "--conf", "-config", "--config", "--config-file", "-config.file", "--config.file"}, option)
		ends := slices.Contains([]string{".cfg", ".conf", ".cnf", ".ini", ".json", ".toml", ".yaml", ".yml", ".hcl", ".xml"}, path.Ext(name))
		if name != "" && name[0] != '-' && (asked || ends) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// relate finds out, for each group that several processes have members of, where those
// come from, and whether the group has more than one generation: for all groups, or anew
// for these alone.
func (w *Watcher) relate(anew map[listener.GroupKey]bool) {
	groups := make(map[listener.GroupKey][]*entry)
	for _, e := range w.table.entries {
		if !e.grouped() || anew != nil && !anew[e.l.Group] {
			continue
		}
		groups[e.l.Group] = append(groups[e.l.Group], e)
	}
	w.procs.identifyParents(groups)
	var fresh map[int]*listener.Origin // nil: origins that were found before stay
	if anew != nil {
		fresh = make(map[int]*listener.Origin)
	}
	for _, members := range groups {
		more := false
		if several(members) {
			ls := make([]*listener.Listener, len(members))
			for i, e := range members {
				w.setOrigins(e, fresh)
				ls[i] = e.l
			}
			more = len(generation.Of(ls, &generation.Kin{})) > 1
		}
		for _, e := range members {
			e.generations = more
		}
	}
}

// grouped says that a listener may have siblings.
func (e *entry) grouped() bool { return e.announced && e.l.Grouped() }

// young says that the owners of a listener may still change who they are.
func (w *Watcher) young(e *entry) bool {
	return e.grouped() && w.lastLook.Sub(e.l.ListenedAt.Or(e.l.FirstSeen)) < unsettled
}

// several says that not all members have the same owners.
func several(members []*entry) bool {
	return slices.ContainsFunc(members[1:], func(e *entry) bool { return !listener.SameOwners(members[0].l, e.l) })
}

// setOrigins sets where the owners of one listener come from: as it was found out before,
// or anew if fresh is not nil, which has each process once.
func (w *Watcher) setOrigins(e *entry, fresh map[int]*listener.Origin) {
	next := *e.l
	next.Owners = slices.Clone(next.Owners)
	changed := false
	for i := range next.Owners {
		o := &next.Owners[i]
		before := w.origins[identity{o.PID, o.Start}]
		origin, known := fresh[o.PID]
		switch {
		case known:
		case fresh == nil && before != nil:
			origin = before
		default:
			origin = w.procs.originOf(o, before)
			w.origins[identity{o.PID, o.Start}] = origin
			if fresh != nil {
				fresh[o.PID] = origin
			}
		}
		changed = changed || o.Origin != origin
		o.Origin = origin
	}
	if changed {
		w.table.set(e, &next)
	}
}

// renewOwners reads again who the owners of young listeners are, and those of groups with
// more than one generation, and says whether there is any such group.
func (w *Watcher) renewOwners() (some bool, err error) {
	anew := make(map[listener.GroupKey]bool)
	for _, e := range w.table.awake {
		if e.gone || !e.grouped() {
			e.generations = false
			continue
		}
		some = some || e.generations
		if e.generations || w.young(e) {
			anew[e.l.Group] = true
		}
	}
	if len(anew) == 0 {
		return some, nil
	}
	var pids []int
	for _, e := range w.table.entries {
		if anew[e.l.Group] {
			for i := range e.l.Owners {
				pids = append(pids, e.l.Owners[i].PID)
			}
		}
	}
	if err := w.procs.pass(listener.Ask{All: true, Leaders: pids}, nil, pids); err != nil {
		return some, err
	}
	for _, e := range w.table.entries {
		if anew[e.l.Group] {
			w.renew(e)
		}
	}
	w.keepOrigins()
	w.relate(anew)
	return some, nil
}

// renew brings the owners of a listener up to date. Those of suspected ones follow brings.
func (w *Watcher) renew(e *entry) {
	if e.suspected {
		return
	}
	next := *e.l
	next.Owners = make([]listener.Owner, 0, len(e.l.Owners))
	for i := range e.l.Owners {
		old := &e.l.Owners[i]
		p := w.procs.met[old.PID]
		if p == nil || p.Start != old.Start {
			next.Owners = append(next.Owners, *old) // it went away: the next census finds who holds the listener now
			continue
		}
		next.Owners = append(next.Owners, w.procs.ownerNow(old, p))
	}
	w.table.set(e, &next)
}

// keepOrigins remembers the origins of the present owners, while new owners are found.
func (w *Watcher) keepOrigins() {
	w.origins = make(map[identity]*listener.Origin)
	for _, e := range w.table.entries {
		for i := range e.l.Owners {
			if o := &e.l.Owners[i]; o.Origin != nil {
				w.origins[identity{o.PID, o.Start}] = o.Origin
			}
		}
	}
}
