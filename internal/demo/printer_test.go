package demo

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want []string
	}{
		{"", 5, []string{""}},
		{"a b c", 5, []string{"a b c"}},
		{"ab cd  ef", 5, []string{"ab cd", "ef"}},
		{"abcdefgh ij", 5, []string{"abcdefgh", "ij"}},
		{"é è ê", 5, []string{"é è ê"}},
	} {
		if got := wrap(tt.text, tt.n); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}

// All that is told fits a terminal of 80 columns, and is plain where it is none.
func TestPlain(t *testing.T) {
	var b bytes.Buffer
	p := newPrinter(&b)
	tellTitle(p)
	tellStage(p, 4194304, 4194303)
	before := counts{begun: 100000, answered: 50000, hung: 50000, checks: 20, passed: 20}
	p.now("not on paper")
	tellBefore(p, &before)
	tellWatch(p, (&demo{stage: &stage{inode: 4026532177}, opts: Options{Tier: "queues"}}).watchArgs())
	for _, line := range []string{readyLine, suspectLine, stuckLine, heldLine, actingLine, actedLine, failedLine} {
		e := parse(t, line)
		tellEvent(p, e, e.Time.Add(-1200*time.Millisecond))
	}
	tellAfter(p, &counts{begun: 250, answered: 250})
	tellEnd(p, &outcomes{before: before, between: before, after: before}, 17*time.Second)
	if p.err != nil {
		t.Fatal(p.err)
	}
	out := b.String()
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(line) > 79 || strings.TrimRight(line, " ") != line {
			t.Errorf("%q has %d characters, or ends in spaces", line, utf8.RuneCountInString(line))
		}
		if strings.ContainsAny(line, "\x1b\r\t") {
			t.Errorf("%q is not plain", line)
		}
	}
	for _, want := range []string{
		"\n   $ reusewatch run --netns 4026532177 --action kill ",
		"\n     1.2 s  stuck    pid 17246 (demo-old) accepts nobody",
		"\n   100000 requests: 50000 answered, 50000 hung (50 %)\n",
		"\n   share that hangs               50 %         50 %\n",
		"\nNext:  reusewatch list ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "not on paper") {
		t.Error("a line that is to be overwritten stands there")
	}
}

func TestTerminal(t *testing.T) {
	var b bytes.Buffer
	p := &printer{w: &b, terminal: true, colour: true}
	p.now("one")
	p.now("two")
	p.item("old  ", red, "three")
	p.now("four")
	p.end()
	p.end()
	want := "   one" + "\r\x1b[K" + "   two" + "\r\x1b[K" + "   \x1b[31mold  \x1b[0mthree\n" + "   four" + "\r\x1b[K"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
	p.colour = false
	if got := p.paint(red, "x"); got != "x" {
		t.Errorf("without colour %q", got)
	}
}

// Only a terminal is one.
func TestNoTerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if p := newPrinter(null); p.terminal || p.colour {
		t.Errorf("%s is a terminal: %+v", os.DevNull, p)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestPrinterKeepsFirstError(t *testing.T) {
	p := newPrinter(broken{})
	p.say("x")
	p.say("y")
	if p.err == nil || !strings.Contains(p.err.Error(), "full") {
		t.Errorf("error %v", p.err)
	}
}

func TestComplaint(t *testing.T) {
	var c complaint
	if c.last() != "" {
		t.Errorf("nothing said, and yet %q", c.last())
	}
	for range 3000 {
		if n, err := c.Write([]byte("a line\n")); n != 7 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := c.Write([]byte("the last\n\n")); err != nil {
		t.Fatal(err)
	}
	if c.last() != "the last" || len(c.end) > complaintMax {
		t.Errorf("%q, %d bytes kept", c.last(), len(c.end))
	}
}
