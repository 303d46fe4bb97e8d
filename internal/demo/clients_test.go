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

func at(seconds float64) time.Time { return time.Unix(1000, int64(seconds*1e9)) }

func TestCount(t *testing.T) {
	notes := map[int]note{}
	for i, n := range []note{
		{Begun: at(0), Outcome: answered, By: 7}, {Begun: at(1), Outcome: hung}, {Begun: at(1.9), Outcome: reset},
		{Begun: at(1), Outcome: checkPassed}, {Begun: at(1.5), Outcome: checkFailed},
		{Begun: at(2), Outcome: checkPassed}, {Begun: at(3)}, {Begun: at(6), Outcome: failed, Detail: "refused"},
	} {
		notes[i] = n
	}
	for _, tt := range []struct {
		from, to      float64
		became        map[outcome]int
		by            map[int]int
		detail        string
		begun         int
		share, health string
	}{
		{
			0, 2, map[outcome]int{answered: 1, hung: 1, reset: 1, checkPassed: 1, checkFailed: 1},
			map[int]int{7: 1, 0: 4}, "", 3, "33 %", "1 of 2",
		},
		{2, 7, map[outcome]int{open: 1, failed: 1, checkPassed: 1}, map[int]int{0: 3}, "refused", 2, "0 %", "1 of 1"},
		{8, 9, map[outcome]int{}, map[int]int{}, "", 0, "0 %", "0 of 0"},
	} {
		got := count(notes, at(tt.from), at(tt.to))
		if want := (counts{at(tt.from), at(tt.to), tt.became, tt.by, tt.detail}); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got.begun() != tt.begun || got.share() != tt.share || got.health() != tt.health {
			t.Errorf("%d begun, %s hang, %s; want %d, %s, %s",
				got.begun(), got.share(), got.health(), tt.begun, tt.share, tt.health)
		}
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
		nil:                                   answered,
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
