package listener

import "slices"

// Origin is where a process comes from. It is looked for only where several
// processes have members in one group, and never changed.
type Origin struct {
	Session int
	// Parents now, nearest first. The last is the init that orphans are left to,
	// unless somebody may not be looked at.
	Parents []Ancestor
	Configs []Config // files that its command line names
}

// Ancestor is a process above another one.
type Ancestor struct {
	PID   int
	Start uint64 // ticks since boot
	Comm  string
	Exe   string
	Init  bool // of a pid namespace, or a service manager: it gets the orphans
}

// Config is a configuration file that a process names. Nobody looks at it: what a
// process names may hang whoever opens it.
type Config struct{ Path string }

// Configs are the configuration files of these processes, in their order, each name once.
func Configs(owners []*Owner) []Config {
	var all []Config
	for _, o := range owners {
		if o.Origin == nil {
			continue
		}
		for _, c := range o.Origin.Configs {
			if !slices.ContainsFunc(all, func(k Config) bool { return k.Path == c.Path }) {
				all = append(all, c)
			}
		}
	}
	return all
}
