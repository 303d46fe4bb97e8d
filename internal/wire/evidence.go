package wire

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
)

// jsonEvidence is what was found out about a suspected listener: one form for
// events, explain and whatever keeps it.
type jsonEvidence struct {
	Class  listener.Maybe[string] `json:"class"` // that of the decision
	Signs  jsonSigns              `json:"signs"` // of life, of the culprit or of all owners together
	Window jsonWindow             `json:"window"`
	Caller *jsonCaller            `json:"caller"` // of listen(), null if nobody saw it
	Owners []jsonOwnerEvidence    `json:"owners"`
	Text   listener.Maybe[string] `json:"text"` // a sentence for a person
}

type jsonWindow struct {
	Since     stamp   `json:"since"`
	Observed  seconds `json:"observed_seconds"`
	Samples   int32   `json:"samples"`
	Walked    int32   `json:"walked"`
	Waited    int32   `json:"waited"`
	Armed     int32   `json:"armed"`
	Slept     int32   `json:"slept"`
	Unfetched int32   `json:"unfetched"`
}

type jsonCaller struct {
	PID     int               `json:"pid"`
	UID     uint32            `json:"uid"`
	Comm    string            `json:"comm"`
	Parents []listener.Parent `json:"parents"`
}

type jsonOwnerEvidence struct {
	PID               int                             `json:"pid"`
	Usage             *jsonUsage                      `json:"usage"`
	Connections       listener.Maybe[int]             `json:"connections"`
	AcceptedElsewhere listener.Maybe[bool]            `json:"accepted_elsewhere"`
	Registered        listener.Maybe[bool]            `json:"registered"`
	Frozen            listener.Maybe[bool]            `json:"frozen"`
	FilesFull         listener.Maybe[bool]            `json:"files_full"`
	Tracer            listener.Maybe[int]             `json:"tracer"`
	TracerComm        listener.Maybe[string]          `json:"tracer_comm"`
	Cgroup            listener.Maybe[string]          `json:"cgroup"`
	Container         listener.Maybe[string]          `json:"container"`
	Parents           []listener.Parent               `json:"parents"`
	Unreadable        bool                            `json:"unreadable"` // /proc did not answer in time
	Holds             listener.Maybe[listener.Holds]  `json:"holds"`      // beside the listener
	Locks             listener.Maybe[[]listener.Lock] `json:"locks"`      // on files, that it waits for
	Life              *jsonLife                       `json:"life"`       // null until it was looked at twice
	ThreadCount       int                             `json:"thread_count"`
	Threads           []jsonThread                    `json:"threads"`
}

type jsonThread struct {
	TID     int                 `json:"tid"`
	Comm    string              `json:"comm"`
	State   string              `json:"state"`
	Wchan   string              `json:"wchan"`
	Tracer  listener.Maybe[int] `json:"tracer"` // null: nobody traces it
	Syscall listener.Maybe[int] `json:"syscall"`
	Stack   []string            `json:"stack"`
}

type jsonUsage struct {
	Over         seconds `json:"over_seconds"`
	User         seconds `json:"user_seconds"`
	System       seconds `json:"system_seconds"`
	MajorFaults  uint64  `json:"major_faults"`
	IOBytes      uint64  `json:"io_bytes"`
	SocketBytes  uint64  `json:"socket_bytes"`
	RunnableWait float64 `json:"runnable_wait"`
	Throttled    bool    `json:"throttled"`
	Progress     bool    `json:"progress"`
}

// evidenceJSON is nil where nobody looked closer: nothing is suspected, and
// nobody asked.
func evidenceJSON(j *listener.Judgement) *jsonEvidence {
	looked := func(o listener.Owner) bool { return o.Evidence != nil }
	if j.Verdict != listener.Stuck && j.Verdict != listener.Suspect && len(j.Signs) == 0 && !slices.ContainsFunc(j.Owners, looked) {
		return nil
	}
	w := j.Window
	out := &jsonEvidence{
		Class: maybeText(j.Class), Signs: j.Signs,
		Window: jsonWindow{
			stamp(w.Since), seconds(w.Observed), w.Samples, w.Walked, w.Waited, w.Armed, w.Slept, w.Unfetched,
		},
		Owners: []jsonOwnerEvidence{},
	}
	if j.Verdict == listener.Stuck {
		out.Text = listener.Known(sentence.Stuck(j))
	}
	out.Caller = callerJSON(j.Listener)
	for i := range j.Owners {
		if j.Owners[i].Evidence != nil {
			out.Owners = append(out.Owners, ownerEvidenceJSON(&j.Owners[i]))
		}
	}
	return out
}

