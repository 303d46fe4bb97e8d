// Package record keeps the evidence of suspicions in a file, so that it can be
// judged again with another policy.
//
// A recording is JSON lines: a header, then a snapshot for each look at which
// something was suspected, with the suspected, their groups, and whatever else
// their owners listen on. No address of the kernel's is in it.
package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/regular"
)

// Schema names the form of a recording.
const Schema = "reusewatch-record/v1"

// limit is where a recording is rotated: it and one older file are kept, so a
// daemon that runs for years takes 128 MiB at the most.
const limit = 64 << 20

// maxLine bounds what one look may take: a host with thousands of suspects.
const maxLine = 32 << 20

// errNoRecording says that a file is something else.
var errNoRecording = errors.New("this is no recording of `reusewatch run --record`")

// Header is the first line of a recording.
type Header struct {
	Schema string        `json:"schema"`
	Began  time.Time     `json:"began"`
	Tier   listener.Tier `json:"tier"`
	Self   []int         `json:"self"` // pids that were never acted on
}

// Writer is the file of a recording. What it is given is a line.
type Writer struct {
	path   string
	header Header
	file   *os.File
	size   int64
}

// Create begins a recording, beside which an older one at the same path is kept
// as path.1.
func Create(path string, h Header) (*Writer, error) {
	h.Schema = Schema
	w := &Writer{path: path, header: h}
	return w, w.rotate()
}

func (w *Writer) rotate() error {
	if w.file != nil {
		if err := w.file.Close(); err != nil {
			return fmt.Errorf("close recording %s: %w", w.path, err)
		}
	}
	if err := os.Rename(w.path, w.path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate recording %s: %w", w.path, err)
	}
	f, err := regular.Open(w.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return fmt.Errorf("begin a recording: %w", err)
	}
	w.file, w.size = f, 0
	b, err := line(w.header)
	if err != nil {
		return err
	}
	return w.append(b)
}

// Write takes one line.
func (w *Writer) Write(line []byte) (int, error) {
	if w.size > limit {
		if err := w.rotate(); err != nil {
			return 0, err
		}
	}
	if err := w.append(line); err != nil {
		return 0, err
	}
	return len(line), nil
}

func (w *Writer) append(line []byte) error {
	if _, err := w.file.WriteAt(line, w.size); err != nil {
		return fmt.Errorf("write recording: %w", errors.Join(err, w.file.Truncate(w.size))) // no half of a look
	}
	w.size += int64(len(line))
	return nil
}

// Close ends the recording.
func (w *Writer) Close() error {
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("close recording %s: %w", w.path, err)
	}
	return nil
}

func line(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode for a recording: %w", err)
	}
	return append(b, '\n'), nil
}

// Looks writes the lines of a recording.
type Looks struct {
	to   io.Writer
	some bool // the last look had something to record
}

// NewLooks writes to a Writer, or to what writes to one.
func NewLooks(to io.Writer) *Looks { return &Looks{to: to} }

// Add records what of a snapshot matters. The first look at which nothing is
// suspected any more is recorded too: it shows that a suspicion ended.
func (l *Looks) Add(s *listener.Snapshot, js []listener.Judgement) error {
	part := portion(s, js)
	some := len(part.Listeners) > 0
	if !some && !l.some {
		return nil
	}
	l.some = some
	b, err := line(part)
	if err != nil {
		return err
	}
	_, err = l.to.Write(b)
	return err
}

// portion is the part of a snapshot that a judge of its suspects needs.
func portion(s *listener.Snapshot, js []listener.Judgement) *listener.Snapshot {
	groups, pids := make(map[listener.GroupKey]bool), make(map[int]bool)
	suspect := make(map[listener.Key]bool)
	for i := range js {
		if v := js[i].Verdict; v != listener.Suspect && v != listener.Stuck {
			continue
		}
		suspect[js[i].Key] = true
		if js[i].Group != 0 {
			groups[js[i].Group] = true
		}
		for k := range js[i].Owners {
			pids[js[i].Owners[k].PID] = true
		}
	}
	part := *s
	part.Listeners = nil
	names := make(map[listener.GroupKey]listener.GroupKey)
	for _, l := range s.Listeners {
		theirs := false
		for i := range l.Owners {
			theirs = theirs || pids[l.Owners[i].PID]
		}
		if len(suspect) > 0 && (suspect[l.Key] || groups[l.Group] || theirs) {
			part.Listeners = append(part.Listeners, anonymous(l, names))
		}
	}
	return &part
}

