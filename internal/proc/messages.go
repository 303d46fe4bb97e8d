package proc

import (
	"bufio"
	"encoding/gob"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// lag is how long an answer may lie before it is sent, while others are sought.
	lag = 5 * time.Millisecond
	// maxMessage bounds a question or an answer, in bytes. What is read of a process is
	// bounded before, and so whoever sends more than this is not read on.
	maxMessage = 8 << 20
)

// inbox reads what the other side of a pipe sends.
type inbox struct {
	limit   *io.LimitedReader
	reader  *bufio.Reader
	decoder *gob.Decoder
}

func newInbox(from io.Reader) *inbox {
	limit := &io.LimitedReader{R: from}
	reader := bufio.NewReader(limit)
	return &inbox{limit, reader, gob.NewDecoder(reader)}
}

func (i *inbox) next(v any) error {
	i.limit.N = maxMessage
	return i.decoder.Decode(v)
}

// empty says that nothing has come yet beyond what was read.
func (i *inbox) empty() bool { return i.reader.Buffered() == 0 }

// outbox sends answers together, and none of them late: whoever waits for them must
// see at which process the helper hangs.
type outbox struct {
	mu      sync.Mutex // never held while /proc is read
	buffer  *bufio.Writer
	encoder *gob.Encoder
	failed  error
}

func newOutbox(out io.Writer) *outbox {
	o := &outbox{buffer: bufio.NewWriter(out)}
	o.encoder = gob.NewEncoder(o.buffer)
	go func() { // as long as the process lives
		for range time.Tick(lag) {
			_ = o.flush() // who puts the next one hears of it
		}
	}()
	return o
}

func (o *outbox) put(v any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Join(o.failed, o.encoder.Encode(v))
}

func (o *outbox) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = errors.Join(o.failed, o.buffer.Flush())
	return o.failed
}
