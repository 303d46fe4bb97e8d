package soak

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	mostReaders = 50
	listers     = 2 // of these run `reusewatch list`, seldom: it costs more than to read
)

// readers come to the daemon's socket and go, until they leave.
type readers struct {
	t              *testing.T
	binary, socket string
	http           http.Client

	end context.CancelFunc // of those who are there; nil: nobody is
	wg  sync.WaitGroup

	streams, snapshots, lists atomic.Int64 // that were served
	refused, cut              atomic.Int64
	mutes                     mutes
}

func newReaders(t *testing.T, binary, socket string) *readers {
	r := &readers{t: t, binary: binary, socket: socket}
	r.http.Transport = &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}
	t.Cleanup(r.leave)
	return r
}

// come has them come, unless they are there.
func (r *readers) come() {
	if r.end != nil {
		return
	}
	ctx, end := context.WithCancel(context.Background())
	r.end = end
	for i := range mostReaders {
		r.wg.Go(func() { r.one(ctx, i) })
	}
	for _, path := range []string{"/v1/stream", "/v1/snapshot"} {
		r.wg.Go(func() { r.mutes.come(ctx, r.t, r.socket, path) })
	}
}

// leave waits until all have gone.
func (r *readers) leave() {
	if r.end == nil {
		return
	}
	r.end()
	r.end = nil
	r.wg.Wait()
}

// one is a reader that is gone only for a moment.
func (r *readers) one(ctx context.Context, i int) {
	for ctx.Err() == nil {
		pause := time.Duration(rand.IntN(1000)) * time.Millisecond
		switch {
		case i < listers:
			r.list(ctx)
			pause += 10 * time.Second
		case rand.IntN(4) == 0:
			r.snapshot(ctx)
		default:
			r.stream(ctx, time.Duration(3+rand.IntN(18))*time.Second)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// get asks for one thing; nil: there is nothing to read.
func (r *readers) get(ctx context.Context, path string) *http.Response {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://reusewatch"+path, nil)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	resp, err := r.http.Do(req)
	switch {
	case err == nil && resp.StatusCode == http.StatusOK:
		return resp
	case err == nil:
		_ = resp.Body.Close()
		r.count(ctx, resp.StatusCode == http.StatusServiceUnavailable)
	default:
		r.count(ctx, false)
	}
	return nil
}

// count counts one who was not served, unless it left.
func (r *readers) count(ctx context.Context, refused bool) {
	switch {
	case ctx.Err() != nil:
	case refused:
		r.refused.Add(1)
	default:
		r.cut.Add(1)
	}
}

func (r *readers) snapshot(ctx context.Context) {
	resp := r.get(ctx, "/v1/snapshot")
	if resp == nil {
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		r.count(ctx, false)
		return
	}
	r.snapshots.Add(1)
}

// stream reads one so long after its first byte.
func (r *readers) stream(ctx context.Context, lasts time.Duration) {
	own, end := context.WithCancel(ctx)
	defer end()
	resp := r.get(own, "/v1/stream")
	if resp == nil {
		return
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		r.count(ctx, false)
		return
	}
	defer time.AfterFunc(lasts, end).Stop()
	_, err := io.Copy(io.Discard, resp.Body)
	switch {
	case own.Err() == nil:
		r.count(ctx, false) // it ended by itself, with an error or without
	case !errors.Is(err, context.Canceled):
		r.t.Errorf("a stream: %v", err)
	default:
		r.streams.Add(1)
	}
}

// list has the binary read, as a user does.
func (r *readers) list(ctx context.Context) {
	cmd := exec.CommandContext(ctx, r.binary, "list", "-o", "json", "--from", "unix:"+r.socket)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if cmd.Run() != nil {
		r.count(ctx, bytes.Contains(complaint.Bytes(), []byte("busy")))
		return
	}
	r.lists.Add(1)
}
