package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Frame is a judged snapshot with what a person wants to know beside it: list
// prints it, top draws it, a daemon serves it.
type Frame struct {
	Time     time.Time
	Tier     listener.Tier
	Interval time.Duration // between looks
	Watched  bool          // false: one look without history
	Host     Host
	Cost     listener.Maybe[Cost]
	Policy   Thresholds
	// Listeners in the order of the snapshot. Of a frame that is not Complete
	// they are those that changed since the frame before it.
	Listeners []listener.Judgement
	Complete  bool
	Gone      []listener.Cookie // no longer there; of a frame that is not Complete
}

// Host is where the listeners are.
type Host struct {
	Name   string `json:"name"`
	Kernel string `json:"kernel"`
}

// Cost is what the one who looks has used since it started.
type Cost struct {
	PID     int
	Started time.Time
	CPU     time.Duration // user and system
	RSS     uint64        // bytes
	// BPFTime is spent in its programs, in BPFRuns of them; neither grows unless the
	// kernel's BPF statistics are on.
	BPFTime time.Duration
	BPFRuns uint64
}

// Thresholds are what holds for a listener that no rule of a policy file matches.
type Thresholds struct {
	Action         listener.Action
	StuckAfter     time.Duration
	ActAfter       time.Duration
	ActAfterServed time.Duration
}

// For is how long the head must have stood still for an act on this class.
func (t Thresholds) For(c listener.Class) time.Duration {
	if c == listener.ServedClass {
		return max(t.ActAfter, t.ActAfterServed)
	}
	return t.ActAfter
}

type jsonFrame struct {
	Schema    string         `json:"schema"`
	Time      stamp          `json:"time"`
	Tier      listener.Tier  `json:"tier"`
	Interval  seconds        `json:"interval_seconds"`
	Watched   bool           `json:"watched"`
	Host      Host           `json:"host"`
	Policy    jsonPolicy     `json:"policy"`
	Cost      *jsonCost      `json:"cost"`
	Complete  bool           `json:"complete"` // else those that changed
	Gone      []string       `json:"gone,omitempty"`
	Listeners []jsonListener `json:"listeners"`
}

type jsonPolicy struct {
	Action         listener.Action `json:"action"`
	StuckAfter     seconds         `json:"stuck_after_seconds"`
	ActAfter       seconds         `json:"act_after_seconds"`
	ActAfterServed seconds         `json:"act_after_served_seconds"`
}

func (t Thresholds) json() jsonPolicy {
	return jsonPolicy{t.Action, seconds(t.StuckAfter), seconds(t.ActAfter), seconds(t.ActAfterServed)}
}

func (p jsonPolicy) thresholds() Thresholds {
	return Thresholds{word(p.Action), time.Duration(p.StuckAfter), time.Duration(p.ActAfter), time.Duration(p.ActAfterServed)}
}

type jsonCost struct {
	PID     int     `json:"pid"`
	Started stamp   `json:"started"`
	CPU     seconds `json:"cpu_seconds"`
	RSS     uint64  `json:"rss_bytes"`
	BPFTime uint64  `json:"bpf_nanoseconds"`
	BPFRuns uint64  `json:"bpf_runs"`
}

// head is all but the listeners.
func (f *Frame) head() jsonFrame {
	out := jsonFrame{
		Schema: Schema, Time: stamp(f.Time), Tier: f.Tier, Interval: seconds(f.Interval), Watched: f.Watched,
		Host: f.Host, Policy: f.Policy.json(), Complete: f.Complete, Listeners: []jsonListener{},
	}
	if c, known := f.Cost.Get(); known {
		out.Cost = &jsonCost{c.PID, stamp(c.Started), seconds(c.CPU), c.RSS, uint64(c.BPFTime), c.BPFRuns}
	}
	if len(f.Gone) > 0 {
		out.Gone = cookies(f.Gone)
	}
	return out
}

// WriteIndented writes what `list -o json` prints: one object, for a person to read too.
func WriteIndented(w io.Writer, f *Frame) error { return f.encode(w, "\n", "  ") }

// WriteFrame writes the same object in one line.
func WriteFrame(w io.Writer, f *Frame) error { return f.encode(w, "", "") }

// pieceSize is how much of a frame is written at a time.
const pieceSize = 32 << 10

// encode writes one listener after the other: all of a host in one piece, and in one more
// for each step of encoding, would be a hundred megabytes where there are many. The list of
// listeners is what the object ends with.
func (f *Frame) encode(w io.Writer, line, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", indent)
	if err := e.Encode(f.head()); err != nil {
		return fmt.Errorf("encode a frame: %w", err)
	}
	const none = "[]"
	end := bytes.LastIndex(b.Bytes(), []byte(none))
	rest := bytes.Clone(b.Bytes()[end+len(none):])
	b.Truncate(end)
	out := bufio.NewWriterSize(w, pieceSize)
	if err := writeASCII(out, b.Bytes(), '['); err != nil {
		return err
	}
	e.SetIndent(indent+indent, indent)
	for i := range f.Listeners {
		b.Reset()
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(line + indent + indent)
		if err := e.Encode(toJSON(&f.Listeners[i])); err != nil {
			return fmt.Errorf("encode listener %s: %w", f.Listeners[i].Cookie, err)
		}
		b.Truncate(b.Len() - 1) // the end of the line that each value gets
		if err := writeASCII(out, b.Bytes()); err != nil {
			return err
		}
	}
	last := "]"
	if len(f.Listeners) > 0 {
		last = line + indent + "]"
	}
	if err := writeASCII(out, append([]byte(last), rest...)); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
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
