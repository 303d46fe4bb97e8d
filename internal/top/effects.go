package top

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// What commands come back with.
type (
	frameMsg struct {
		frame *wire.Frame
		at    time.Time // when it came
		err   error
	}
	tickMsg struct {
		seq int // of the frame that it was begun for
		at  time.Time
	}
	explainMsg struct {
		cookie listener.Cookie
		e      *wire.Explanation
		err    error
	}
	// saidMsg is a line of an act, or its end.
	saidMsg struct {
		line string
		done bool
		err  error
	}
)

// effects are all that the model has done for it; each returns a command.
type effects interface {
	// next waits a while, then for the next frame.
	next(after time.Duration) tea.Cmd
	// tick comes after d.
	tick(d time.Duration, seq int) tea.Cmd
	explain(c listener.Cookie) tea.Cmd
	// act begins one and gives its first line; said the next one.
	act(action listener.Action, c listener.Cookie) tea.Cmd
	said() tea.Cmd
}

// live does them. What it began has ended when wait returns.
type live struct {
	ctx     context.Context
	source  Source
	do      Act
	talking chan saidMsg

	mu    sync.Mutex
	ended bool // nothing more begins
	began sync.WaitGroup
}

func newLive(ctx context.Context, source Source, do Act) *live {
	return &live{ctx: ctx, source: source, do: do, talking: make(chan saidMsg)}
}

func (l *live) wait() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.began.Wait()
}

// begin says whether something may still begin, which then must call began.Done.
func (l *live) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.began.Add(1)
	return true
}

func (l *live) next(after time.Duration) tea.Cmd {
	return func() tea.Msg {
		if !l.begin() {
			return nil
		}
		defer l.began.Done()
		pause(l.ctx, after)
		f, err := l.source.Next(l.ctx)
		return frameMsg{f, time.Now(), err}
	}
}

func (l *live) tick(d time.Duration, seq int) tea.Cmd {
	return tea.Tick(d, func(at time.Time) tea.Msg { return tickMsg{seq, at} })
}

func (l *live) explain(c listener.Cookie) tea.Cmd {
	return func() tea.Msg {
		if !l.begin() {
			return nil
		}
		defer l.began.Done()
		e, err := l.source.Explain(l.ctx, c)
		return explainMsg{c, e, err}
	}
}

func (l *live) act(action listener.Action, c listener.Cookie) tea.Cmd {
	return func() tea.Msg {
		if !l.begin() {
			return nil
		}
		go func() {
			defer l.began.Done()
			w := &lines{say: l.say}
			err := l.run(action, c, w)
			w.flush()
			l.say(saidMsg{done: true, err: err})
		}()
		return l.said()()
	}
}

// run turns a panic of an act into its error: the terminal must be given back first.
func (l *live) run(action listener.Action, c listener.Cookie, w *lines) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s of %s: panic: %v", action, c, r)
		}
	}()
	return l.do(l.ctx, action, c, w)
}

func (l *live) say(m saidMsg) {
	select {
	case l.talking <- m:
	case <-l.ctx.Done():
	}
}

func (l *live) said() tea.Cmd {
	return func() tea.Msg {
		select {
		case m := <-l.talking:
			return m
		case <-l.ctx.Done():
			return saidMsg{done: true, err: l.ctx.Err()}
		}
	}
}

// lines hands on what is written, line by line.
type lines struct {
	say  func(saidMsg)
	rest []byte
}

func (w *lines) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.say(saidMsg{line: string(line)})
		w.rest = rest
	}
}

func (w *lines) flush() {
	if len(w.rest) > 0 {
		w.say(saidMsg{line: string(w.rest)})
	}
}

// lost says whether a source will come back.
func lost(err error) bool { return errors.Is(err, ErrLost) }
