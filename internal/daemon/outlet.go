package daemon

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"
)

const (
	// outletRoom is how much may wait for a reader that is slow, in bytes: some thousand
	// events.
	outletRoom = 8 << 20
	// outletEnd is how long the end of a run waits for a reader.
	outletEnd = 500 * time.Millisecond
)

// Outlet writes what a run tells, beside whoever tells it: a reader that has stopped, be it
// a pager, a journal or a full disk, must stop neither looks nor acts. What finds no room
// is left out and counted.
type Outlet struct {
	w io.Writer

	mu      sync.Mutex
	waiting [][]byte
	size    int  // of those
	writing bool // some that are not waiting any more
	lost    int  // lines since that was told last
	gone    error
	changed chan struct{} // holds one token when there is something to do, or done
}

// NewOutlet writes to w for as long as the process lives.
func NewOutlet(w io.Writer) *Outlet {
	o := &Outlet{w: w, changed: make(chan struct{}, 1)}
	go o.run()
	return o
}

// Write takes one line, and waits for nobody. An error says that there is no reader any
// more.
func (o *Outlet) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.gone != nil:
		return 0, o.gone
	case o.size > 0 && o.size+len(line) > outletRoom: // a line that is longer than all room is one all the same
		o.lost++
		return len(line), nil
	}
	o.waiting = append(o.waiting, append([]byte(nil), line...))
	o.size += len(line)
	o.wake()
	return len(line), nil
}

func (o *Outlet) wake() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// run writes for as long as the process lives.
func (o *Outlet) run() {
	for range o.changed {
		for o.writeNext() {
		}
	}
}

func (o *Outlet) writeNext() bool {
	o.mu.Lock()
	if len(o.waiting) == 0 {
		o.mu.Unlock()
		return false
	}
	line := o.waiting[0]
	o.waiting, o.writing = o.waiting[1:], true
	o.mu.Unlock()
	_, err := o.w.Write(line)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size -= len(line)
	o.writing = false
	switch {
	case errors.Is(err, syscall.EPIPE):
		// Not wrapped: of a list that is piped into head it is no error, of a run it is.
		o.gone = fmt.Errorf("nobody reads any more what is told: %v", err) //nolint:errorlint // see above
	case err != nil:
		o.lost++ // the disk is full; there may be room again
	}
	return true
}

// left is how many lines were left out since it was asked last; 0 as long as there is no
// room to tell of it.
func (o *Outlet) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.size > outletRoom/2 {
		return 0
	}
	n := o.lost
	o.lost = 0
	return n
}

// losing says that some were left out, and not told yet.
func (o *Outlet) losing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost > 0
}

// err is why nothing can be told any more.
func (o *Outlet) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone
}

// End waits a little until all is written, and says whether it is.
func (o *Outlet) End() bool {
	return soon(func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.waiting) == 0 && !o.writing || o.gone != nil
	})
}

// soon waits for as long as the end of a run may wait for a reader, and says whether it is done.
func soon(done func() bool) bool {
	for deadline := time.Now().Add(outletEnd); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
