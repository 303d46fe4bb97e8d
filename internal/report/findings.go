package report

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// Findings says in a word each what is wrong with a listener that may well accept.
func Findings(j *listener.Judgement) string {
	found := j.Findings()
	words := make([]string, len(found))
	for i, f := range found {
		words[i] = string(f)
	}
	return strings.Join(words, ",")
}

// SupersededSentence says for a tired operator who answers that should not.
func SupersededSentence(j *listener.Judgement) string {
	s := j.Superseded
	var b strings.Builder
	fmt.Fprintf(&b, "%s is of an older generation than %s, and still listens on %s", sideName(&s.Old), sideName(&s.New), j.Local)
	if share, known := s.Share.Get(); known {
		fmt.Fprintf(&b, "; about %.0f %% of new clients land there", 100*share)
	}
	fmt.Fprintf(&b, ". What tells them apart: %s.", traits(s))
	return b.String()
}

func sideName(s *listener.Side) string {
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

// MixedSentence says what the members of a group differ in.
func MixedSentence(m *listener.Mixed) string {
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

// findings is the section of an explanation.
func (e *Explanation) findings(p *text.Page) {
	if e.Superseded == nil && e.Mixed == nil {
		return
	}
	p.Section("FINDINGS")
	if s := e.Superseded; s != nil {
		p.Paragraph(text.Indent+"superseded  ", SupersededSentence(&e.Judgement))
		e.side(p, "older", &s.Old)
		e.side(p, "newer", &s.New)
		if e.Verdict != listener.Stuck && e.Decision != nil {
			p.Field("decision", supersededDecision(e.Decision))
		}
	}
	if e.Mixed != nil {
		p.Paragraph(text.Indent+"mixed  ", MixedSentence(e.Mixed)+".")
	}
}

func supersededDecision(d *listener.Decision) string {
	if d.Act == listener.Hold {
		return "held: " + text.Join(d.Reasons, ", ")
	}
	return string(d.Act)
}

func (e *Explanation) side(p *text.Page, name string, s *listener.Side) {
	user := text.Printable(s.User)
	if user == "" {
		user = fmt.Sprintf("uid %d", s.UID)
	}
	since := "its age is not known"
	if !s.Since.IsZero() {
		since = fmt.Sprintf("started %s ago (its listen() was not seen)", text.Span(e.At.Sub(s.Since)))
	}
	if s.SinceSeen {
		since = fmt.Sprintf("listens for %s", text.Span(e.At.Sub(s.Since)))
	}
	p.Field(name, fmt.Sprintf("%s, %s, %s: %s", sideName(s), user, since, text.Dash(text.Printable(strings.Join(listener.Clip(s.Cmdline), " ")))))
	for _, c := range s.Configs {
		p.Field("", text.Printable(path.Clean(c.Path)))
	}
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

// jsonSuperseded is null unless there is an older generation to tell of.
type jsonSuperseded struct {
	Old   jsonSide                `json:"old"`
	New   jsonSide                `json:"new"`
	Why   []listener.Trait        `json:"why"`
	Share listener.Maybe[float64] `json:"share"` // of new clients that the old one takes
	Text  string                  `json:"text"`
}

type jsonSide struct {
	PIDs      []int                   `json:"pids"`
	Start     uint64                  `json:"start_ticks"`
	Comm      string                  `json:"comm"`
	Cmdline   []string                `json:"cmdline"`
	UID       uint32                  `json:"uid"`
	User      listener.Maybe[string]  `json:"user"`
	Since     listener.Maybe[stamp]   `json:"since"`
	SinceSeen bool                    `json:"since_listen"` // else since its process started
	Age       listener.Maybe[seconds] `json:"age_seconds"`
	Configs   []jsonConfig            `json:"configs"`
	Listeners []string                `json:"listeners"`
}

type jsonConfig struct {
	Path string `json:"path"`
	// Null for ever: nobody looks at a file that a process names.
	Modified listener.Maybe[stamp]   `json:"modified"`
	Since    listener.Maybe[seconds] `json:"modified_since_boot_seconds"`
}

type jsonMixed struct {
	Programs   []string `json:"programs"`
	Users      []string `json:"users"`
	Containers []string `json:"containers"`
	Images     []string `json:"images"`
	Text       string   `json:"text"`
}

func findingsJSON(j *listener.Judgement, out *jsonListener) {
	out.Findings, out.Generations = []string{}, j.Generations
	for _, f := range j.Findings() {
		out.Findings = append(out.Findings, string(f))
	}
	if s := j.Superseded; s != nil {
		out.Superseded = &jsonSuperseded{sideJSON(&s.Old, j.At), sideJSON(&s.New, j.At), s.Why, s.Share, SupersededSentence(j)}
	}
	if m := j.Mixed; m != nil {
		out.Mixed = &jsonMixed{some(m.Programs), some(m.Users), some(m.Containers), some(m.Images), MixedSentence(m)}
	}
}

func some(values []string) []string { return append([]string{}, values...) }

func sideJSON(s *listener.Side, at time.Time) jsonSide {
	out := jsonSide{
		PIDs: s.PIDs, Start: s.Start, Comm: s.Comm, Cmdline: some(listener.Clip(s.Cmdline)), UID: s.UID, User: maybeText(s.User),
		Since: maybeStamp(listener.Known(s.Since)), SinceSeen: s.SinceSeen,
		Configs: []jsonConfig{}, Listeners: cookies(s.Listeners),
	}
	if !s.Since.IsZero() {
		out.Age = listener.Known(seconds(at.Sub(s.Since)))
	}
	for _, c := range s.Configs {
		out.Configs = append(out.Configs, jsonConfig{Path: c.Path})
	}
	return out
}

func (in *jsonListener) findings(j *listener.Judgement) error {
	j.Generations = in.Generations
	if s := in.Superseded; s != nil {
		j.Superseded = &listener.Superseded{Why: words(s.Why), Share: s.Share}
		for _, side := range []struct {
			in *jsonSide
			to *listener.Side
		}{{&s.Old, &j.Superseded.Old}, {&s.New, &j.Superseded.New}} {
			if err := side.in.into(side.to); err != nil {
				return err
			}
		}
	}
	if m := in.Mixed; m != nil {
		j.Mixed = &listener.Mixed{Programs: m.Programs, Users: m.Users, Containers: m.Containers, Images: m.Images}
	}
	return nil
}

func (in *jsonSide) into(s *listener.Side) error {
	*s = listener.Side{
		PIDs: in.PIDs, Start: in.Start, Comm: in.Comm, Cmdline: in.Cmdline, UID: in.UID, User: in.User.Or(""),
		Since: timeOf(in.Since).Or(time.Time{}), SinceSeen: in.SinceSeen,
	}
	if len(s.PIDs) == 0 {
		return fmt.Errorf("a generation of %q has no process", in.Comm)
	}
	for _, c := range in.Configs {
		s.Configs = append(s.Configs, listener.Config{Path: c.Path})
	}
	for _, text := range in.Listeners {
		c, err := parseCookie(text)
		if err != nil {
			return err
		}
		s.Listeners = append(s.Listeners, c)
	}
	return nil
}
