package livetest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Service is what a server does with a connection that it has accepted.
type Service struct {
	Echo bool // send the first byte back
	Hold bool // keep it open until the listener closes
}

// Server accepts, one thread blocked in accept(), and counts what it accepted.
type Server struct {
	*Listener
	service  Service
	accepted atomic.Int64
	held     []int
	done     chan struct{}
}

// Serve starts a server on the listener. It ends with the listener.
func (l *Listener) Serve(s Service) *Server {
	srv := &Server{Listener: l, service: s, done: make(chan struct{})}
	l.server = srv
	go srv.run()
	return srv
}

// Accepted is how many connections it has accepted.
func (s *Server) Accepted() int { return int(s.accepted.Load()) }

func (s *Server) run() {
	defer close(s.done)
	for {
		fd, err := accept(s.FD)
		if errors.Is(err, unix.EINVAL) {
			return // it listens no more
		}
		if err != nil {
			s.t.Errorf("server on %s: %v", s.Addr, err)
			return
		}
		s.accepted.Add(1)
		if s.service.Echo {
			if err := echo(fd); err != nil {
				s.t.Errorf("server on %s: %v", s.Addr, err)
			}
		}
		if s.service.Hold {
			s.held = append(s.held, fd)
		} else {
			_ = unix.Close(fd)
		}
	}
}

// stop ends the accepting before the descriptor goes: a thread blocked on it
// would never learn of that.
func (s *Server) stop() {
	if err := unix.Shutdown(s.FD, unix.SHUT_RD); err != nil && !errors.Is(err, unix.ENOTCONN) {
		s.t.Errorf("shut down the server on %s: %v", s.Addr, err)
		return
	}
	<-s.done
	for _, fd := range s.held {
		_ = unix.Close(fd)
	}
}

// Accept accepts one connection now, and resets it, so that its client may come
// again at once from the same port.
func (l *Listener) Accept() {
	l.t.Helper()
	fd, err := accept(l.FD)
	if err != nil {
		l.t.Fatalf("on %s: %v", l.Addr, err)
	}
	if err := reset(fd); err != nil {
		l.t.Fatalf("on %s: %v", l.Addr, err)
	}
}

// Take accepts one connection now, and keeps it until the test ends.
func (l *Listener) Take() (fd int) {
	l.t.Helper()
	fd, err := accept(l.FD)
	if err != nil {
		l.t.Fatalf("on %s: %v", l.Addr, err)
	}
	l.t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func accept(listener int) (int, error) {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return -1, fmt.Errorf("accept: %w", err)
		}
		return fd, nil
	}
}

func echo(fd int) error {
	if err := await(fd, unix.POLLIN, patience); err != nil {
		return fmt.Errorf("wait for a client's word: %w", err)
	}
	buf := make([]byte, 64)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return fmt.Errorf("read from a client: %w", err)
	}
	if n == 0 {
		return errors.New("the client closed without a word")
	}
	if _, err := unix.Write(fd, buf[:1]); err != nil {
		return fmt.Errorf("answer a client: %w", err)
	}
	return nil
}
