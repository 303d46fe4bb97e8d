// Package feed serves what a daemon sees on a unix socket, and reads it: what a
// person looks at is what the daemon decides on. It speaks HTTP, so that
//
//	curl --unix-socket /run/reusewatch/reusewatch.sock http://reusewatch/v1/snapshot
//
// reads it too. The paths are those of Server.
package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/bounded"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Explain tells all about one listener of a frame, with clients of its waiting clients
// at the most; an error that wraps ErrUnknown if there is none with this cookie.
type Explain func(ctx context.Context, f *wire.Frame, c listener.Cookie, clients int) (*wire.Explanation, error)

// ErrUnknown says that no listener has a cookie.
var ErrUnknown = errors.New("no such listener")

// ErrBusy says that a daemon answers as many readers as it does at once.
var ErrBusy = errors.New("it is busy")

// Server serves frames:
//
//	GET /v1/snapshot                      the newest, as `list -o json`, in one line
//	GET /v1/stream                        one a line: the newest, then what changed since
//	GET /v1/explain/COOKIE?clients=N      as `explain -o json`
//
// A frame is encoded only when somebody reads it, and once for all who do.
type Server struct {
	explain Explain
	http    http.Server
	socket  *socket
	ended   chan struct{}
	reading chan struct{} // holds a token for each request that is being answered
	shelf   *shelf
	least   time.Duration // see patience

	mu      sync.Mutex // under it nobody is called and nothing waited for: the watcher must not wait
	streams int
	counted chan struct{} // closed when streams is another number
}

// Options of a Server.
type Options struct {
	Explain Explain

	readers  int           // that are answered at once
	patience time.Duration // see patience
	room     int           // of the shelf
}

const (
	// mostReaders are answered at once; whoever comes then is told so. One more person, or
	// program, that looks at a host than that is a loop that went wrong.
	mostReaders = 64
	// mostConnections leaves room for those who are told so.
	mostConnections = 4 * mostReaders
	// explainPatience is for an explanation, which is sought while it is waited for.
	explainPatience = time.Minute
	// leastPatience is how long a reader may take for any frame, and shelfRoom how much of
	// encoded frames is kept for all of them together: the daemon is small.
	leastPatience = 10 * time.Second
	shelfRoom     = 8 << 20
)

// Serve binds the socket, for its owner alone, and serves on it until Close. An
// error that wraps ErrServed says that another daemon does.
func Serve(path string, o Options) (*Server, error) {
	s := &Server{
		explain: o.Explain, counted: make(chan struct{}), ended: make(chan struct{}),
		reading: make(chan struct{}, cmp.Or(o.readers, mostReaders)),
		shelf:   newShelf(cmp.Or(o.room, shelfRoom)), least: cmp.Or(o.patience, leastPatience),
	}
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
		Handler: s.few(mux), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	// A connection is a request: nobody idles on one.
	s.http.SetKeepAlivesEnabled(false)
	s.http.RegisterOnShutdown(cancel) // streams end by themselves
	go func() {
		defer close(s.ended)
		_ = bounded.Serve(&s.http, s.socket, mostConnections) // ends with Close
	}()
	return s, nil
}

// few answers so many at once, and tells the others that it does not. A body, which nothing
// here needs, would have to be waited for.
func (s *Server) few(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // it is a connection's
			http.Error(w, "a request has no body here", http.StatusBadRequest)
			return
		}
		select {
		case s.reading <- struct{}{}:
			defer func() { <-s.reading }()
			handler.ServeHTTP(w, r)
		default:
			http.Error(w, fmt.Sprintf("%d readers are being answered, which is the most: ask again when one of them has ended", cap(s.reading)),
				http.StatusServiceUnavailable)
		}
	})
}

// Publish makes f the newest frame; it must be Complete, and is not changed any more.
// It waits for no reader.
func (s *Server) Publish(f *wire.Frame) { s.shelf.publish(f) }

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

func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	e, err := s.shelf.take(r.Context(), nil)
	if err != nil {
		failed(w, r, err)
		return
	}
	defer s.shelf.giveBack(e)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(e.length))
	_ = s.send(w, e) // the reader has gone
}

// stream counts as one as soon as its reader has had a frame: to connect and read nothing
// must not have every listener counted.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	var at place
	defer s.shelf.leave(&at)
	for first := true; ; first = false {
		e, err := s.shelf.take(r.Context(), &at)
		if err != nil {
			if first {
				failed(w, r, err)
			}
			return
		}
		err = s.send(w, e)
		s.shelf.giveBack(e)
		if err != nil {
			return
		}
		if first {
			s.count(1)
			defer s.count(-1)
		}
	}
}

// failed tells a reader that is there why it gets nothing.
func failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// send fails if the reader does not take a frame in time: it keeps one of the places of
// all readers, and the frame in memory.
func (s *Server) send(w http.ResponseWriter, e *encoded) error {
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(s.patience(e.length))); err != nil {
		return err
	}
	if _, err := e.WriteTo(w); err != nil {
		return err
	}
	return control.Flush()
}

// patience is how long a reader may take for so many bytes: at 4 MiB a second anybody can
// read what comes from the same host.
func (s *Server) patience(size int) time.Duration {
	return s.least + time.Duration(size>>20)*time.Second/4
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
	f, err := s.shelf.await(r.Context(), 0)
	if err != nil {
		return // the reader has gone, or we go
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(explainPatience))
	e, err := s.explain(r.Context(), f, listener.Cookie(cookie), clients)
	switch {
	case errors.Is(err, ErrUnknown):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = wire.WriteExplanation(w, e, clients, report.Tell(e))
	}
}
