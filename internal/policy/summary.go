package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// Describe reads the policy file at path over base, as [Load] does, and says in
// words what it means: of each rule which listeners it is about, and what would
// be done to a stuck one, when. The text is safe to print.
func Describe(path string, base judge.Policy) (string, error) {
	f, err := load(path, base)
	if err != nil {
		return "", err
	}
	return f.describe(), nil
}

// block is what is said of the listeners of one rule, or of all others.
type block struct {
	title     string
	line      int // of the rule
	listeners string
	settings  judge.Settings
	comms     []string // that alone it is about; none: any
}

func (f *file) describe() string {
	var b strings.Builder
	blocks := f.blocks()
	p := &f.policy
	for _, act := range []listener.Action{listener.Kill, listener.Close} {
		var armed []string
		for _, k := range blocks {
			if k.act() == act || k.act() != listener.Hold && k.settings.Superseded == act {
				armed = append(armed, k.title)
			}
		}
		if len(armed) > 0 {
			fmt.Fprintf(&b, "ARMED TO %s: %s\n", strings.ToUpper(string(act)), strings.Join(armed, ", "))
		}
	}
	if b.Len() == 0 {
		fmt.Fprintln(&b, "nothing is killed or closed")
	}
	fmt.Fprintln(&b, "of the rules, the first that matches a listener applies to it; flags typed for run win over this file")
	fmt.Fprintf(&b, "never acted on, whatever a rule says: %s\n", clean(p.Protect))
	fmt.Fprintf(&b, "on the whole host: %s, %d of them on what users other than root run\n", budget(p.HostBudget), p.HostBudget.OfUsers().Acts)
	for _, k := range blocks {
		k.write(&b, p)
	}
	return b.String()
}

func (f *file) blocks() []block {
	p := &f.policy
	var blocks []block
	for i, r := range f.rules {
		title := fmt.Sprintf("rule %d", i+1)
		if r.name != "" {
			title += " " + strconv.Quote(text.Printable(r.name))
		}
		blocks = append(blocks, block{
			title: title, line: r.line, listeners: listeners(&r.match), comms: r.match.Comms,
			settings: effective(p.Default, r.set.Override, p.Given),
		})
	}
	all := slices.ContainsFunc(f.rules, func(r rule) bool { return covers(&r.match, &judge.Match{}) })
	if all {
		return blocks
	}
	title := "every other listener"
	if len(blocks) == 0 {
		title = "every listener"
	}
	return append(blocks, block{title: title, settings: effective(p.Default, p.Given)})
}

// act is what the block comes to.
func (k *block) act() listener.Action {
	if k.settings.Protect {
		return listener.Hold
	}
	return k.settings.Action
}

// verbs say of an act what it does to a stuck listener, and in a word.
func verbs(a listener.Action) (does, verb string) {
	switch a {
	case listener.Kill:
		return "KILL", "kill"
	case listener.Close:
		return "CLOSE: its listener leaves, the process and its live connections stay", "close"
	case listener.Hold:
		return "PROTECTED: report, never act", ""
	default:
		return "observe only: say what would be killed", "would kill"
	}
}

