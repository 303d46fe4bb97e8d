package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	clientCount = 8
	// clientEvery is how often each client begins a request, whatever became of
	// the one before.
	clientEvery  = 160 * time.Millisecond
	clientGiveUp = time.Second
	checkEvery   = 250 * time.Millisecond
)

// outcome is what became of a request or a health check.
type outcome string

const (
	begun       outcome = "begun"
	answered    outcome = "answered"
	hung        outcome = "hung"
	reset       outcome = "reset"
	failed      outcome = "failed" // in any other way
	checkPassed outcome = "check-passed"
	checkFailed outcome = "check-failed"
)

// note is a line that the clients write.
type note struct {
	Request int       `json:"request,omitempty"` // numbers it from 1 on; health checks have none
	Outcome outcome   `json:"outcome"`
	At      time.Time `json:"at"`
	By      int       `json:"by,omitempty"`     // pid of the server that answered
	Detail  string    `json:"detail,omitempty"` // of a failure
}

// clients begin requests, each on a connection of its own.
type clients struct {
	http http.Client

	mu    sync.Mutex // of what follows
	count int
	out   *json.Encoder
	lost  error // of writing notes
}

// playClients begins requests until ctx ends, and returns when each has its outcome.
func playClients(ctx context.Context, out io.Writer) error {
	c := &clients{
		http: http.Client{
			Timeout:   clientGiveUp,
			Transport: &http.Transport{DisableKeepAlives: true},
		},
		out: json.NewEncoder(out),
	}
	var all sync.WaitGroup
	for range clientCount {
		all.Go(func() { every(ctx, clientEvery, c.request) })
	}
	all.Go(func() { every(ctx, checkEvery, c.check) })
	all.Wait()
	return c.lost
}

// every calls f now and in each interval, not waiting for the one before, and
// returns when all have.
func every(ctx context.Context, interval time.Duration, f func()) {
	var all sync.WaitGroup
	defer all.Wait()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		all.Go(f)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *clients) write(n note) {
	if err := c.out.Encode(n); err != nil && c.lost == nil {
		c.lost = fmt.Errorf("tell of request %d: %w", n.Request, err)
	}
}

func (c *clients) begin() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	c.write(note{Request: c.count, Outcome: begun, At: time.Now()})
	return c.count
}

func (c *clients) end(n note) {
	n.At = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write(n)
}

func (c *clients) request() {
	n := c.begin()
	by, err := c.get()
	if err != nil {
		c.end(note{Request: n, Outcome: outcomeOf(err), Detail: err.Error()})
		return
	}
	c.end(note{Request: n, Outcome: answered, By: by})
}

func (c *clients) get() (int, error) {
	resp, err := c.http.Get("http://" + site().String() + "/")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	by, err := strconv.Atoi(strings.TrimSpace(string(body)))
	if err != nil {
		return 0, fmt.Errorf("read the server's pid: %w", err)
	}
	return by, nil
}

func outcomeOf(err error) outcome {
	switch {
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
func (c *clients) check() {
	conn, err := net.DialTimeout("tcp4", site().String(), clientGiveUp)
	if err != nil {
		c.end(note{Outcome: checkFailed, Detail: err.Error()})
		return
	}
	_ = conn.Close()
	c.end(note{Outcome: checkPassed})
}