// anonymous replaces the kernel's addresses: a listener by its cookie, a group
// by a number.
func anonymous(l *listener.Listener, names map[listener.GroupKey]listener.GroupKey) *listener.Listener {
	out := *l
	out.Key = listener.Key(l.Cookie)
	out.Head = listener.Head{Remote: l.Head.Remote}
	if l.Group != 0 {
		if names[l.Group] == 0 {
			names[l.Group] = listener.GroupKey(len(names) + 1)
		}
		out.Group = names[l.Group]
	}
	out.Waiters = append([]listener.Waiter(nil), l.Waiters...)
	for i := range out.Waiters {
		out.Waiters[i].Epoll = 0
	}
	out.Owners = append([]listener.Owner(nil), l.Owners...)
	for i := range out.Owners {
		out.Owners[i].Evidence = nameless(l, out.Owners[i].Evidence)
		holder := *out.Owners[i].Holder
		holder.Cmdline = listener.Clip(holder.Cmdline)
		out.Owners[i].Holder = &holder
	}
	return &out
}

// nameless leaves of the calls that were refused, which are told by the addresses of
// listeners, those on this one.
func nameless(l *listener.Listener, ev *listener.Evidence) *listener.Evidence {
	if ev == nil {
		return nil
	}
	life, known := ev.Life.Get()
	calls, watched := life.Calls.Get()
	if !known || !watched {
		return ev
	}
	refused := calls.Refused
	calls.Refused = nil
	if here, some := refused[l.Key]; some {
		calls.Refused = map[listener.Key]listener.Refusal{listener.Key(l.Cookie): here}
	}
	life.Calls = listener.Known(calls)
	out := *ev
	out.Life = listener.Known(life)
	return &out
}

// Read calls each for every snapshot of a recording, in order. Lines that were torn, or are
// longer than any look, are passed over: of those it gives the numbers.
func Read(r io.Reader, each func(Header, *listener.Snapshot) error) (bad []int, err error) {
	in := bufio.NewReader(r)
	var h Header
	for n := 1; ; n++ {
		line, whole, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return bad, fmt.Errorf("line %d: %w", n, err)
		}
		if n == 1 {
			if !whole || json.Unmarshal(line, &h) != nil || h.Schema != Schema {
				return nil, errNoRecording
			}
			continue
		}
		var s *listener.Snapshot
		if whole {
			s = parseLook(line)
		}
		if s == nil {
			bad = append(bad, n)
			continue
		}
		if err := each(h, s); err != nil {
			return bad, err
		}
	}
	if h.Schema == "" {
		return nil, errNoRecording
	}
	return bad, nil
}

// parseLook is nil of what is no look: also of one in which a listener is missing.
func parseLook(line []byte) *listener.Snapshot {
	var s listener.Snapshot
	if json.Unmarshal(line, &s) != nil || slices.ContainsFunc(s.Listeners, incomplete) {
		return nil
	}
	return &s
}

// incomplete: nobody could judge it.
func incomplete(l *listener.Listener) bool {
	return l == nil || slices.ContainsFunc(l.Owners, func(o listener.Owner) bool { return o.Holder == nil })
}

// readLine reads one line; of one that is longer than maxLine it keeps nothing, and says so.
func readLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	whole = true
	for {
		part, err := in.ReadSlice('\n')
		if whole = whole && len(line)+len(part) <= maxLine; whole {
			line = append(line, part...)
		} else {
			line = nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && (len(line) > 0 || !whole):
			return line, whole, nil // the last one, without an end
		default:
			return line, whole, err
		}
	}
}
