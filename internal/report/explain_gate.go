package report

import (
	"fmt"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Meaning says in a line what a reason of the gate means, and what would lift it.
func (e *Explanation) Meaning(r listener.Reason) string {
	switch r {
	case listener.Disarmed:
		return "a file \"disarmed\" in the state folder stops every act: remove it"
	case listener.NotArmed:
		return "explain only looks; `reusewatch run --action kill` with a filter acts"
	case listener.OutOfScope:
		return "the filters, or the policy's, leave it out"
	case listener.Protected:
		return "its name, or a rule of the policy, protects it: nothing but a person may end it"
	case listener.Self:
		return "it is pid 1, a kernel thread, reusewatch itself or its parent: never acted on"
	case listener.Unowned:
		return "no process holds it, so there is none to end; find who has it in flight"
	case listener.AmbiguousHolders:
		return "several processes hold it and which of them should accept is not known: ending one would free nothing"
	case listener.Traced:
		return "a debugger has it: it goes on when the tracer lets go"
	case listener.Frozen:
		return "its cgroup is frozen: it goes on when that is thawed"
	case listener.Stopped:
		return "a signal stopped it: SIGCONT lets it go on, --allow-stopped would act all the same"
	case listener.Starved:
		return "it gets too little CPU: give it more, or end what takes it"
	case listener.Busy:
		return e.busyMeaning()
	case listener.AtLimit:
		return "it polls, holds connections and left this listener out on purpose, as at a connection limit: it may come back when some of them end"
	case listener.ServesElsewhere:
		return "its process accepts on another listener, whose clients a kill would take with it"
	case listener.ContainerInit:
		return "it is the init of a container in which a healthy member lives: both would go"
	case listener.MixedGroup:
		return "not all members are known to run one and the same program, or an own program chooses among them: none may stand in for another"
	case listener.NoSiblingAccepted:
		return "no other member was seen accepting, so nobody would take over; --allow-sole acts all the same"
	case listener.Starting:
		return "it may still be starting: --startup-grace (5m) has not passed, and no younger member accepts"
	case listener.Served:
		return "it has served before, or may have, and may come back: --allow-served acts all the same"
	case listener.TooSoon:
		return fmt.Sprintf("the same client stood at the head for %s of the %s that it takes", span(e.Window.Observed), span(e.Policy.For(e.Served)))
	case listener.HostWide:
		return "three processes or more stopped accepting at once: the host is ill, not they"
	case listener.Budget:
		return "the acts of --max-acts are used up"
	case listener.LastAcceptingMember:
		return "every member that accepts belongs to the same process: nobody would be left"
	case listener.ChangedMeanwhile:
		return "at the last look it was no longer the same: it is judged anew"
	default:
		return "of this reason nothing is known here"
	}
}

func (e *Explanation) busyMeaning() string {
	for i := range e.Owners {
		if ev := e.Owners[i].Evidence; ev != nil && ev.Usage.IsKnown() {
			return "it makes progress with other work, and may come to accept"
		}
	}
	return "nobody has measured yet that it makes no progress: " + e.longer()
}

// asked: the gate is asked only about a stuck listener.
func (e *Explanation) asked() bool { return e.Verdict == listener.Stuck && e.Decision != nil }

func (e *Explanation) gate(p *page) {
	p.section("GATE")
	if !e.asked() {
		s := "The gate is asked only about a stuck listener"
		if e.Verdict == listener.Suspect || e.Verdict == listener.NoVerdict {
			s += ": " + e.longer()
		}
		p.paragraph(pageIndent, s+".")
		return
	}
	p.paragraph(pageIndent, e.answer())
	width := 0
	for _, r := range e.Decision.Reasons {
		width = max(width, len(r))
	}
	for _, r := range e.Decision.Reasons {
		p.paragraph(fmt.Sprintf("%s%-*s  ", pageIndent, width, r), e.Meaning(r))
	}
}

// answer sums up: what an armed run would do.
func (e *Explanation) answer() string {
	soon := slices.Contains(e.Decision.Reasons, listener.TooSoon)
	held := len(e.Decision.Reasons)
	for _, r := range []listener.Reason{listener.NotArmed, listener.TooSoon} {
		if slices.Contains(e.Decision.Reasons, r) {
			held--
		}
	}
	class := "fresh: nothing shows that it ever accepted"
	if e.Served {
		class = "served: it accepted before, or may have"
	}
	what := fmt.Sprintf("kill pid %d", e.Culprit)
	switch {
	case held > 0:
		return fmt.Sprintf("It holds: an armed run would not act, because of what follows. Class %s.", class)
	case soon:
		return fmt.Sprintf("An armed run would %s in %s, should no accept come before. Class %s.", what, span(e.Policy.For(e.Served)-e.Window.Observed), class)
	default:
		return fmt.Sprintf("An armed run would %s now. Class %s.", what, class)
	}
}
