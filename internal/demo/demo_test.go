package demo

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"testing"
	"time"
)

func TestUntil(t *testing.T) {
	ended := &actor{name: "the new server", err: errors.New("signal: killed")}
	ended.stderr.WriteString("first\nthe last\n\n")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		hear   func() error
		isTrue bool
		needed []*actor
		before error
		want   string
	}{
		{name: "true", isTrue: true, needed: []*actor{ended}},
		{name: "never true", needed: []*actor{{alive: true}}, want: "after 300ms it is not true that it rains"},
		{
			name: "one who is needed has ended", needed: []*actor{ended},
			want: "the new server ended: signal: killed: the last",
		},
		{name: "interrupted", ctx: cancelled, want: "context canceled"},
		{name: "told what cannot be read", hear: func() error { return io.ErrNoProgress }, want: io.ErrNoProgress.Error()},
		{name: "an error before", isTrue: true, before: io.EOF, want: "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &demo{stage: &stage{said: make(chan func() error, 1)}, printer: printer{w: io.Discard, err: tt.before}}
			if tt.hear != nil {
				d.stage.said <- tt.hear
			}
			ctx := t.Context()
			if tt.ctx != nil {
				ctx = tt.ctx
			}
			d.until(ctx, 300*time.Millisecond, "it rains", func() bool { return tt.isTrue }, tt.needed...)
			if got := d.err; (got == nil) != (tt.want == "") || got != nil && got.Error() != tt.want {
				t.Errorf("error %v, want %q", got, tt.want)
			}
		})
	}
}

// After an error nobody is started.
func TestCastAfterError(t *testing.T) {
	d := &demo{Options: Options{Exe: "/bin/true"}, printer: printer{err: io.EOF}}
	if a := cast(d, "nobody", func(int) {}); a != nil || !errors.Is(d.err, io.EOF) {
		t.Errorf("%v, %v", a, d.err)
	}
	if said := (&actor{name: "x", cmd: &exec.Cmd{}}).failure().Error(); said != "x ended: before its time" {
		t.Errorf("%q", said)
	}
}
