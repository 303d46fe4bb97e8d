package policy

import (
	"strconv"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// Setting is all that is said of one setting, wherever it is said.
type Setting struct {
	Key      string   // in a policy file; a flag is called so too
	Choices  []string // none: see Values
	Values   string   // what may be written, as the page says it
	Help     string
	Note     string // what the page says beside Help
	FileOnly bool   // it is no flag
	// Allows is what check-config calls those that it lets be acted on; "" where what
	// it says takes more words.
	Allows string

	builtin func(at any)
	read    func(text string, at any) error
}

// Table is the table of all settings, in the order of [judge.Settings].Fields.
func Table() []Setting {
	return []Setting{
		row("action", listener.Observe, parseAction, Setting{
			Choices: []string{"observe", "close", "kill"},
			Help:    "what to do about a stuck listener",
			Note:    "observe says what it would do; close and kill, see below",
		}),
		row("stuck-after", 10*time.Second, parseStuckAfter, Setting{
			Values: "duration > 0",
			Help:   "how long the same client must stand at the head of the queue",
			Note:   "it is stuck then, which is seen at the next look, one every `--interval`",
		}),
		row("act-after", 30*time.Second, parseDuration, Setting{
			Values: "duration ≥ stuck-after",
			Help:   "how long the same client must stand at the head before an act",
		}),
		row("act-after-served", 2*time.Minute, parseDuration, Setting{
			Values: "duration",
			Help:   "the same for a listener of the class served (--allow-served)",
			Note:   "never sooner than act-after; [acting.md](acting.md) has the classes",
		}),
		row("startup-grace", 5*time.Minute, parseDuration, Setting{
			Values: "duration",
			Help:   "how long a listener may take to its first accept while no younger member of its group has accepted",
		}),
		row("allow-sole", false, parseBool, Setting{
			Help:   "act though no other member of the group accepts",
			Allows: "no sibling accepts",
		}),
		row("allow-served", false, parseBool, Setting{
			Help: "act on a listener that served before, or is not proven to be of no use",
		}),
		row("allow-waiting", false, parseBool, Setting{
			Help:   "act on a process that waits for a silent peer, a lock on a file or a file system that may come back",
			Note:   "with allow-served; never on one that waits for a timer, a living child, or somebody stopped, traced or frozen",
			Allows: "waits on a silent peer",
		}),
		row("allow-stopped", false, parseBool, Setting{
			Help:   "act on a stopped process (state T, no tracer)",
			Allows: "process is stopped",
		}),
		row("protect", false, parseBool, Setting{
			FileOnly: true,
			Help:     "never act",
			Note:     "`defaults: {protect: true}` with `protect: false` in a rule allows that rule alone",
		}),
		row("max-acts", judge.Budget{Acts: 1, Per: 10 * time.Minute}, ParseBudget, Setting{
			Values: "budget",
			Help:   "acts on one group in a time",
		}),
		row("superseded", listener.Report, parseSuperseded, Setting{
			Choices: []string{"report", "close", "kill"},
			Help:    "what to do about a superseded listener",
			Note:    "see [generations.md](generations.md). It arms by itself, whatever `action` says",
		}),
		row("superseded-after", time.Minute, parseDuration, Setting{
			Values: "duration",
			Help:   "how long a newer generation of its program must listen beside an older one for that to be superseded",
		}),
		row("siblings", listener.WithinContainer, parsePlace, Setting{
			Choices: []string{"container", "pod", "any"},
			Help:    "where members of a group may live that may stand in for one another: in the same",
			Note:    "on the host, or in the same container; in the same pod; or anywhere. All other members are strangers: they count for nothing, and get no client",
		}),
		row("same-program", []string(nil), readPaths, Setting{
			FileOnly: true,
			Values:   "list of absolute paths",
			Help:     "executables that are one program, whose members of a group may stand in for one another",
			Note:     "beside those of one path, of one file, or of one system unit of systemd: `[/usr/sbin/nginx, /usr/sbin/nginx.old]`",
		}),
	}
}

// row makes one of a kind of values: what is built in, and how another is read.
func row[T any](key string, builtin T, parse func(string) (T, error), s Setting) Setting {
	s.Key = key
	s.builtin = func(at any) { *at.(*T) = builtin }
	s.read = func(text string, at any) error {
		v, err := parse(text)
		if err != nil {
			return err
		}
		switch to := at.(type) {
		case *T:
			*to = v
		case **T:
			*to = &v
		}
		return nil
	}
	return s
}

// readPaths reads a list that stands in one word: a policy file has a real one.
func readPaths(text string) ([]string, error) {
	var paths []string
	for word := range strings.SplitSeq(text, ",") {
		path, err := parseProgram(word)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Called gives the row of a key of the table.
func Called(key string) Setting {
	for _, s := range Table() {
		if s.Key == key {
			return s
		}
	}
	panic("no setting " + key)
}

// Builtin are the settings that hold where neither a file nor a flag says otherwise.
func Builtin() judge.Settings {
	var s judge.Settings
	for _, r := range Table() {
		r.builtin(s.Field(r.Key))
	}
	return s
}

func settingKeys() []string {
	var all []string
	for _, s := range Table() {
		all = append(all, s.Key)
	}
	return all
}

// Usage is what its flag says of itself.
func (s *Setting) Usage() string {
	if n := len(s.Choices); n > 0 {
		return s.Help + ": " + strings.Join(s.Choices[:n-1], ", ") + " or " + s.Choices[n-1]
	}
	return s.Help
}

// Flag is a setting as a flag, which is read as a file is. It is a pflag.Value.
type Flag struct {
	Setting
	At  any   // points to its value
	Err error // what is wrong with what was typed
}

// Set reads what was typed. What is wrong with it stands in Err.
func (f *Flag) Set(text string) error {
	f.Err = f.read(text, f.At)
	return nil
}

// String gives its value as a file has it.
func (f *Flag) String() string {
	text, _ := written(f.At)
	return text
}

// Type is what a usage calls its values.
func (f *Flag) Type() string {
	switch f.At.(type) {
	case *bool:
		return "bool"
	case *time.Duration:
		return "duration"
	default:
		return "string"
	}
}

// written gives a value as a file has it; false for an override that says nothing.
func written(at any) (string, bool) {
	if v, is := value[listener.Action](at); is {
		return string(v), true
	}
	if v, is := value[time.Duration](at); is {
		return short(v), true
	}
	if v, is := value[judge.Budget](at); is {
		return budgetText(v), true
	}
	if v, is := value[listener.Place](at); is {
		return string(v), true
	}
	if v, is := value[[]string](at); is {
		return strings.Join(plain(v), ","), true
	}
	v, is := value[bool](at)
	return strconv.FormatBool(v), is
}

// value is what a field of settings has, or what one of an override says.
func value[T any](at any) (v T, is bool) {
	switch from := at.(type) {
	case *T:
		return *from, true
	case **T:
		if *from != nil {
			return **from, true
		}
	}
	return v, false
}
