// Package wire is reusewatch/v1: what programs read of us, and what we read of a daemon. All
// JSON of it is written and read here.
package wire

import "github.com/reusewatch/reusewatch/internal/listener"

// Schema names the JSON that this version writes; it only gains fields.
const Schema = "reusewatch/v1"

type jsonListener struct {
	Cookie       string                  `json:"cookie"`
	Netns        uint32                  `json:"netns"`
	NetnsName    listener.Maybe[string]  `json:"netns_name"`
	Protocol     listener.Protocol       `json:"protocol"`
	Local        string                  `json:"local"`
	Inode        uint64                  `json:"inode"`
	Reuseport    bool                    `json:"reuseport"`
	Group        listener.Maybe[string]  `json:"group"`
	GroupSize    int32                   `json:"group_size"`
	Backlog      uint32                  `json:"backlog"`
	Queue        uint32                  `json:"queue"`
	OldestWait   listener.Maybe[seconds] `json:"oldest_wait_seconds"`
	SYNs         listener.Count          `json:"syns"`
	SYNsFull     listener.Count          `json:"syns_full"` // of syns, those that met a full accept queue
	Selected     listener.Count          `json:"selected"`
	Queued       listener.Count          `json:"queued"`
	Accepted     listener.Count          `json:"accepted"`
	Adopted      listener.Count          `json:"adopted"`
	Dropped      listener.Count          `json:"dropped"`
	CountedSince listener.Maybe[stamp]   `json:"counted_since"`
	LastAccept   listener.Maybe[stamp]   `json:"last_accept"`
	ListenedAt   listener.Maybe[stamp]   `json:"listened_at"`
	FirstSeen    listener.Maybe[stamp]   `json:"first_seen"`
	Share        listener.Rare[float64]  `json:"share"`
	Waiters      []jsonWaiter            `json:"waiters"`
	Verdict      listener.Maybe[string]  `json:"verdict"`
	Cause        listener.Maybe[string]  `json:"cause"`
	Decision     *jsonDecision           `json:"decision"`
	Findings     []string                `json:"findings"`
	Generations  listener.Maybe[int]     `json:"generations"` // in its group
	Superseded   *jsonSuperseded         `json:"superseded"`
	Mixed        *jsonMixed              `json:"mixed"`
	Caller       *jsonCaller             `json:"caller"` // of listen(), null if nobody saw it
	Owners       []jsonOwner             `json:"owners"`
	Evidence     *jsonEvidence           `json:"evidence"` // null unless suspect, stuck or explained
}

type jsonWaiter struct {
	Kind     listener.WaiterKind `json:"kind"`
	PID      listener.Maybe[int] `json:"pid"`
	Armed    bool                `json:"armed"`
	Sleepers int                 `json:"sleepers"`
	Ready    bool                `json:"ready"`   // epoll: an event that nobody fetched
	Holders  []int               `json:"holders"` // of the epoll set; null: not known
}

// jsonDecision is all that concerns an act.
type jsonDecision struct {
	Act     listener.Action        `json:"act"`
	Class   listener.Maybe[string] `json:"class"` // dead, never-served or served; null unless stuck
	PID     listener.Maybe[int]    `json:"pid"`   // the culprit's
	Reason  listener.Maybe[string] `json:"reason"`
	Reasons []listener.Reason      `json:"reasons"`
	Signs   []listener.Sign        `json:"signs"`         // of life, that show or may
	Ill     []string               `json:"ill,omitempty"` // where host-wide holds: what got stuck at once
}

type jsonOwner struct {
	PID       int                    `json:"pid"`
	NSPID     int                    `json:"ns_pid"`
	FD        listener.Maybe[int]    `json:"fd"`
	Comm      string                 `json:"comm"`
	Exe       listener.Maybe[string] `json:"exe"`
	Cmdline   []string               `json:"cmdline"`
	UID       uint32                 `json:"uid"`
	User      listener.Maybe[string] `json:"user"`
	PPID      int                    `json:"ppid"`
	Started   listener.Maybe[stamp]  `json:"started"`
	State     string                 `json:"state"`
	Wchan     listener.Maybe[string] `json:"wchan"`
	Culprit   bool                   `json:"culprit"`
	Container *jsonContainer         `json:"container"` // null: in none
}

func toJSON(j *listener.Judgement) jsonListener {
	out := jsonListener{
		Cookie: j.Cookie.String(), Netns: j.Netns, NetnsName: maybeText(j.NetnsName),
		Protocol: j.Protocol(), Local: j.Local.String(), Inode: j.Inode,
		Reuseport: j.Reuseport, Group: maybeText(j.GroupName), GroupSize: j.GroupSize,
		Backlog: j.Backlog, Queue: j.Queue,
		SYNs: j.SYNs, SYNsFull: j.SYNsFull, Selected: j.Selected, Queued: j.Queued, Accepted: j.Accepted,
		Adopted: j.Adopted, Dropped: j.Dropped,
		CountedSince: maybeStamp(j.CountedSince.Maybe()), LastAccept: maybeStamp(j.LastAccept.Maybe()),
		ListenedAt: maybeStamp(j.ListenedAt.Maybe()), FirstSeen: maybeStamp(listener.Known(j.FirstSeen)), Share: j.Share,
		Verdict: maybeText(j.Verdict), Cause: maybeText(j.Cause),
		Caller: callerJSON(j.Listener), Evidence: evidenceJSON(j),
	}
	findingsJSON(j, &out)
	if wait, known := j.OldestWait.Get(); known {
		out.OldestWait = listener.Known(seconds(wait))
	}
	if j.WaitersKnown {
		out.Waiters = []jsonWaiter{}
		for _, w := range j.Waiters {
			jw := jsonWaiter{Kind: w.Kind, Armed: w.Armed, Sleepers: w.Sleepers, Ready: w.Ready, Holders: w.Holders}
			if w.PID != 0 {
				jw.PID = listener.Known(w.PID)
			}
			out.Waiters = append(out.Waiters, jw)
		}
	}
	if d := j.Decision; d != nil {
		out.Decision = &jsonDecision{
			Act: d.Act, Class: maybeText(j.Class), PID: maybePID(j.Culprit),
			Reason: maybeText(d.Reason), Reasons: append([]listener.Reason{}, d.Reasons...), Signs: holding(j.Signs), Ill: j.Decision.Ill,
		}
	}
	if j.OwnersKnown || len(j.Owners) > 0 {
		out.Owners = []jsonOwner{}
	}
	for i := range j.Owners {
		out.Owners = append(out.Owners, ownerJSON(&j.Owners[i], j))
	}
	return out
}

func allJSON(js []listener.Judgement) []jsonListener {
	out := []jsonListener{}
	for i := range js {
		out = append(out, toJSON(&js[i]))
	}
	return out
}

func ownerJSON(o *listener.Owner, j *listener.Judgement) jsonOwner {
	return jsonOwner{
		PID: o.PID, NSPID: o.NSPID, FD: o.FD, Comm: o.Comm, Exe: maybeText(o.Exe),
		Cmdline: listener.Clip(o.Cmdline), UID: o.UID, User: maybeText(o.User), PPID: o.PPID, Started: maybeStamp(listener.Known(o.Started)),
		State: o.State, Wchan: maybeText(o.Wchan), Culprit: j.Culprit == o.PID,
		Container: containerJSON(o.Container),
	}
}
