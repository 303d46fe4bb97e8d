package listener

import "slices"

// Reason is why the gate holds.
type Reason string

// The reasons; [Reasons] says what each of them means.
const (
	Disarmed            Reason = "disarmed"
	NotArmed            Reason = "not-armed"
	OutOfScope          Reason = "out-of-scope"
	Protected           Reason = "protected"
	Self                Reason = "self"
	Unowned             Reason = "unowned"
	AmbiguousHolders    Reason = "ambiguous-holders"
	Traced              Reason = "traced"
	Frozen              Reason = "frozen"
	Stopped             Reason = "stopped"
	Starved             Reason = "starved"
	Busy                Reason = "busy"
	AtLimit             Reason = "at-limit"
	Waits               Reason = "waits"
	Inherited           Reason = "inherited"
	ServesElsewhere     Reason = "serves-elsewhere"
	ContainerInit       Reason = "container-init"
	MixedGroup          Reason = "mixed-group"
	NoSiblingAccepted   Reason = "no-sibling-accepted"
	Starting            Reason = "starting"
	Served              Reason = "served"
	TooSoon             Reason = "too-soon"
	HostWide            Reason = "host-wide"
	Budget              Reason = "budget"
	LastAcceptingMember Reason = "last-accepting-member"
	ChangedMeanwhile    Reason = "changed-meanwhile"
)

// ReasonRow has all words about one reason, wherever they are shown.
type ReasonRow struct {
	Reason   Reason
	Because  string // why it holds, in a table
	LiftedBy string // "" for nothing that a person could do here
	// Meaning is what explain says of one listener. It has places for {observed} and
	// {needed}, the times of its head, for {longer}, how to look longer, for {waits}, what
	// it waits for, and for {ill}, what got stuck at once.
	Meaning string
	// Soft: a person who knows better may overrule it, for it is a threshold or an
	// allowance. The other reasons say that the wrong process would be hit, or that nobody
	// knows which would.
	Soft bool
	// StuckOnly: it does not hold for a superseded listener, for it is about one that
	// accepts nothing.
	StuckOnly bool
	// Quiet: no alert fires for it, for it is the operator's own will, or passes with time
	// or load.
	Quiet bool
	// Mend is what a person does about it who was called by the alert; "" for a quiet one.
	Mend string
}

