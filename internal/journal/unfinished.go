package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/regular"
)

const (
	// maxLine bounds an entry; what is longer is not read.
	maxLine = 1 << 20
	// maxOpen bounds how many intents are followed at a time. Agents act one by
	// one, so that only a log that others wrote has more.
	maxOpen = 1024
)

// Settle writes the outcome of every act that was begun and has none: its agent died
// in between, or is about it right now. found says what became of it, "" for one to be
// left alone. What finds no room is owed from then on, as an outcome of one's own acts.
func (l *Log) Settle(found func(*listener.Act) listener.Result) error {
	if l == nil {
		return nil
	}
	open, err := l.begun()
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range open {
		result := found(e.act())
		if result == "" {
			continue
		}
		e.Kind, e.Time, e.Result = outcome, stamp(l.now()), listener.Known(result)
		l.adopt(&e)
		errs = append(errs, l.keep(e))
	}
	return errors.Join(errs...)
}

// adopt has the outcome of another agent's act be owed by this one.
func (l *Log) adopt(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owed.begins(e)
}

// begun gives the intents without an outcome, oldest first.
func (l *Log) begun() ([]entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, err := l.unfinished()
	if err != nil {
		return nil, fmt.Errorf("look for unfinished acts in the audit log %s: %w", l.path, err)
	}
	return out, nil
}

// unfinished holds the lock, so that nobody rotates while it reads. Rotation here
// leaves no open intent behind; another tool's may.
func (l *Log) unfinished() ([]entry, error) {
	if err := l.lock(false); err != nil {
		return nil, err
	}
	defer l.unlock()
	u := newUnfinished()
	older, err := regular.Open(l.older(1), os.O_RDONLY)
	if err == nil {
		err = u.readAll(older)
		err = errors.Join(err, older.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := u.readAll(l.file); err != nil {
		return nil, err
	}
	return u.entries(), nil
}

// unfinished follows intents until their outcome.
type unfinished struct {
	open map[key]numbered
	seen int
}

type numbered struct {
	n int
	entry
}

func newUnfinished() *unfinished { return &unfinished{open: make(map[key]numbered)} }

func (u *unfinished) readAll(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return u.read(f, info.Size())
}

func (u *unfinished) read(r io.ReaderAt, size int64) error {
	return lines(io.NewSectionReader(r, 0, size), u.line)
}

// line takes one line; what is no entry is somebody else's, or torn.
func (u *unfinished) line(b []byte) {
	var e entry
	if json.Unmarshal(b, &e) != nil || e.Schema != schema {
		return
	}
	switch _, known := u.open[e.key()]; {
	case e.Kind == outcome:
		delete(u.open, e.key())
	case e.Kind == intent && !known && len(u.open) < maxOpen:
		u.seen++
		u.open[e.key()] = numbered{u.seen, e}
	}
}

func (u *unfinished) entries() []entry {
	var all []numbered
	for _, e := range u.open {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b numbered) int { return a.n - b.n })
	var out []entry
	for _, e := range all {
		out = append(out, e.entry)
	}
	return out
}

// lines calls each for every whole line. Of one that is too long the rest is
// skipped, and the line with it; so is a last one without an end.
func lines(r io.Reader, each func([]byte)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	long := false
	for {
		part, err := in.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if !long {
			each(line)
		}
		line, long = line[:0], false
	}
}
