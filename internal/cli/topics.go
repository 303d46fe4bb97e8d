package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// topics are commands that do nothing but be read: `reusewatch help gate`.
func topics() []*cobra.Command {
	topic := func(name, short, long string) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Long: strings.Trim(long, "\n")}
	}
	return []*cobra.Command{
		topic("verdicts", "What is said of a listener, and on what it rests", verdictsTopic()),
		topic("gate", "Why it holds, and what lifts each reason", gateTopic()),
		topic("tiers", "What can be seen on which kernel", tiersTopic),
		topic("exit-codes", "What each exit code says", exitCodesTopic()),
	}
}

// verdictsTopic has a line for each cause.
func verdictsTopic() string {
	var causes strings.Builder
	for _, c := range listener.Causes() {
		causes.WriteString(hanging(fmt.Sprintf("  %-14s  ", c.Cause), c.Means))
	}
	return verdictsAbove + causes.String() + verdictsBelow
}

const verdictsAbove = `
A verdict rests on the head of the accept queue. The queue is FIFO and accept()
takes its head: while the head stays the same client, nothing has been accepted.
Age alone convicts nobody: a slow server has old heads that change.

  idle       its queue is empty, and nobody is known to have come in a minute
  accepting  it accepted within a minute
  slow       it accepts, but its oldest client waits longer than --stuck-after
  suspect    the same client at the head in three looks, or a first look finds one
             that has waited longer than --stuck-after
  stuck      the same client was seen at the head for all of --stuck-after

A stuck listener has a cause:

`

const verdictsBelow = `
Beside its verdict, a listener that may well accept can have findings:

  superseded    a newer generation of its program has listened beside it for longer
                than --superseded-after: a reload left it, and it still answers
  mixed         members of its group differ in program, user, container or image

"reusewatch explain PORT" tells the evidence for one listener.`

const tiersTopic = `
What is seen depends on what the kernel lets programs attach to. The highest tier
that really attaches runs; "reusewatch doctor" says which, and why none higher. The
same judge runs on all of them, and finds the same stuck listener in each.

  functions    counts SYNs, selections by the group's hash, connections queued,
               accepted and taken over, for every listener
  tracepoints  births, deaths and queues of all listeners; connections are counted
               for suspected groups, and for all while "top" runs (--count)
  queues       no hook at all: iterators read the queues at every look; no counters

What a tier cannot know is shown as "-", and is null in JSON, never 0.

All of them need the kernel's types (BTF), which /sys/kernel/btf/vmlinux shows. Where
sysfs is not mounted, --btf gives a copy of that file, or a vmlinux. It must be of the
kernel that runs: it is compared with what that tells of itself, which without sysfs
takes CAP_SYS_ADMIN. A kernel built without BTF runs none of the tiers.`

func exitCodesTopic() string {
	var b strings.Builder
	for _, e := range exitCodes() {
		b.WriteString(hanging(fmt.Sprintf("  %-2d  ", e.Code), strings.ReplaceAll(e.Says, "`", `"`)))
	}
	return b.String() + `
"check -o nagios" uses the codes of monitoring plugins: 0 OK, 2 CRITICAL, 3 UNKNOWN.`
}

// gateTopic lists the reasons in the order in which the gate asks, and what they rest on.
func gateTopic() string {
	var b strings.Builder
	b.WriteString(`
A wrong kill is worse than a missed one. A stuck listener is acted on only if none
of these holds; the first is the "reason", all are in "reasons".

`)
	for _, r := range listener.Reasons() {
		b.WriteString(hanging(fmt.Sprintf("  %-21s  ", r.Reason), r.Because))
		if r.LiftedBy != "" {
			b.WriteString(hanging(strings.Repeat(" ", 25), "lifted by: "+r.LiftedBy))
		}
	}
	fmt.Fprintf(&b, "\n\"kill\" and \"close\" with --force overrule these and no others:\n%s", hanging("  ", text.Join(softReasons(), ", ")))
	fmt.Fprintf(&b, "\nOf a superseded listener, which accepts, these are not asked:\n%s", hanging("  ", text.Join(stuckOnly(), ", ")))
	proofTopic(&b)
	return b.String()
}

// proofTopic tells what an act rests on: classes, signs of life and dead ends.
func proofTopic(b *strings.Builder) {
	row := func(name, text string) { b.WriteString(hanging(fmt.Sprintf("    %-18s", name), text)) }
	b.WriteString(`
What is proven of a stuck listener is its class:

`)
	for _, c := range listener.Classes() {
		row(string(c.Class), c.Means+"; acted on "+c.Acts)
	}
	b.WriteString(`
Signs of life of its process, all threads of it. What is not known counts as life:

`)
	for _, s := range listener.Signs() {
		known := s.Known
		if s.Inert {
			known += "; no, if it is inert"
		}
		row(string(s.Sign), s.Means+" ("+text.Join(s.Holds, ", ")+"): "+known)
	}
	b.WriteString(`
A process is inert as long as no thread of it got a time slice, none is runnable and each
stood in the same wait. A dead end is a wait that nothing alive will end:

`)
	for _, d := range listener.DeadEnds() {
		row(string(d.For), d.Wait+"; "+condition(d.If))
	}
	b.WriteString("\n" + hanging("", "A process is at a dead end if "+listener.DeadEndRule+". Any other wait counts as one for somebody alive."))
}

// condition is when a wait is a dead end, as a part of a sentence.
func condition(of string) string {
	if strings.HasPrefix(of, "always") {
		return of
	}
	return "if " + of
}

// hanging wraps a text to a width that fits a terminal, behind a lead that later lines
// stay clear of.
func hanging(lead, text string) string {
	const width = 90
	var b strings.Builder
	line, empty := lead, true
	for word := range strings.FieldsSeq(text) {
		if !empty && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line, empty = strings.Repeat(" ", len(lead)), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	return b.String() + line + "\n"
}

// softReasons are those that --force overrules.
func softReasons() []listener.Reason {
	return listener.ReasonsThat(func(r listener.ReasonRow) bool { return r.Soft })
}

// stuckOnly are those that are not asked of a superseded listener.
func stuckOnly() []listener.Reason {
	return listener.ReasonsThat(func(r listener.ReasonRow) bool { return r.StuckOnly })
}
