package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// patience is how long a test waits for what comes at once.
const patience = 30 * time.Second

// terminal is a real one, of 80x24, whose screen nobody draws: what is written to
// it is kept.
type terminal struct {
	tty    *os.File
	master *os.File
	mu     sync.Mutex
	seen   strings.Builder
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx") // whose reader ends when it is closed
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{tty: tty, master: master}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.seen.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		// The terminal hangs up: both readers end. Its own file stays open, for after a
		// panic the program's reader may still be at it.
		_ = master.Close()
		<-read
	})
	return term
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen.String()
}

func (t *terminal) state(tb testing.TB) unix.Termios {
	tb.Helper()
	s, err := unix.IoctlGetTermios(int(t.tty.Fd()), unix.TCGETS)
	if err != nil {
		tb.Fatal(err)
	}
	return *s
}

func (t *terminal) wait(tb testing.TB, text string) {
	tb.Helper()
	for end := time.Now().Add(patience); !strings.Contains(t.text(), text); {
		if time.Now().After(end) {
			tb.Fatalf("%q never came; there is %q", text, t.text())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// scripted gives the first second of the night, and then nothing until it is told
// how it ends.
type scripted struct {
	first sync.Once
	end   chan error
}

func (s *scripted) Next(ctx context.Context) (*wire.Frame, error) {
	var f *wire.Frame
	s.first.Do(func() { f = night(0) })
	if f != nil {
		return f, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-s.end:
		return nil, err
	}
}

func (s *scripted) Explain(context.Context, listener.Cookie) (*wire.Explanation, error) {
	panic("explain panics")
}

// TestTheTerminalIsRestored however it ends.
func TestTheTerminalIsRestored(t *testing.T) {
	failed := errors.New("the source failed")
	types := func(key string) func(*terminal, *scripted, func()) {
		return func(term *terminal, _ *scripted, _ func()) { _, _ = term.master.WriteString(key) }
	}
	well := func(err error) bool { return err == nil }
	asTheSource := func(err error) bool { return errors.Is(err, failed) }
	badly := func(err error) bool { return err != nil }
	for name, c := range map[string]struct {
		end   func(term *terminal, s *scripted, cancel func())
		check func(error) bool
	}{
		"q":               {types("q"), well},
		"ctrl-c":          {types("\x03"), well},
		"cancel":          {func(_ *terminal, _ *scripted, cancel func()) { cancel() }, well},
		"error":           {func(_ *terminal, s *scripted, _ func()) { s.end <- failed }, asTheSource},
		"panic of Update": {func(_ *terminal, s *scripted, _ func()) { s.end <- nil }, badly}, // by no frame
		"panic":           {types("\r"), badly},
	} {
		t.Run(name, func(t *testing.T) {
			term := openTerminal(t)
			before := term.state(t)
			s := &scripted{end: make(chan error)}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				ended <- Run(ctx, Options{
					Source: s, In: term.tty, Out: term.tty, Env: []string{"TERM=xterm-256color", "LANG=C.UTF-8"},
				})
			}()
			term.wait(t, "never-polled")
			if term.state(t) == before {
				t.Error("the terminal is not in raw mode while it runs: this test shows nothing")
			}
			c.end(term, s, cancel)
			select {
			case err := <-ended:
				if !c.check(err) {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
			if after := term.state(t); after != before {
				t.Errorf("the terminal is %+v, it was %+v", after, before)
			}
			term.wait(t, "\x1b[?1049l")
			for _, on := range []string{"\x1b[?1049h", "\x1b[?25l", "\x1b[?2004h"} {
				off := strings.TrimRight(on, "hl") + map[byte]string{'h': "l", 'l': "h"}[on[len(on)-1]]
				if text := term.text(); strings.LastIndex(text, off) < strings.LastIndex(text, on) {
					t.Errorf("%q is never taken back", on)
				}
			}
		})
	}
}

// TestRunWaitsForAnAct: when it is left in the midst of one, that is cancelled and
// has ended when Run returns.
func TestRunWaitsForAnAct(t *testing.T) {
	term := openTerminal(t)
	var ended bool
	act := func(ctx context.Context, a listener.Action, c listener.Cookie, out io.Writer) error {
		fmt.Fprintf(out, "acting on %s: %s\n", c, a)
		<-ctx.Done()
		ended = true
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		done <- Run(t.Context(), Options{
			Source: &quiet{scripted{end: make(chan error)}}, Act: act,
			In: term.tty, Out: term.tty, Env: []string{"TERM=xterm", "LANG=C.UTF-8"},
		})
	}()
	term.wait(t, "never-polled")
	_, _ = term.master.WriteString("K")
	term.wait(t, "kill it")
	_, _ = term.master.WriteString("y")
	term.wait(t, "acting on 1a2b: kill")
	_, _ = term.master.WriteString("\x03")
	select {
	case err := <-done:
		if err != nil || !ended {
			t.Errorf("it ended with %v, the act had ended: %v", err, ended)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

// quiet is scripted, but knows nothing to explain.
type quiet struct{ scripted }

func (q *quiet) Explain(context.Context, listener.Cookie) (*wire.Explanation, error) {
	return nil, errors.New("not known")
}

// TestWhatAnActSays comes in lines, its panic as an error.
func TestWhatAnActSays(t *testing.T) {
	do := newLive(t.Context(), nil, func(_ context.Context, _ listener.Action, _ listener.Cookie, out io.Writer) error {
		fmt.Fprint(out, "one\ntw")
		fmt.Fprint(out, "o\nthree")
		panic("boom")
	})
	msg := do.act(listener.Kill, 0x1a2b)()
	for _, want := range []string{"one", "two", "three"} {
		if said, ok := msg.(saidMsg); !ok || said.line != want {
			t.Errorf("%+v, want %s", msg, want)
		}
		msg = do.said()()
	}
	if said, ok := msg.(saidMsg); !ok || !said.done || said.err == nil || !strings.Contains(said.err.Error(), "boom") {
		t.Errorf("%+v at the end", msg)
	}
	do.wait()
}
