package judge

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Settings are what holds for one listener.
type Settings = settings[listener.Action, time.Duration, bool, Budget, listener.Place, []string]

// Override sets what is not nil.
type Override = settings[*listener.Action, *time.Duration, *bool, *Budget, *listener.Place, *[]string]

// settings has a field for each setting: for its value, or for what overrides it.
type settings[Act, Duration, Bool, Limit, Place, Paths any] struct {
	Action         Act // Observe, Close or Kill
	StuckAfter     Duration
	ActAfter       Duration // of the classes dead and never-served
	ActAfterServed Duration
	StartupGrace   Duration
	AllowSole      Bool // act though no sibling accepts
	AllowServed    Bool // act on a listener that served before
	AllowWaiting   Bool // act on a process that waits for a silent peer, a lock or a file system
	AllowStopped   Bool // act on a stopped process
	Protect        Bool
	Budget         Limit // acts on one group
	// SupersededAfter is how long a newer generation must have listened for the older
	// one to be superseded; Superseded is what is done about that: Report, Close or Kill.
	SupersededAfter Duration
	Superseded      Act
	// Siblings is how far they may live from one another; SameProgram are executables that
	// are one program.
	Siblings    Place
	SameProgram Paths
}

// Field is one setting by the name that policy files give it.
type Field struct {
	Key string
	At  any // points to the field
}

// Fields gives all settings.
func (s *settings[Act, Duration, Bool, Limit, Place, Paths]) Fields() []Field {
	return []Field{
		{"action", &s.Action},
		{"stuck-after", &s.StuckAfter},
		{"act-after", &s.ActAfter},
		{"act-after-served", &s.ActAfterServed},
		{"startup-grace", &s.StartupGrace},
		{"allow-sole", &s.AllowSole},
		{"allow-served", &s.AllowServed},
		{"allow-waiting", &s.AllowWaiting},
		{"allow-stopped", &s.AllowStopped},
		{"protect", &s.Protect},
		{"max-acts", &s.Budget},
		{"superseded", &s.Superseded},
		{"superseded-after", &s.SupersededAfter},
		{"siblings", &s.Siblings},
		{"same-program", &s.SameProgram},
	}
}

// Field points to the setting of a name, nil if there is none.
func (s *settings[Act, Duration, Bool, Limit, Place, Paths]) Field(key string) any {
	for _, f := range s.Fields() {
		if f.Key == key {
			return f.At
		}
	}
	return nil
}

// Saying gives the override that sets the chosen settings to those of s.
func Saying(s Settings, chosen func(key string) bool) Override {
	var o Override
	to := o.Fields()
	for i, f := range s.Fields() {
		if !chosen(f.Key) {
			continue
		}
		say[listener.Action](to[i].At, f.At)
		say[time.Duration](to[i].At, f.At)
		say[bool](to[i].At, f.At)
		say[Budget](to[i].At, f.At)
		say[listener.Place](to[i].At, f.At)
		say[[]string](to[i].At, f.At)
	}
	return o
}

func say[T any](to, from any) {
	if v, is := from.(*T); is {
		*to.(**T) = v
	}
}

// apply sets what o overrides.
func apply(o *Override, s *Settings) {
	if *o == (Override{}) {
		return
	}
	to := s.Fields()
	for i, f := range o.Fields() {
		set[listener.Action](to[i].At, f.At)
		set[time.Duration](to[i].At, f.At)
		set[bool](to[i].At, f.At)
		set[Budget](to[i].At, f.At)
		set[listener.Place](to[i].At, f.At)
		set[[]string](to[i].At, f.At)
	}
}

func set[T any](to, from any) {
	if v, is := from.(**T); is && *v != nil {
		*to.(*T) = **v
	}
}
