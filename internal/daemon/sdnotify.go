package daemon

import (
	"log/slog"
	"os"
	"sync"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// sdSocket tells the service manager by its socket, and waits for nobody: a manager that
// is busy lets its queue run full, and whoever writes to it then would wait for it. What
// could not be told is told with what comes next, and at the end there is a little time.
type sdSocket struct {
	log  *slog.Logger
	path string // "": no manager wants to know

	mu      sync.Mutex // puts in order what is sent; a send waits for nobody
	states  []string   // that were not told yet; what became of the service, in order
	status  string     // the same, the newest
	failing bool       // and it was said
}

func newSDSocket(log *slog.Logger) *sdSocket {
	return &sdSocket{log: log, path: os.Getenv("NOTIFY_SOCKET")}
}

// state tells what became of the service. To be ready again ends a reload: if nobody has
// heard of that, there is nothing to tell.
func (s *sdSocket) state(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.states); state == sd.SdNotifyReady && n > 0 && s.states[n-1] == sd.SdNotifyReloading {
		s.states = s.states[:n-1]
		return
	}
	s.states = append(s.states, state)
	s.flush()
}

// say tells a status, in place of one that nobody has heard yet.
func (s *sdSocket) say(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
	s.flush()
}

// beat feeds the watchdog; it says whether that took it.
func (s *sdSocket) beat() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	return s.send(sd.SdNotifyWatchdog)
}

// again tells what could not be told, and says whether all is told.
func (s *sdSocket) again() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush()
}

// end waits a little until all is told.
func (s *sdSocket) end() { soon(s.again) }

// flush sends what was not told yet; the lock is held.
func (s *sdSocket) flush() (all bool) {
	for len(s.states) > 0 {
		if !s.send(s.states[0]) {
			return false
		}
		s.states = s.states[1:]
	}
	if s.status != "" {
		if !s.send("STATUS=" + s.status) {
			return false
		}
		s.status = ""
	}
	return true
}

// send sends one message, if the manager takes it now; the lock is held.
func (s *sdSocket) send(message string) bool {
	if s.path == "" {
		return true
	}
	err := sendNow(s.path, message)
	if err != nil && !s.failing {
		s.log.Warn("the service manager takes no message now: it is tried again at each look", "message", message, "error", err)
	}
	s.failing = err != nil
	return err == nil
}

// sendNow sends a datagram, or fails where that would have to wait.
func sendNow(path, message string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrUnix{Name: path}
	return os.NewSyscallError("sendto", unix.Sendto(fd, []byte(message), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, to))
}
