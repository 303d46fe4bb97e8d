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
	// unsettled is how long after its birth a listener's owner is looked at again
	// and again: it may still be leaving its parent, and its privileges.
	unsettled = 8 * time.Second
	// maxConfigs are looked at of one command line.
	maxConfigs = 16
)

// originOf says where a process comes from, in a group that others have members of, as
// the last pass tells. The names of its configuration files are kept as they were at
// first: nobody opens what a process names.
func (w *Watcher) originOf(o *listener.Owner, before *listener.Origin) *listener.Origin {
	p := w.processes[o.PID]
	if p == nil || p.Start != o.Start {
		return before // it went away
	}
	origin := &listener.Origin{Session: p.Session}
	w.climb(o.PID, func(above *listener.Process) bool {
		a := listener.Ancestor{PID: above.PID, Start: above.Start, Comm: above.Comm}
		if n := w.known[identityOf(above)]; n != nil {
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

// identifyParents has /proc asked who those above the owners of groups are that
// several processes have members of.
func (w *Watcher) identifyParents(groups map[listener.GroupKey][]*entry) {
	var who []int
	for _, members := range groups {
		if !several(members) {
			continue
		}
		for _, e := range members {
			for i := range e.l.Owners {
				w.climb(e.l.Owners[i].PID, func(above *listener.Process) bool {
					who = append(who, above.PID)
					return above.PID != 1 && above.NSPID != 1
				})
			}
		}
	}
	w.identify(who, nil)
}

// configNames are the arguments that may name a configuration file: what follows
// an option for one, or ends as one does. A title that a server wrote over its
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

// relate finds the groups that several processes have members of, looks where
// those come from, and which groups have more than one generation: in all groups,
// or anew in these alone.
func (w *Watcher) relate(anew map[listener.GroupKey]bool) {
	groups := make(map[listener.GroupKey][]*entry)
	for _, e := range w.entries {
		if !e.grouped() || anew != nil && !anew[e.l.Group] {
			continue
		}
		groups[e.l.Group] = append(groups[e.l.Group], e)
	}
	w.identifyParents(groups)
	var fresh map[int]*listener.Origin // nil: what was found out before holds
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

// grouped: it may have siblings.
func (e *entry) grouped() bool { return e.announced && e.l.Grouped() }

// young: who its owners are may not have settled yet.
func (w *Watcher) young(e *entry) bool {
	return e.grouped() && w.lastLook.Sub(e.l.ListenedAt.Or(e.l.FirstSeen)) < unsettled
}

// several: the members have not all the same owners.
func several(members []*entry) bool {
	return slices.ContainsFunc(members[1:], func(e *entry) bool { return !listener.SameOwners(members[0].l, e.l) })
}

// setOrigins says where the owners of one listener come from: what was found out before,
// unless all is looked at anew, each process once.
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
			origin = w.originOf(o, before)
			w.origins[identity{o.PID, o.Start}] = origin
			if fresh != nil {
				fresh[o.PID] = origin
			}
		}
		changed = changed || o.Origin != origin
		o.Origin = origin
	}
	if changed {
		w.set(e, &next)
	}
}

// renewOwners looks again at who the owners are of what was born a moment ago, and of
// groups with more than one generation, and says whether there are any of these.
func (w *Watcher) renewOwners() (some bool, err error) {
	anew := make(map[listener.GroupKey]bool)
	for _, e := range w.awake {
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
	for _, e := range w.entries {
		if anew[e.l.Group] {
			for i := range e.l.Owners {
				pids = append(pids, e.l.Owners[i].PID)
			}
		}
	}
	if err := w.readProcesses(listener.Ask{All: true, Leaders: pids}, nil, pids); err != nil {
		return some, err
	}
	for _, e := range w.entries {
		if anew[e.l.Group] {
			w.renew(e)
		}
	}
	w.keepOrigins()
	w.relate(anew)
	return some, nil
}

// renew takes over what may have changed of the owners. Where they are suspected that
// is done anyway.
func (w *Watcher) renew(e *entry) {
	if e.suspected {
		return
	}
	next := *e.l
	next.Owners = make([]listener.Owner, 0, len(e.l.Owners))
	for i := range e.l.Owners {
		old := &e.l.Owners[i]
		p := w.processes[old.PID]
		if p == nil || p.Start != old.Start {
			next.Owners = append(next.Owners, *old) // it went away: the next census says who holds it now
			continue
		}
		next.Owners = append(next.Owners, w.ownerNow(old, p))
	}
	w.set(e, &next)
}

// keepOrigins keeps where the owners came from, while new ones are read.
func (w *Watcher) keepOrigins() {
	w.origins = make(map[identity]*listener.Origin)
	for _, e := range w.entries {
		for i := range e.l.Owners {
			if o := &e.l.Owners[i]; o.Origin != nil {
				w.origins[identity{o.PID, o.Start}] = o.Origin
			}
		}
	}
}
