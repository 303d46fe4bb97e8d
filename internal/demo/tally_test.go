package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"syscall"
	"testing"
	"time"
)

func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second))).UTC()
}

func notes(t *testing.T, ns ...string) *tally {
	t.Helper()
	var tl tally
	for _, n := range ns {
		tl.line([]byte(n))
	}
	return &tl
}

func line(request int, o outcome, seconds float64, by int) string {
	return fmt.Sprintf(`{"request":%d,"outcome":%q,"at":%q,"by":%d,"detail":"d%d"}`, request, o, at(seconds).Format(time.RFC3339Nano), by, request)
}

func TestTally(t *testing.T) {
	tl := notes(t,
		line(1, begun, 0, 0), line(2, begun, 1, 0), line(3, begun, 1.9, 0), line(4, begun, 2, 0),
		line(0, checkPassed, 1, 0), line(0, checkFailed, 1.5, 0), line(0, checkPassed, 2, 0),
		line(1, answered, 0.1, 7), line(3, reset, 5, 0), line(2, hung, 2.1, 0),
		line(5, begun, 6, 0), line(5, failed, 6.5, 0), line(6, begun, 6.6, 0),
	)
	for _, tt := range []struct {
		from, to float64
		want     counts
	}{
		{0, 2, counts{begun: 3, answered: 1, hung: 1, reset: 1, checks: 2, passed: 1, by: map[int]int{7: 1}}},
		{2, 7, counts{begun: 3, open: 2, failed: 1, checks: 1, passed: 1, by: map[int]int{}, first: "d5"}},
		{8, 9, counts{by: map[int]int{}}},
	} {
		got, err := tl.of(at(tt.from), at(tt.to))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("from %g to %g: %+v, %v\nwant %+v", tt.from, tt.to, got, err, tt.want)
		}
	}
}

func TestTallyRefuses(t *testing.T) {
	for name, ns := range map[string][]string{
		"no JSON":                 {"oh"},
		"an end without a begin":  {line(1, hung, 1, 0)},
		"a number left out":       {line(2, begun, 1, 0)},
		"a number that is no one": {line(-1, answered, 1, 0)},
	} {
		if _, err := notes(t, ns...).of(at(0), at(9)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCompare(t *testing.T) {
	got := compare(&counts{begun: 250, answered: 121, hung: 129, checks: 20, passed: 20},
		&counts{begun: 248, answered: 247, reset: 1, checks: 19, passed: 18})
	want := []row{
		{"requests begun", "250", "248"},
		{"answered", "121", "247"},
		{"hung", "129", "0"},
		{"reset", "0", "1"},
		{"share that hangs", "52 %", "0 %"},
		{"health checks passed", "20 of 20", "18 of 19"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := compare(&counts{}, &counts{}); got[3].before != "-" {
		t.Errorf("a share of nothing is %q", got[3].before)
	}
}

// The outcomes as real connections end.
func TestOutcomeOf(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := http.Client{Timeout: 200 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	get := func() error {
		resp, err := client.Get("http://" + l.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := get(); outcomeOf(err) != hung {
		t.Errorf("nobody accepts: %s: %v", outcomeOf(err), err)
	}
	errs := make(chan error, 1)
	client.Timeout = 10 * time.Second
	go func() { errs <- get() }()
	time.Sleep(100 * time.Millisecond)
	l.Close() // resets those that wait
	if err := <-errs; outcomeOf(err) != reset {
		t.Errorf("the listener goes: %s: %v", outcomeOf(err), err)
	}
	if err := get(); outcomeOf(err) != failed {
		t.Errorf("nobody listens: %s: %v", outcomeOf(err), err)
	}
	for err, want := range map[error]outcome{
		context.DeadlineExceeded:              hung,
		syscall.ECONNRESET:                    reset,
		io.ErrUnexpectedEOF:                   reset,
		errors.New("x"):                       failed,
		fmt.Errorf("x: %w", syscall.EPIPE):    reset,
		fmt.Errorf("read: %w", io.EOF):        reset,
		fmt.Errorf("x: %w", syscall.EMFILE):   failed,
		fmt.Errorf("x: %w", syscall.ENETDOWN): failed,
	} {
		if got := outcomeOf(err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}
