package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
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

// FrameReader reads frames as WriteFrame writes them.
type FrameReader struct{ from *bounded }

// NewFrameReader reads frames from r.
func NewFrameReader(r io.Reader) *FrameReader { return &FrameReader{newBounded(r)} }

// Next gives the next frame; io.EOF after the last. Keys and groups of its
// listeners are told apart from each other and stay the same from frame to frame,
// but are not the kernel's, which never leave the process that looks.
func (r *FrameReader) Next() (*Frame, error) {
	var in jsonFrame
	if err := r.from.decode(&in); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("read a frame: %w", err)
	}
	if in.Schema != Schema {
		return nil, fmt.Errorf("read a frame: its schema is %q, this version knows %s", in.Schema, Schema)
	}
	f := &Frame{
		Time: time.Time(in.Time), Tier: word(in.Tier), Interval: time.Duration(in.Interval), Watched: in.Watched,
		Host: in.Host, Policy: in.Policy.thresholds(), Complete: in.Complete,
	}
	if c := in.Cost; c != nil {
		f.Cost = listener.Known(Cost{c.PID, time.Time(c.Started), time.Duration(c.CPU), c.RSS, time.Duration(c.BPFTime), c.BPFRuns})
	}
	var err error
	if f.Listeners, err = judgements(in.Listeners, f.Time); err != nil {
		return nil, fmt.Errorf("read a frame: %w", err)
	}
	for _, s := range in.Gone {
		c, err := parseCookie(s)
		if err != nil {
			return nil, fmt.Errorf("read a frame: %w", err)
		}
		f.Gone = append(f.Gone, c)
	}
	return f, nil
}

func (p jsonPolicy) thresholds() Thresholds {
	return Thresholds{word(p.Action), time.Duration(p.StuckAfter), time.Duration(p.ActAfter), time.Duration(p.ActAfterServed)}
}

// ReadExplanation reads what ExplainJSON writes.
func ReadExplanation(r io.Reader) (*Explanation, error) {
	var in jsonExplanation
	if err := newBounded(r).decode(&in); err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	at := time.Time(in.Time)
	this, err := in.Listener.judgement(at)
	if err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	e := &Explanation{
		Judgement: this, Tier: word(in.Tier), Watched: in.Watched, Interval: time.Duration(in.Interval),
		Policy: in.Policy.thresholds(), Note: word(in.Note.Or("")),
	}
	if e.Members, err = judgements(in.Group, at); err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	if e.Others, err = judgements(in.Others, at); err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	if total, known := in.ClientsTotal.Get(); known {
		c := listener.Clients{Total: total, Gone: in.ClientsGone.Or(0)}
		for _, jc := range in.Clients {
			remote, err := parseAddrPort(jc.Remote)
			if err != nil {
				return nil, fmt.Errorf("read an explanation: client: %w", err)
			}
			c.Oldest = append(c.Oldest, listener.Client{
				Remote: remote, Waited: time.Duration(jc.Waited), Unread: jc.Unread, Gone: listener.Gone(word(jc.Gone.Or(""))),
			})
		}
		e.Clients = listener.Known(c)
	}
	return e, nil
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

// word makes printable what is shown as it is, for whoever looks for himself has it from a
// table of ours: a verdict, a reason. What processes chose is escaped where it is shown.
func word[S ~string](s S) S { return S(text.Printable(string(s))) }

func words[S ~string](all []S) []S {
	out := slices.Clone(all)
	for i := range out {
		out[i] = word(out[i])
	}
	return out
}

// parseAddrPort refuses a zone, which may hold anything, and which no socket has.
func parseAddrPort(s string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(s)
	if err == nil && a.Addr().Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("address %q has a zone", s)
	}
	return a, err
}

func parseCookie(s string) (listener.Cookie, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("cookie %q: %w", s, err)
	}
	return listener.Cookie(n), nil
}

// groupKey makes the members of one group share a key, as the kernel's do.
func groupKey(name string) listener.GroupKey {
	if name == "" {
		return 0
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // never fails
	return listener.GroupKey(h.Sum64() | 1)
}

func timeOf(s listener.Maybe[stamp]) listener.Maybe[time.Time] {
	if v, known := s.Get(); known {
		return listener.Known(time.Time(v))
	}
	return listener.Maybe[time.Time]{}
}
