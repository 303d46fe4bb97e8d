// Package feed serves what a daemon sees on a unix socket, and reads it: what a
// person looks at is what the daemon decides on. It speaks HTTP, so that
//
//	curl --unix-socket /run/reusewatch/reusewatch.sock http://reusewatch/v1/snapshot
//
// reads it too. The paths are those of Server.
package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
)

// Explain tells all about one listener of a frame, with clients of its waiting clients
// at the most; an error that wraps ErrUnknown if there is none with this cookie.
type Explain func(ctx context.Context, f *report.Frame, c listener.Cookie, clients int) (*report.Explanation, error)

// ErrUnknown says that no listener has a cookie.
var ErrUnknown = errors.New("no such listener")

// Server serves frames:
//
//	GET /v1/snapshot                      the newest, as `list -o json`
//	GET /v1/stream                        one a line: the newest, then what changed since
//	GET /v1/explain/COOKIE?clients=N      as `explain -o json`
//
// A frame is encoded only when somebody reads it.
type Server struct {
	explain Explain
	http    http.Server
	socket  *socket
	ended   chan struct{}

	mu      sync.Mutex // under it nobody is called and nothing waited for: Publish must not wait
	frame   *report.Frame
	next    chan struct{} // closed by the next Publish
	streams int
	counted chan struct{} // closed when streams is another number
}

// Options of a Server.
type Options struct {
	Explain Explain
}

// Serve binds the socket, for its owner alone, and serves on it until Close. An
// error that wraps ErrServed says that another daemon does.
func Serve(path string, o Options) (*Server, error) {
	s := &Server{explain: o.Explain, next: make(chan struct{}), counted: make(chan struct{}), ended: make(chan struct{})}
	var err error
	if s.socket, err = bind(path); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/snapshot", s.snapshot)
	mux.HandleFunc("GET /v1/stream", s.stream)
	mux.HandleFunc("GET /v1/explain/{cookie}", s.explained)
	ctx, cancel := context.WithCancel(context.Background())
	s.http = http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	s.http.RegisterOnShutdown(cancel) // streams end by themselves
	go func() {
		defer close(s.ended)
		_ = s.http.Serve(s.socket) // ends with Close
	}()
	return s, nil
}

// Publish makes f the newest frame; it must be Complete, and is not changed any more.
// It waits for no reader.
func (s *Server) Publish(f *report.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frame = f
	close(s.next)
	s.next = make(chan struct{})
}

// Close ends all streams and removes the socket.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close() // a reader that does not read
	}
	<-s.ended
	if err = errors.Join(err, s.socket.remove()); err != nil {
		return fmt.Errorf("stop to serve snapshots: %w", err)
	}
	return nil
}

// Streams says how many streams are read now; changed is closed as soon as that is
// no longer so. Whoever wants to follow the number asks again then: it may have
// changed often meanwhile, and is the newest.
func (s *Server) Streams() (n int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams, s.counted
}

// newest gives the newest frame, nil if there is none yet, and what ends with it.
func (s *Server) newest() (*report.Frame, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frame, s.next
}

// await gives a frame that is not the old one.
func (s *Server) await(ctx context.Context, old *report.Frame) (*report.Frame, error) {
	for {
		f, next := s.newest()
		if f != nil && f != old {
			return f, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	f, err := s.await(r.Context(), nil)
	if err != nil {
		return // the reader has gone, or we go
	}
	w.Header().Set("Content-Type", "application/json")
	_ = report.List(w, f) // the reader has gone
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	s.count(1)
	defer s.count(-1)
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	var d delta
	var f *report.Frame
	for {
		var err error
		if f, err = s.await(r.Context(), f); err != nil {
			return
		}
		if report.WriteFrame(w, d.since(f)) != nil || control.Flush() != nil {
			return
		}
	}
}

func (s *Server) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams += n
	close(s.counted)
	s.counted = make(chan struct{})
}

func (s *Server) explained(w http.ResponseWriter, r *http.Request) {
	cookie, err := strconv.ParseUint(r.PathValue("cookie"), 16, 64)
	clients, badNumber := strconv.Atoi(r.URL.Query().Get("clients"))
	if err != nil || badNumber != nil || clients < 0 {
		http.Error(w, "usage: /v1/explain/COOKIE?clients=N", http.StatusBadRequest)
		return
	}
	f, err := s.await(r.Context(), nil)
	if err != nil {
		return // the reader has gone, or we go
	}
	e, err := s.explain(r.Context(), f, listener.Cookie(cookie), clients)
	switch {
	case errors.Is(err, ErrUnknown):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = report.ExplainJSON(w, e, report.ExplainDetail{Clients: clients})
	}
}
