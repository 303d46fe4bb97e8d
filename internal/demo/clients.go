package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

const (
	clientCount = 8
	// clientEvery is how often each client begins a request, whatever became of the last.
	clientEvery  = 160 * time.Millisecond
	clientGiveUp = time.Second
	checkEvery   = 250 * time.Millisecond
)

// outcome is what became of a request or a health check.
type outcome string

const (
	open     outcome = ""
	answered outcome = "answered"
	hung     outcome = "hung"
	reset    outcome = "reset"
	failed   outcome = "failed otherwise"

	checkPassed outcome = "check passed"
	checkFailed outcome = "check failed"
)

// note is a line of the clients, written when a request or check is begun, and with its outcome.
type note struct {
	Number  int
	Begun   time.Time
	Outcome outcome
	By      int    // pid of the server that answered
	Detail  string // why not
}

// playClients begins requests and health checks, and tells what becomes of them.
func playClients(out io.Writer) error {
	client := &http.Client{Timeout: clientGiveUp, Transport: &http.Transport{DisableKeepAlives: true}}
	number, notes := 0, make(chan note)
	begin := func(ask func(*note)) {
		number++
		n := note{Number: number, Begun: time.Now()}
		go func() {
			notes <- n
			ask(&n)
			notes <- n
		}()
	}
	requests, checks := time.Tick(clientEvery), time.Tick(checkEvery)
	for tell := json.NewEncoder(out); ; {
		select {
		case <-requests:
			for range clientCount {
				begin(func(n *note) { n.request(client) })
			}
		case <-checks:
			begin((*note).check)
		case n := <-notes:
			if err := tell.Encode(n); err != nil {
				return fmt.Errorf("tell of request %d: %w", n.Number, err)
			}
		}
	}
}

// request makes one, which the server answers with its pid.
func (n *note) request(client *http.Client) {
	resp, err := client.Get("http://" + site().String() + "/")
	if err == nil {
		_, err = fmt.Fscan(resp.Body, &n.By)
		err = errors.Join(err, resp.Body.Close())
	}
	n.Outcome = outcomeOf(err)
	if err != nil {
		n.Detail = err.Error()
	}
}

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return answered
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return hung
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return reset
	default:
		return failed
	}
}

// check is a health check as load balancers make them: can it connect?
func (n *note) check() {
	n.Outcome = checkFailed
	if conn, err := net.DialTimeout("tcp4", site().String(), clientGiveUp); err == nil {
		n.Outcome = checkPassed
		_ = conn.Close()
	}
}

// counts is what became of the requests and checks that were begun in some while.
type counts struct {
	from, to time.Time
	became   map[outcome]int
	by       map[int]int // requests by the pid of the server that answered, 0 for none
	detail   string      // of one that was not answered
}

func count(notes map[int]note, from, to time.Time) counts {
	c := counts{from: from, to: to, became: map[outcome]int{}, by: map[int]int{}}
	for _, n := range notes {
		if n.Begun.Before(from) || !n.Begun.Before(to) {
			continue
		}
		c.became[n.Outcome]++
		c.by[n.By]++
		c.detail = cmp.Or(c.detail, n.Detail)
	}
	return c
}

// begun is how many requests there were.
func (c *counts) begun() int {
	return c.became[open] + c.became[answered] + c.became[hung] + c.became[reset] + c.became[failed]
}

// share is the part of the requests that hung, in words.
func (c *counts) share() string {
	return fmt.Sprintf("%.0f %%", 100*float64(c.became[hung])/float64(max(c.begun(), 1)))
}

// health is how many health checks passed, in words.
func (c *counts) health() string {
	return fmt.Sprintf("%d of %d", c.became[checkPassed], c.became[checkPassed]+c.became[checkFailed])
}