func (k *block) write(b *strings.Builder, p *judge.Policy) {
	s := &k.settings
	does, verb := verbs(k.act())
	where := ""
	if k.line > 0 {
		where = fmt.Sprintf(" (line %d)", k.line)
	}
	fmt.Fprintf(b, "\n%s%s: %s\n", k.title, where, does)
	row := func(name, text string) { fmt.Fprintf(b, "    %-22s %s\n", name, text) }
	if k.listeners != "" {
		row("listeners", k.listeners)
	}
	row("stuck", "the same client at the head of the queue for "+short(s.StuckAfter))
	row("older generation", superseded(k))
	if verb == "" {
		return
	}
	alike := func(allowed bool, key, text string) string {
		if !allowed {
			return "leave alone (" + key + " is false)"
		}
		return text
	}
	row("dead, or never served", fmt.Sprintf("%s after %s", verb, short(s.ActAfter)))
	row("served: all others", alike(s.AllowServed, "allow-served", fmt.Sprintf("%s after %s", verb, short(max(s.ActAfter, s.ActAfterServed)))))
	for _, setting := range Table() {
		if setting.Allows != "" {
			text := alike(*s.Field(setting.Key).(*bool), setting.Key, verb+" alike")
			if setting.Key == "allow-waiting" {
				text = alike(s.AllowServed, "allow-served", text) // all that wait are of that class
			}
			row(setting.Allows, text)
		}
	}
	row("still starting up", fmt.Sprintf("leave alone for %s, unless a younger sibling has accepted", short(s.StartupGrace)))
	if k.act() == listener.Close {
		row("several hold it", "leave alone: what they share is never closed")
	}
	row("siblings", siblings(s))
	row("of one group", budget(s.Budget))
	if safe := protected(k.comms, p.Protect); len(safe) > 0 {
		row("but never", clean(safe))
	}
}

// siblings says who may stand in for one another.
func siblings(s *judge.Settings) string {
	where := map[listener.Place]string{
		listener.WithinContainer: "in the same container, or on the host", listener.WithinPod: "in the same pod, or on the host",
		listener.Anywhere: "wherever they run",
	}[s.Siblings]
	if len(s.SameProgram) > 0 {
		where += "; one program are " + clean(s.SameProgram)
	}
	return "members that run the same program " + where
}

// superseded says what is done about a generation that a newer one stands beside.
func superseded(k *block) string {
	s := &k.settings
	does := "report"
	if k.act() != listener.Hold && (s.Superseded == listener.Close || s.Superseded == listener.Kill) {
		does = strings.ToUpper(string(s.Superseded))
	}
	return fmt.Sprintf("%s once a newer one has listened for %s", does, short(s.SupersededAfter))
}

// protected are the names that a rule is about and that are never acted on.
func protected(comms, list []string) []string {
	return slices.DeleteFunc(slices.Clone(comms), func(c string) bool { return !slices.Contains(list, c) })
}

// listeners says in words which ones a rule is about.
func listeners(m *judge.Match) string {
	var all, owner []string
	add := func(to *[]string, what string, values []string) {
		if len(values) > 0 {
			*to = append(*to, what+" "+strings.Join(values, " or "))
		}
	}
	add(&all, "on port", words(m.Ports, func(p uint16) string { return strconv.Itoa(int(p)) }))
	add(&all, "bound to", words(m.Addrs, bound))
	add(&owner, "is named", words(m.Comms, text.Printable))
	add(&owner, "runs", words(m.Exes, text.Printable))
	add(&owner, "is of user id", words(m.UIDs, func(u uint32) string { return strconv.FormatUint(uint64(u), 10) }))
	add(&owner, "has a cgroup that begins with", words(m.Cgroups, text.Printable))
	add(&owner, "is in a container whose id begins with", words(m.Containers.IDs, text.Printable))
	add(&owner, "is in a pod named", words(m.Containers.Pods, text.Printable))
	add(&owner, "is in the namespace", words(m.Containers.Namespaces, text.Printable))
	if len(owner) > 0 {
		all = append(all, "held by a process that "+strings.Join(owner, " and "))
	}
	return cmp.Or(strings.Join(all, ", "), "all that no earlier rule matches")
}

func words[T any](values []T, word func(T) string) []string {
	var w []string
	for _, v := range values {
		w = append(w, word(v))
	}
	return w
}

func bound(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return "an address in " + p.String()
}

func clean(names []string) string { return cmp.Or(text.Printable(strings.Join(names, ", ")), "nobody") }

func budget(b judge.Budget) string {
	acts := "acts"
	if b.Acts == 1 {
		acts = "act"
	}
	return fmt.Sprintf("at most %d %s in %s", b.Acts, acts, short(b.Per))
}

// short prints 2m0s as 2m, and 1h0m0s as 1h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
