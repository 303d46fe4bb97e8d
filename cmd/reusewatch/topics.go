package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
)

// topics are commands that do nothing but be read: `reusewatch help gate`.
func topics() []*cobra.Command {
	topic := func(name, short, long string) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Long: strings.Trim(long, "\n")}
	}
	return []*cobra.Command{
		topic("verdicts", "What is said of a listener, and on what it rests", verdictsTopic),
		topic("gate", "Why it holds, and what lifts each reason", gateTopic()),
		topic("tiers", "What can be seen on which kernel", tiersTopic),
		topic("exit-codes", "What each exit code says", exitCodesTopic),
	}
}

const verdictsTopic = `
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

  never-polled  nobody waits on it in any way, and its owner holds no connection of
                its port: it never entered its event loop
  not-polling   it served before; no thread sleeps behind its waiters any more
  ignores       it polls, was woken, and does not accept
  spinning      a CPU full of user time and not one system call
  blocked       it sleeps in a wait channel, which is named
  stopped, traced, frozen, starved    somebody else keeps it from running
  busy          it makes progress with other work
  at-limit      it left the listener out of polling while it serves what it has
  unowned       no process holds it
  unknown       none of these can be said

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

const exitCodesTopic = `
  0   nothing is stuck; "run" was ended by a signal
  1   something is stuck ("check", "list --stuck"), or the filters of a "check" match
      nothing
  2   wrong usage, bad configuration, unknown network namespace
  3   cannot observe: the message names what is missing and the way out
  4   the act failed ("kill", "close")
  5   the gate refused ("kill", "close")
  70  internal error

"check -o nagios" uses the codes of monitoring plugins: 0 OK, 2 CRITICAL, 3 UNKNOWN.`

// gateTopic lists the reasons in the order in which the gate asks.
func gateTopic() string {
	var b strings.Builder
	b.WriteString(`
A wrong kill is worse than a missed one. A stuck listener is acted on only if none
of these holds; the first is the "reason", all are in "reasons".

`)
	for _, r := range judge.Reasons() {
		because, lifted := reasonWords(r)
		fmt.Fprintf(&b, "  %-21s  %s\n", r, because)
		if lifted != "" {
			fmt.Fprintf(&b, "  %-21s  lifted by: %s\n", "", lifted)
		}
	}
	fmt.Fprintf(&b, "\n\"kill\" and \"close\" with --force overrule these and no others:\n  %s\n", report.JoinReasons(judge.Soft()))
	return b.String()
}

// reasonWords say why a reason holds, and what lifts it, "" for nothing that a
// person could do here.
func reasonWords(r listener.Reason) (because, lifted string) {
	switch r {
	case listener.Disarmed:
		return "a file \"disarmed\" is in --state-dir", "removing it"
	case listener.NotArmed:
		return "--action is observe", "--action kill or close"
	case listener.OutOfScope:
		return "the filters do not choose it", ""
	case listener.Protected:
		return "its name, or a rule of the policy, protects it", ""
	case listener.Self:
		return "it is pid 1, the kernel's, reusewatch or its parent", ""
	case listener.Unowned:
		return "no process holds it", ""
	case listener.AmbiguousHolders:
		return "several hold it and no one of them is the culprit", ""
	case listener.Traced:
		return "a debugger stopped it", ""
	case listener.Frozen:
		return "its cgroup is frozen", ""
	case listener.Stopped:
		return "it is in state T", "--allow-stopped"
	case listener.Starved:
		return "it gets no CPU", ""
	case listener.Busy:
		return "it makes progress, or that is not measured yet", ""
	case listener.AtLimit:
		return "it took the listener out of polling on purpose", ""
	case listener.ServesElsewhere:
		return "it accepted on another listener meanwhile", "--action close"
	case listener.ContainerInit:
		return "its end would end a sibling's container", "--action close"
	case listener.MixedGroup:
		return "members run different programs, or one chooses", ""
	case listener.NoSiblingAccepted:
		return "nobody else would serve", "--allow-sole"
	case listener.Starting:
		return "it may still be on its way", "--startup-grace"
	case listener.Served:
		return "it served before, or may have", "--allow-served"
	case listener.TooSoon:
		return "the time has not passed", "--act-after"
	case listener.HostWide:
		return "three groups got stuck at once: the host is ill", ""
	case listener.Budget:
		return "the acts of --max-acts are used up", "--max-acts"
	case listener.LastAcceptingMember:
		return "it would take the only members that accept", ""
	case listener.ChangedMeanwhile:
		return "the last look saw another process or client", ""
	default:
		return "", ""
	}
}
