package proc

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Verb is the argument by which a command is told to serve a reader.
const Verb = "read-proc"

// idle is how long a helper waits for a question before it ends by itself.
const idle = 20 * time.Second

// Serve answers questions from in to out until in ends, or nobody asks any more. It is
// all that a helper process does.
func (f FS) Serve(in io.Reader, out io.Writer) error {
	// One thread asks, and says which: whether it hangs shows in its state.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// What a process looks like is asked seldom. The next one to ask starts another.
	asleep := time.AfterFunc(idle, func() { os.Exit(0) })
	questions := newInbox(in)
	answers := newOutbox(out)
	if err := errors.Join(answers.put(unix.Gettid()), answers.flush()); err != nil {
		return fmt.Errorf("tell that a helper is there: %w", err)
	}
	for {
		var q Question
		if err := questions.next(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a question about a process: %w", err)
		}
		asleep.Reset(idle)
		err := answers.put(f.ask(&q))
		if err == nil && questions.empty() {
			err = answers.flush()
		}
		if err != nil {
			return fmt.Errorf("answer about process %d: %w", q.PID, err)
		}
	}
}

// helper is a process that reads /proc for us. It holds no descriptor of ours but its
// ends of two pipes.
type helper struct {
	cmd     *exec.Cmd
	in      *os.File
	encoder *gob.Encoder
	out     *os.File
	hello   chan int    // its thread, once it is there
	thread  int         // 0: it has not said that it is there
	answers chan Answer // closed when it answers no more
	done    chan struct{}
}

// startHelper runs this very program anew, also when its file was replaced meanwhile.
func startHelper(command []string) (*helper, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to a helper: %w", err)
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("make a pipe from a helper: %w", err)
	}
	defer theirOut.Close()
	h := &helper{in: in, out: out, hello: make(chan int, 1), answers: make(chan Answer, 64), done: make(chan struct{})}
	// What whoever started us left open is not for the helper either.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // 5.11
	h.cmd = exec.Command(command[0], command[1:]...)
	h.cmd.Stdin, h.cmd.Stdout = theirIn, theirOut
	h.cmd.Dir = "/"
	// The keyboard's interrupt is for us: what is under way may still need it.
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := h.cmd.Start(); err != nil {
		in.Close()
		out.Close()
		return nil, fmt.Errorf("start a helper that reads /proc: %w", err)
	}
	h.encoder = gob.NewEncoder(in)
	go func() {
		_ = h.cmd.Wait()
		close(h.done)
	}()
	go func() {
		defer close(h.answers)
		from := newInbox(out)
		var thread int
		if from.next(&thread) != nil {
			return
		}
		h.hello <- thread
		for {
			var a Answer
			if from.next(&a) != nil {
				return // it has ended, was killed, or talks nonsense
			}
			h.answers <- a
		}
	}()
	return h, nil
}

// end is how a round of questions ended.
type end int

const (
	endAnswered end = iota
	endTime         // the limit came first
	endHung         // it stands still at the first that is not answered
	endGone         // it has ended
)

// ask puts questions, and says how many were answered, in their order.
func (h *helper) ask(ctx context.Context, questions []Question, each func(Answer)) (answered int, how end) {
	go func() { // a helper that hangs does not read either
		for i := range questions {
			if h.encoder.Encode(&questions[i]) != nil {
				return
			}
		}
	}()
	used := h.used()
	still := time.NewTimer(patience)
	defer still.Stop()
	for answered < len(questions) {
		select {
		case h.thread = <-h.hello:
			still.Reset(patience)
		case a, more := <-h.answers:
			if !more {
				return answered, endGone
			}
			each(a)
			answered++
			used = h.used()
			still.Reset(patience)
		case <-still.C:
			if h.stands(&used) {
				return answered, endHung
			}
			still.Reset(patience) // it wants a CPU: that is not the process's doing
		case <-ctx.Done():
			return answered, endTime
		}
	}
	return answered, endAnswered
}

// stands says whether it stands still because of the process that it asks: it sleeps, and
// not for a question, or what it reads takes it all this time of a CPU. To look at our own
// child waits for nobody.
func (h *helper) stands(used *time.Duration) bool {
	if h.thread == 0 {
		return false // it is not there yet, and has asked nobody
	}
	dir := New("").taskPath(h.cmd.Process.Pid, h.thread)
	st, err := readStat(dir + "/stat")
	if err != nil {
		return false
	}
	if st.state == 'D' || st.state == 'S' {
		if waitsForUs(dir) {
			return false
		}
		// The lock of all cgroups is no process's own, and whoever holds it gives it back.
		wchan, _ := readFile(dir + "/wchan")
		return !bytes.Contains(wchan, []byte("cgroup"))
	}
	before := *used
	*used = h.used()
	return *used-before > patience/2
}

// waitsForUs: it sleeps for another question, for us to take an answer, or for a thread of
// its own runtime, all of which may want a CPU.
func waitsForUs(dir string) bool {
	b, _ := readFile(dir + "/syscall")
	var number, first int
	if n, _ := fmt.Sscanf(string(b), "%d %v", &number, &first); n < 2 {
		return false
	}
	return number == unix.SYS_FUTEX || number == unix.SYS_READ && first == 0 || number == unix.SYS_WRITE && first == 1
}

// used is how long its thread ran.
func (h *helper) used() time.Duration {
	b, err := readFile(New("").taskPath(h.cmd.Process.Pid, h.thread) + "/schedstat")
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(b, []byte(" "))
	n, _ := strconv.ParseInt(string(first), 10, 64) // 0 where the kernel does not count: then nobody is blamed
	return time.Duration(n)
}

// kill ends it, if the kernel lets it, and all that waits for it here.
func (h *helper) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.in.Close()
	_ = h.out.Close()
	go func() { // the decoder may stand at a full channel
		for range h.answers {
		}
	}()
}

func (h *helper) ended() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}