// threadsTold are the threads that an event tells of one process, of whatever many:
// three hundred listeners of one with three hundred threads would make it 30 MB.
// explain and the bundle of an act tell of all.
const threadsTold = 32

func (ev *jsonEvidence) cut() {
	if ev == nil {
		return
	}
	for i := range ev.Owners {
		ev.Owners[i].Threads = ev.Owners[i].Threads[:min(len(ev.Owners[i].Threads), threadsTold)]
	}
}

func callerJSON(l *listener.Listener) *jsonCaller {
	c, known := l.Caller.Get()
	if !known {
		return nil
	}
	return &jsonCaller{c.PID, c.UID, c.Comm, append([]listener.Parent{}, c.Parents...)}
}

func ownerEvidenceJSON(o *listener.Owner) jsonOwnerEvidence {
	ev := o.Evidence
	out := jsonOwnerEvidence{
		PID: o.PID, Connections: o.Connections, AcceptedElsewhere: o.AcceptedElsewhere,
		Registered: ev.Registered, Frozen: ev.Frozen, FilesFull: ev.FilesFull, Tracer: maybePID(o.Tracer),
		TracerComm: maybeText(ev.TracerComm), Cgroup: maybeText(o.Cgroup), Container: maybeText(o.ContainerID()),
		Parents:    append([]listener.Parent{}, ev.Parents...),
		Unreadable: ev.Unreadable, Holds: ev.Holds, Locks: ev.Locks, Life: lifeJSON(ev), ThreadCount: ev.Total, Threads: []jsonThread{},
	}
	for i := range ev.Threads {
		t := &ev.Threads[i]
		out.Threads = append(out.Threads, jsonThread{t.TID, t.Comm, t.State, t.Wchan, maybePID(t.Tracer), t.Syscall, t.Stack})
	}
	if u, known := ev.Usage.Get(); known {
		out.Usage = &jsonUsage{
			seconds(u.Over), seconds(u.User), seconds(u.System), u.MajorFaults, u.IOBytes, u.SocketBytes,
			u.RunnableWait, u.Throttled, u.Progress(),
		}
	}
	return out
}

// maybePID is null for 0, which is nobody's.
func maybePID(pid int) listener.Maybe[int] {
	if pid == 0 {
		return listener.Maybe[int]{}
	}
	return listener.Known(pid)
}

// into fills in what a judgement's listener and its owners were found out to be.
func (ev *jsonEvidence) into(j *listener.Judgement) {
	w := ev.Window
	if class, known := ev.Class.Get(); known {
		j.Class = listener.Class(word(class))
	}
	j.Signs = ev.Signs
	j.Window = listener.Window{
		Since: time.Time(w.Since), Observed: time.Duration(w.Observed), Samples: w.Samples,
		Walked: w.Walked, Waited: w.Waited, Armed: w.Armed, Slept: w.Slept, Unfetched: w.Unfetched,
	}
	for i := range ev.Owners {
		for k := range j.Owners {
			if j.Owners[k].PID == ev.Owners[i].PID {
				ev.Owners[i].into(&j.Owners[k])
			}
		}
	}
}

func (ev *jsonOwnerEvidence) into(o *listener.Owner) {
	o.Connections, o.AcceptedElsewhere = ev.Connections, ev.AcceptedElsewhere
	o.Tracer, o.Cgroup = ev.Tracer.Or(0), ev.Cgroup.Or("")
	o.Evidence = &listener.Evidence{
		Total: ev.ThreadCount, Frozen: ev.Frozen, Registered: ev.Registered,
		FilesFull: ev.FilesFull, Parents: ev.Parents, TracerComm: ev.TracerComm.Or(""), Unreadable: ev.Unreadable, Holds: ev.Holds, Locks: ev.Locks,
		Life: ev.Life.life(),
	}
	for i := range ev.Threads {
		t := &ev.Threads[i]
		o.Evidence.Threads = append(o.Evidence.Threads, listener.Thread{
			TID: t.TID, Comm: t.Comm, State: t.State, Wchan: t.Wchan, Tracer: t.Tracer.Or(0), Syscall: t.Syscall, Stack: t.Stack,
		})
	}
	if u := ev.Usage; u != nil {
		o.Evidence.Usage = listener.Known(listener.Usage{
			Over: time.Duration(u.Over), User: time.Duration(u.User), System: time.Duration(u.System),
			MajorFaults: u.MajorFaults, IOBytes: u.IOBytes, SocketBytes: u.SocketBytes, RunnableWait: u.RunnableWait, Throttled: u.Throttled,
		})
	}
}
