package feed

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/reusewatch/reusewatch/internal/wire"
)

// shelf holds the newest frame, and what is encoded of it for readers: the whole, and
// what changed since the frames that streams have had. Each is made when somebody wants
// it, once for all who do, and one after the other. It is kept until the next frame, or for
// as long as somebody still reads it.
//
// So what many readers cost is one encoding a frame, and streams that keep up share one
// more. A stream remembers nothing but its place. Where those that lag are at too many
// different frames, the oldest gets a whole one next: that costs a reader that is late
// anyway some megabytes, where a memory of its own would cost the daemon as much for each.
type shelf struct {
	room   int           // for whole frames together, in bytes; what changed has as much beside
	making chan struct{} // holds a token while one is made

	mu     sync.Mutex // under it nobody is called and nothing waited for: publish must not wait
	frame  *wire.Frame
	number uint64                   // of the frame; 0: none yet
	next   chan struct{}            // closed by the next publish
	made   map[*wire.Frame]*encoded // of frame, by the one that it tells the changes since; nil: the whole
	whole  *encoded                 // the last that was made, of whatever frame, if it is still there
	held   int                      // bytes of all encodings that are there
	freed  chan struct{}            // closed when some are given up
	bases  []*base                  // of the streams, the oldest first
	makes  int                      // how often something was encoded
}

// mostBases is how many frames are kept for streams that have had them: one has 150 bytes a
// listener beside what it shares with others.
const mostBases = 2

// base is a frame that streams have had.
type base struct {
	frame   *wire.Frame // nil: given up
	streams int
}

// place is where a stream is; the shelf's lock guards it.
type place struct {
	base *base  // nil: at the beginning
	had  uint64 // the number of the frame
}

// encoded is a frame as it is sent, and not changed any more. It is kept compressed, a piece
// at a time: what is told of one idle listener differs little from the next, and 20,000 of
// them are 24 MB.
type encoded struct {
	frame  *wire.Frame
	number uint64
	pieces [][]byte // blocks of S2
	length int      // as it is sent
	size   int      // as it is kept
	users  int      // readers, and the shelf; of its lock
}

// Write takes a piece.
func (e *encoded) Write(b []byte) (int, error) {
	piece := bytes.Clone(s2.Encode(nil, b)) // which gives room for the worst
	e.pieces = append(e.pieces, piece)
	e.length += len(b)
	e.size += len(piece)
	return len(b), nil
}

// WriteTo writes it as it is sent.
func (e *encoded) WriteTo(w io.Writer) (n int64, err error) {
	var buffer []byte
	for _, piece := range e.pieces {
		if buffer, err = s2.Decode(buffer[:cap(buffer)], piece); err != nil {
			return n, fmt.Errorf("unpack a frame: %w", err)
		}
		wrote, err := w.Write(buffer)
		n += int64(wrote)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func newShelf(room int) *shelf {
	return &shelf{
		room: room, making: make(chan struct{}, 1), next: make(chan struct{}), freed: make(chan struct{}),
		made: make(map[*wire.Frame]*encoded),
	}
}

func (s *shelf) publish(f *wire.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frame = f
	s.number++
	for since, e := range s.made {
		delete(s.made, since)
		s.drop(e)
	}
	close(s.next)
	s.next = make(chan struct{})
}

// await gives the newest frame, once that is not the one that a reader has had.
func (s *shelf) await(ctx context.Context, had uint64) (*wire.Frame, error) {
	for {
		s.mu.Lock()
		f, number, next := s.frame, s.number, s.next
		s.mu.Unlock()
		if number != had {
			return f, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take waits for what brings a reader to the newest frame, until it is given back: for a
// stream at its place, which moves on, or, without one, the whole.
func (s *shelf) take(ctx context.Context, at *place) (*encoded, error) {
	for {
		had := uint64(0)
		if at != nil {
			had = at.had
		}
		if _, err := s.await(ctx, had); err != nil {
			return nil, err
		}
		if e := s.find(at); e != nil {
			return e, nil
		}
		select {
		case s.making <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		e, full, err := s.make(at)
		<-s.making
		switch {
		case err != nil:
			return nil, err
		case e != nil:
			return e, nil
		}
		select {
		case <-full:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// find gives what is there already.
func (s *shelf) find(at *place) *encoded {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.made[at.since()]
	if e != nil {
		e.users++
		s.move(at, e)
	}
	return e
}

// since is the frame that a stream has had; nil where it gets a whole one. The lock is
// held.
func (p *place) since() *wire.Frame {
	if p == nil || p.base == nil {
		return nil
	}
	return p.base.frame
}

// make encodes, unless somebody else just did. Where there is no room it gives what is
// closed when there is some; but who wants a whole frame gets the last one that somebody
// still reads: it tells when it was.
func (s *shelf) make(at *place) (e *encoded, full <-chan struct{}, err error) {
	s.mu.Lock()
	frame, number, since := s.frame, s.number, at.since()
	room := s.room
	if since != nil {
		room *= 2
	}
	crowded := s.held >= room
	e = s.made[since]
	if e == nil && crowded && since == nil && s.whole != nil && (at == nil || s.whole.number > at.had) {
		e = s.whole
	}
	if e != nil {
		e.users++
		s.move(at, e)
	}
	full = s.freed
	s.mu.Unlock()
	if e != nil || crowded {
		return e, full, nil
	}

	e = &encoded{frame: frame, number: number, users: 1}
	if err := wire.WriteFrame(e, changed(since, frame)); err != nil {
		return nil, nil, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.makes++
	s.held += e.size
	if since == nil {
		s.whole = e
	}
	if s.number == number {
		s.made[since] = e
		e.users++
	}
	s.move(at, e)
	return e, nil, nil
}

// giveBack says that it is read no more.
func (s *shelf) giveBack(e *encoded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(e)
}

// drop gives it up if nobody reads it any more; the lock is held.
func (s *shelf) drop(e *encoded) {
	if e.users--; e.users > 0 {
		return
	}
	s.held -= e.size
	if s.whole == e {
		s.whole = nil
	}
	close(s.freed)
	s.freed = make(chan struct{})
}

// move brings a stream to where what it is given brings it; the lock is held.
func (s *shelf) move(at *place, with *encoded) {
	if at == nil {
		return
	}
	s.abandon(at)
	at.had = with.number
	if i := slices.IndexFunc(s.bases, func(b *base) bool { return b.frame == with.frame }); i >= 0 {
		at.base = s.bases[i]
		at.base.streams++
		return
	}
	at.base = &base{frame: with.frame, streams: 1}
	s.bases = append(s.bases, at.base)
	if len(s.bases) > mostBases {
		s.bases[0].frame = nil
		s.bases = slices.Delete(s.bases, 0, 1)
	}
}

// leave says that a stream has ended.
func (s *shelf) leave(at *place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandon(at)
}

// abandon takes a stream off its place; the lock is held.
func (s *shelf) abandon(at *place) {
	b := at.base
	if b == nil {
		return
	}
	at.base = nil
	if b.streams--; b.streams == 0 {
		s.bases = slices.DeleteFunc(s.bases, func(o *base) bool { return o == b })
	}
}
