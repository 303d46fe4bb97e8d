package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// maxFrame bounds what is read as one frame or explanation, in bytes: a listener takes 2500
// in a snapshot, and one that is stuck 10000.
const maxFrame = 512 << 20

// bounded decodes values of which none may take more than most.
type bounded struct {
	most  int64
	limit *io.LimitedReader
	from  *json.Decoder
}

func newBounded(r io.Reader) *bounded {
	limit := &io.LimitedReader{R: r}
	return &bounded{maxFrame, limit, json.NewDecoder(limit)}
}

func (b *bounded) decode(v any) error {
	b.limit.N = b.most
	err := b.from.Decode(v)
	if err != nil && b.limit.N <= 0 {
		return fmt.Errorf("it is larger than %d bytes", b.most)
	}
	return err
}

func judgements(in []jsonListener, at time.Time) ([]listener.Judgement, error) {
	out := make([]listener.Judgement, 0, len(in))
	for i := range in {
		j, err := in[i].judgement(at)
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, nil
}

func (in *jsonListener) judgement(at time.Time) (listener.Judgement, error) {
	cookie, err := parseCookie(in.Cookie)
	if err != nil {
		return listener.Judgement{}, err
	}
	local, err := parseAddrPort(in.Local)
	if err != nil {
		return listener.Judgement{}, fmt.Errorf("listener %s: %w", in.Cookie, err)
	}
	group := in.Group.Or("")
	l := &listener.Listener{
		Sample: listener.Sample{
			Key: listener.Key(cookie), Cookie: cookie, Inode: in.Inode, Group: groupKey(group), GroupSize: in.GroupSize,
			Netns: in.Netns, Local: local, Reuseport: in.Reuseport, MPTCP: in.Protocol == listener.MPTCP,
			Queue: in.Queue, Backlog: in.Backlog, Dropped: in.Dropped,
			ListenedAt: timeOf(in.ListenedAt).Rare(), SYNs: in.SYNs, SYNsFull: in.SYNsFull, Selected: in.Selected,
			Queued: in.Queued, Adopted: in.Adopted, WaitersKnown: in.Waiters != nil,
		},
		NetnsName: in.NetnsName.Or(""), GroupName: group, Accepted: in.Accepted,
		CountedSince: timeOf(in.CountedSince).Rare(), LastAccept: timeOf(in.LastAccept).Rare(), Share: in.Share,
		FirstSeen: timeOf(in.FirstSeen).Or(time.Time{}), OwnersKnown: in.Owners != nil,
	}
	if wait, known := in.OldestWait.Get(); known {
		l.OldestWait = listener.Rarely(time.Duration(wait))
	}
	for _, w := range in.Waiters {
		l.Waiters = append(l.Waiters, listener.Waiter{
			Kind: word(w.Kind), PID: w.PID.Or(0), Armed: w.Armed, Sleepers: w.Sleepers, Ready: w.Ready, Holders: w.Holders,
		})
	}
	j := listener.Judgement{
		Listener: l, At: at, Verdict: listener.Verdict(word(in.Verdict.Or(""))), Cause: listener.Cause(word(in.Cause.Or(""))),
	}
	if d := in.Decision; d != nil {
		j.Decision = &listener.Decision{Act: word(d.Act), Reason: listener.Reason(word(d.Reason.Or(""))), Reasons: words(d.Reasons), Ill: words(d.Ill)}
		j.Culprit, j.Class = d.PID.Or(0), listener.Class(word(d.Class.Or("")))
	}
	for i := range in.Owners {
		o := &in.Owners[i]
		l.Owners = append(l.Owners, listener.Owner{
			Holder: &listener.Holder{
				PID: o.PID, NSPID: o.NSPID, Comm: o.Comm, Exe: o.Exe.Or(""), Cmdline: o.Cmdline,
				UID: o.UID, User: o.User.Or(""), PPID: o.PPID, Started: timeOf(o.Started).Or(time.Time{}),
				State: o.State, Wchan: o.Wchan.Or(""), Container: o.Container.container(),
			},
			FD: o.FD,
		})
		if o.Culprit {
			j.Culprit = o.PID
		}
	}
	if c := in.Caller; c != nil {
		l.Caller = listener.Rarely(listener.Caller{PID: c.PID, UID: c.UID, Comm: c.Comm, Parents: c.Parents})
	}
	if in.Evidence != nil {
		in.Evidence.into(&j)
	}
	if err := in.findings(&j); err != nil {
		return listener.Judgement{}, fmt.Errorf("listener %s: %w", in.Cookie, err)
	}
	return j, nil
}