// Reasons is the table of all reasons, in the order in which the gate asks.
func Reasons() []ReasonRow {
	return []ReasonRow{
		{Reason: Disarmed, Because: `a file "disarmed" is in --state-dir`, LiftedBy: "removing it",
			Meaning: `a file "disarmed" in the state folder stops every act: remove it`,
			Mend:    "somebody stopped all acts on purpose. Remove the file once that is over."},
		{Reason: NotArmed, Because: "--action is observe", LiftedBy: "--action kill or close", StuckOnly: true, Quiet: true,
			Meaning: "explain only looks; `reusewatch run --action kill`, or close, with a filter acts"},
		{Reason: OutOfScope, Because: "the filters do not choose it", Quiet: true,
			Meaning: "the filters, or the policy's, leave it out"},
		{Reason: Protected, Because: "--protect, a rule of the policy, or what is built in protects it",
			Meaning: "its name, or a rule of the policy, protects it: nothing but a person may end it",
			Mend:    "decide yourself, and end it by hand if it is to go; take it out of `protect` if it should never have been there."},
		{Reason: Self, Because: "it is pid 1, the kernel's, reusewatch or its parent",
			Meaning: "it is pid 1, a kernel thread, reusewatch itself or its parent: never acted on",
			Mend:    "it belongs to reusewatch, or to what started it. Restart that."},
		{Reason: Unowned, Because: "no process holds it",
			Meaning: "no process has a descriptor of it, so there is none to end: find the message, the io_uring or the module of the kernel that has it",
			Mend:    "no process can be ended. Find the message, the io_uring or the module that keeps the socket."},
		{Reason: AmbiguousHolders, Because: "several hold it and no one is the culprit, or all would lose it",
			Meaning: "several processes hold it and which of them should accept is not known: ending one would free nothing",
			Mend:    "`explain` names all who hold it. End the one whose work it is, or restart their parent."},
		{Reason: Traced, Because: "a debugger stopped it",
			Meaning: "a debugger has it: it goes on when the tracer lets go",
			Mend:    "find who debugs it, and let him finish."},
		{Reason: Frozen, Because: "its cgroup is frozen",
			Meaning: "its cgroup is frozen: it goes on when that is thawed",
			Mend:    "find who froze its cgroup before you thaw it."},
		{Reason: Stopped, Because: "it is in state T", LiftedBy: "--allow-stopped", Soft: true,
			Meaning: "a signal stopped it: SIGCONT lets it go on, --allow-stopped would act all the same",
			Mend:    "find who stopped it before you let it go on."},
		{Reason: Starved, Because: "it gets too little CPU", StuckOnly: true,
			Meaning: "it gets too little CPU: give it more, or end what takes it",
			Mend:    "give it CPU: look at its quota, and at what else runs."},
		{Reason: Busy, Because: "it makes progress, or that is not measured yet", StuckOnly: true, Quiet: true,
			Meaning: "it makes progress with other work, and may come to accept"},
		{Reason: AtLimit, Because: "it polls or reads from its clients and leaves new ones waiting, or has no descriptor left", StuckOnly: true, Quiet: true,
			Meaning: "it is at a limit, or may be: it goes on with what it has, or has used up its descriptors, and may come back when some of that ends"},
		{Reason: Waits, Because: "it waits for somebody alive, or nobody knows for whom", LiftedBy: "--allow-waiting, where that is a silent peer, a lock or a file system", StuckOnly: true,
			Meaning: "it waits for somebody who may answer: {waits}",
			Mend:    "`explain` names who it waits for. Mend it there: let the peer answer, let go of the lock, bring the file system back. `allow-waiting` beside `allow-served` lifts these three, and no wait for a timer or a living child."},
		{Reason: Inherited, Because: "who holds it is not who listened", LiftedBy: "--action close", StuckOnly: true,
			Meaning: "it did not make the listener and never meant to serve on it: closing the listener is enough",
			Mend:    "another program than the one that listened holds the listener. `close` it."},
		{Reason: ServesElsewhere, Because: "it accepted or received on something else meanwhile", LiftedBy: "--action close",
			Meaning: "its process serves on something else, whose clients a kill would take with it",
			Mend:    "a kill would take clients of something else with it. `close` it."},
		{Reason: ContainerInit, Because: "its end would end a sibling's container", LiftedBy: "--action close",
			Meaning: "it is the init of a container in which a healthy member lives: both would go",
			Mend:    "its end is the end of a container in which a healthy member lives. `close` it."},
		{Reason: MixedGroup, Because: "only strangers accept, or a BPF program chooses", LiftedBy: "--siblings", Soft: true,
			Meaning: "only members of another program or another place accept, or an own program chooses among them: none may stand in for another; `siblings` and `same-program` of a policy say who may",
			Mend:    "see who else listens there: if they may stand in for each other, say so by `siblings` or `same-program`; else end it by hand."},
		{Reason: NoSiblingAccepted, Because: "no sibling would serve: no other member that runs its program in its place", LiftedBy: "--allow-sole", Soft: true,
			Meaning: "no sibling, a member that runs its program in its place, was seen accepting, so nobody would take over; --allow-sole acts all the same",
			Mend:    "nobody else serves. Start a healthy one first, or allow it in the policy (`allow-sole`)."},
		{Reason: Starting, Because: "it may still be on its way: no younger sibling accepts, or it is not proven dead", LiftedBy: "--startup-grace", Soft: true, StuckOnly: true,
			Meaning: "it may still be starting: --startup-grace has not passed, and it is not proven dead beside a younger member that accepts",
			Mend:    "wait, or end it by hand if you know that it will not come up."},
		{Reason: Served, Because: "it served before, or that is not excluded", LiftedBy: "--allow-served", Soft: true, StuckOnly: true,
			Meaning: "it has served before, or it is not proven that it is of no use: --allow-served acts once it has shown no sign of life but that it runs",
			Mend:    "it served before, or it is not proven that it is of no use. `explain` shows its signs of life. `allow-served` in the policy lets such be acted on, later, if it shows none but that it runs."},
		{Reason: TooSoon, Because: "the time has not passed, for it or a dead sibling", LiftedBy: "--act-after", Soft: true, Quiet: true,
			Meaning: "the same client stood at the head for {observed} of the {needed} that it takes"},
		{Reason: HostWide, Because: "three groups in scope got stuck at once: the host is ill", Soft: true, StuckOnly: true,
			Meaning: "three or more stopped accepting at once, and the host is ill, not they: {ill}",
			Mend:    "many got stuck at once. Look at the host: disk, NFS, memory, CPU."},
		{Reason: Budget, Because: "the acts of the group, of the host, or of users other than root on it are used up", LiftedBy: "--max-acts", Soft: true,
			Meaning: "the acts of --max-acts are used up, or those of the host-budget, of which users other than root may use two fifths",
			Mend:    "it was acted on already and got stuck again: what starts it is broken."},
		{Reason: LastAcceptingMember, Because: "it would take the only members that accept",
			Meaning: "every member that accepts belongs to the same process: nobody would be left",
			Mend:    "its process also holds all that accepts. Restart the service as a whole."},
		{Reason: ChangedMeanwhile, Because: "the last look saw another process, socket or client",
			Meaning: "at the last look it was no longer the same: it is judged anew",
			Mend:    "it is judged again by itself. If it comes back, `explain` says what changes."},
	}
}

// ReasonsThat gives the reasons for whose rows are is true, in the order of the table.
func ReasonsThat(are func(ReasonRow) bool) []Reason {
	var some []Reason
	for _, row := range Reasons() {
		if are(row) {
			some = append(some, row.Reason)
		}
	}
	return some
}

// Row gives the row of a reason, or one that says so for a reason that has none.
func (r Reason) Row() ReasonRow {
	all := Reasons()
	if i := slices.IndexFunc(all, func(row ReasonRow) bool { return row.Reason == r }); i >= 0 {
		return all[i]
	}
	return ReasonRow{Reason: r, Meaning: "of this reason nothing is known here"}
}
