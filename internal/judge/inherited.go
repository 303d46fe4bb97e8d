package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// inherited says whether the holder of the listener is another program than the one that
// listened. A process that executes a program keeps what is open without knowing of it. A
// fork that executed nothing has the right of the caller of listen(), also after that has
// ended.
func (f *facts) inherited(o *listener.Owner) (listener.Maybe[bool], string) {
	l, followed := life(o)
	if execs, known := l.Execs.Get(); followed && known && execs > 0 && !f.reexec(o) {
		return yes(), "it executed another program after the listener was made"
	}
	if o.Made {
		return no(), "it made the socket itself"
	}
	if c, known := f.l.Caller.Get(); known && c.PID == o.PID {
		return no(), "it called listen() itself"
	}
	if born, seen := f.l.BornSinceBoot.Get(); seen {
		switch {
		case o.Image <= born:
			return no(), "it has the right of whoever called listen()"
		case f.reexec(o):
			return no(), "it is the pool's own program, executed again"
		default:
			return yes(), "it began after the listener, and executed a program"
		}
	}
	switch {
	case o.NeverExec:
		return no(), "it executed nothing since its fork"
	case len(f.l.Owners) > 1:
		return unknown(), "who called listen() was not seen, and others hold it too"
	}
	switch f.siblingsProgram(o) {
	case yes():
		if f.olderThanClients(o) {
			return no(), "it alone holds it, is older than its clients and runs what its siblings run"
		}
	case no():
		return yes(), "it runs another program than its siblings"
	default:
		if f.alone(o) && f.olderThanClients(o) {
			return no(), "it alone holds it, is older than its clients and has no siblings"
		}
	}
	return unknown(), "who called listen() was not seen"
}

// alone says that no other member of the group is in its place; all of them must be known.
func (f *facts) alone(o *listener.Owner) bool {
	k := kin(&f.settings)
	if f.l.Grouped() && len(slices.Collect(f.snap.Siblings(f.l)))+1 < int(f.l.GroupSize) {
		return false
	}
	for m := range f.snap.Siblings(f.l) {
		if len(m.Owners) == 0 || slices.ContainsFunc(m.Owners, func(other listener.Owner) bool { return other.Exe == "" || k.SamePlace(o, &other) }) {
			return false
		}
	}
	return true
}

func (f *facts) olderThanClients(o *listener.Owner) bool {
	wait, known := f.l.OldestWait.Get()
	return known && !o.Started.IsZero() && !o.Started.After(f.snap.Time.Add(-wait))
}

// siblingsProgram says whether some other member in its place runs the same program, and,
// for an interpreter, the same script. It is unknown if there is no such member, or if its
// program could not be read.
func (f *facts) siblingsProgram(o *listener.Owner) listener.Maybe[bool] {
	k := kin(&f.settings)
	same := unknown()
	for m := range f.snap.Siblings(f.l) {
		for i := range m.Owners {
			other := &m.Owners[i]
			switch {
			case o.Exe == "" || other.Exe == "" || len(o.Cmdline) == 0 || len(other.Cmdline) == 0 || !k.SamePlace(o, other):
			case k.Are(o, other) && script(o) == script(other):
				return yes()
			default:
				same = no()
			}
		}
	}
	return same
}

// interpreters run what their command line names.
func interpreters() []string {
	return []string{"python", "pypy", "ruby", "perl", "php", "node", "deno", "bun", "java", "lua", "sh", "bash", "dash", "busybox", "beam.smp", "dotnet", "mono"}
}

// script is what an interpreter was told to run; "" of any other program.
func script(o *listener.Owner) string {
	name := strings.TrimRight(o.Program(), "0123456789.")
	if !slices.Contains(interpreters(), name) && !slices.Contains(interpreters(), o.Program()) {
		return ""
	}
	for i := 1; i < len(o.Cmdline); i++ {
		switch word := o.Cmdline[i]; {
		case slices.Contains([]string{"-m", "-c", "-e", "-jar"}, word) && i+1 < len(o.Cmdline):
			return word + " " + o.Cmdline[i+1]
		case !strings.HasPrefix(word, "-"):
			return word
		}
	}
	return ""
}

// reexec says that it runs the program of a sibling by the same command line but for pids,
// as a master that executes itself anew does. A job of the same interpreter has another
// command line.
func (f *facts) reexec(o *listener.Owner) bool {
	for m := range f.snap.Siblings(f.l) {
		if slices.ContainsFunc(m.Owners, func(k listener.Owner) bool {
			return k.PID != o.PID && kin(&f.settings).Are(o, &k) && slices.Equal(command(o), command(&k)) && len(o.Cmdline) > 0
		}) {
			return true
		}
	}
	return false
}

// command is a command line without what a reload adds to it: pids, and where to get
// the listeners from.
func command(o *listener.Owner) []string {
	var words []string
	for i := 0; i < len(o.Cmdline); i++ {
		switch word := o.Cmdline[i]; word {
		case "-sf", "-st":
		case "-x":
			i++
		default:
			if _, err := strconv.Atoi(word); err != nil {
				words = append(words, word)
			}
		}
	}
	return words
}
