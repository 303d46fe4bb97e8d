package demo

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// All that is told fits a terminal of 80 columns, and is plain where it is none.
func TestPlain(t *testing.T) {
	var b bytes.Buffer
	d := &demo{printer: printer{w: &b}}
	before := counts{became: map[outcome]int{answered: 49999, hung: 50000, reset: 1, checkPassed: 20}}
	after := counts{became: map[outcome]int{answered: 250, checkPassed: 20}}
	d.story = story{before: before, between: before, after: after}
	d.now("not on paper")
	d.item(bold, "$ ", "reusewatch %s", strings.Join(runArgs(4026532177, "--tier", "queues"), " "))
	for _, line := range []string{readyLine, suspectLine, stuckLine, heldLine, actingLine, actedLine, failedLine} {
		e := parse(t, line)
		d.event(1.2, e.Event, d.story.take(e))
	}
	d.event(1.3, "closed", "")
	d.event(1.4, "suspect", "pid 1 (a\x1b[31mb): 1 connections wait") // so it calls itself
	d.say("%s", strings.Repeat("é", 90))
	d.tellEnd(17 * time.Second)
	out := b.String()
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		long := utf8.RuneCountInString(line) > 79 && strings.Contains(strings.TrimSpace(line), " ")
		if long || strings.TrimRight(line, " ") != line {
			t.Errorf("%q has %d characters, or ends in spaces", line, utf8.RuneCountInString(line))
		}
		if strings.ContainsAny(line, "\x1b\r\t") {
			t.Errorf("%q is not plain", line)
		}
	}
	for _, want := range []string{
		"   $ reusewatch run --netns 4026532177 --action kill --stuck-after 3s\n     --act-after 5s ",
		" --state-dir= --tier queues\n",
		"\n     1.2 s  stuck    pid 17246 (demo-old) accepts nobody: for 3s the same\n                     client has stood ",
		`(a\x1b[31mb)`,
		"\n                                before        after\n   requests begun               100000          250\n",
		"\n   reset                             1            0\n   share that hangs               50 %          0 %\n",
		": 100000 requests, 50000 hung, 1\n   reset when",
		"\nNext:  reusewatch list ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "not on paper") || strings.Contains(out, "closed") ||
		strings.Contains(out, "failed otherwise") {
		t.Errorf("something is told that was not to be:\n%s", out)
	}
}

func TestTerminal(t *testing.T) {
	var b bytes.Buffer
	p := &printer{w: &b, terminal: true, colour: true}
	p.now("one")
	p.now("two")
	p.item(red, "old  ", "three")
	p.now("four")
	p.err = errors.New("over")
	p.say("five")
	p.now("six")
	p.write("")
	want := "   one" + "\r\x1b[K" + "   two" + "\r\x1b[K" + "   \x1b[31mold  \x1b[0mthree\n" + "   four" + "\r\x1b[K"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
	p.colour = false
	if got := p.paint(red, "x"); got != "x" {
		t.Errorf("without colour %q", got)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestPrinterKeepsFirstError(t *testing.T) {
	p := &printer{w: broken{}}
	p.say("x")
	p.w = &bytes.Buffer{}
	p.say("y")
	if p.err == nil || !strings.Contains(p.err.Error(), "full") {
		t.Errorf("error %v", p.err)
	}
}
