package listener

import "slices"

// Origin is where a process comes from. It is sought only where several processes have
// members of one group, and never changed.
type Origin struct {
	Session int
	// Parents are the processes above it now, nearest first, up to the init that orphans are
	// left to, unless one could not be read.
	Parents []Ancestor
	Configs []Config // the files that its command line names
}

// Ancestor is a process above another one.
type Ancestor struct {
	PID   int
	Start uint64 // ticks since boot
	Comm  string
	Exe   string
	Init  bool // it gets the orphans: the init of a pid namespace, or a service manager
}

// Config is a configuration file that a process names. It is never opened: a path that a
// process names may hang the one that opens it.
type Config struct{ Path string }

// Configs gives the configuration files of these processes, in their order, each name once.
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
