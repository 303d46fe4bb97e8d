package sentence

import (
	"fmt"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// Superseded says for a tired operator who answers that should not.
func Superseded(j *listener.Judgement) string {
	s := j.Superseded
	var b strings.Builder
	fmt.Fprintf(&b, "%s is of an older generation than %s, and still listens on %s", Side(&s.Old), Side(&s.New), j.Local)
	if share, known := s.Share.Get(); known {
		fmt.Fprintf(&b, "; about %.0f %% of new clients land there", 100*share)
	}
	fmt.Fprintf(&b, ". What tells them apart: %s.", traits(s))
	return b.String()
}

// Side names one generation: its first process, and how many more there are.
func Side(s *listener.Side) string {
	name := fmt.Sprintf("%s pid %d", text.Dash(text.Printable(s.Comm)), s.PIDs[0])
	if more := len(s.PIDs) - 1; more > 0 {
		name += fmt.Sprintf(" and %d more", more)
	}
	return name
}

func traits(s *listener.Superseded) string {
	words := make([]string, len(s.Why))
	for i, t := range s.Why {
		words[i] = traitWords(t)
	}
	return strings.Join(words, "; ")
}

func traitWords(t listener.Trait) string {
	switch t {
	case listener.NamesIt:
		return "the newer one's command line names the older one's pid, which was to end"
	case listener.OtherConfig:
		return "their command lines name other configuration files"
	case listener.BinaryReplaced:
		return "the older one runs another executable, or one that was replaced"
	case listener.LeftBehind:
		return "both were started as daemons, at different times, in one service"
	default:
		return string(t)
	}
}

// Mixed says what the members of a group differ in.
func Mixed(m *listener.Mixed) string {
	var differ []string
	for _, d := range []struct {
		what   string
		values []string
	}{
		{"programs", m.Programs}, {"users", m.Users}, {"containers", m.Containers}, {"images", m.Images},
	} {
		if len(d.values) == 0 {
			continue
		}
		named := make([]string, len(d.values))
		for i, v := range d.values {
			named[i] = text.Printable(v)
			if v == "" {
				named[i] = "none"
			}
		}
		differ = append(differ, fmt.Sprintf("%s (%s)", d.what, strings.Join(named, ", ")))
	}
	return "the members of this group differ in " + strings.Join(differ, " and in ")
}

// Privileges says of a process that called listen() itself what became of its
// user since; "" when nobody saw that.
func Privileges(l *listener.Listener) string {
	c, known := l.Caller.Get()
	if !known {
		return ""
	}
	for i := range l.Owners {
		o := &l.Owners[i]
		switch {
		case o.PID != c.PID:
		case o.UID != c.UID:
			return fmt.Sprintf("it was uid %d then and is uid %d now", c.UID, o.UID)
		case c.UID == 0:
			return "it was root then and is now: it never dropped its privileges"
		}
	}
	return ""
}
