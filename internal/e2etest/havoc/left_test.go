package havoc

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// nothingLeft looks for what agents left behind that have ended.
func (s *scene) nothingLeft() {
	s.t.Helper()
	if migrate := s.ns.ReadSysctl("net.ipv4.tcp_migrate_req"); migrate != "0" {
		s.t.Errorf("LEFT: net.ipv4.tcp_migrate_req is %s", migrate)
	}
	if err := s.detach(); !errors.Is(err, unix.ENOENT) {
		s.t.Errorf("LEFT: a program was on the group of the healthy one: to take it off gave %v", err)
	}
	// Programs go after a grace period.
	var left []string
	if !livetest.Within(func() bool { left = s.programsLeft(); return len(left) == 0 }) {
		s.t.Errorf("LEFT: BPF programs %q of %d that it had", left, len(s.programs))
	}
	if len(s.programs) == 0 {
		s.t.Error("not one BPF program of an agent was seen")
	}
	ours := func(pid int) bool {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return err == nil && exe == s.program
	}
	if !livetest.Within(func() bool { return len(armed.Processes(ours)) == 0 }) {
		s.t.Errorf("LEFT: processes %d of reusewatch", armed.Processes(ours))
	}
	files, err := os.ReadDir(s.path("state"))
	s.must(err)
	for _, f := range files {
		if !slices.Contains([]string{"acts.json", "rescue.json", "lock", "reusewatch.sock.lock"}, f.Name()) {
			s.t.Errorf("LEFT: %s in the state folder", f.Name())
		}
	}
}

// programsLeft are the ids of programs that agents had, and the names of claims on the
// namespace, that the kernel still has.
func (s *scene) programsLeft() []string {
	var left []string
	claim := "rwa_" + new(big.Int).SetUint64(s.cookie()).Text(62)
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return left
		}
		s.must(err)
		id = next
		if text := strconv.Itoa(int(id)); s.programs[text] {
			left = append(left, text)
		}
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it has just gone
		}
		if info, err := p.Info(); err == nil && info.Name == claim {
			left = append(left, claim)
		}
		_ = p.Close()
	}
}

// cookie of the scene's namespace.
func (s *scene) cookie() (cookie uint64) {
	var err error
	s.ns.Do(func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
			cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
			_ = unix.Close(fd)
		}
	})
	s.must(err)
	return cookie
}

// held are the ids of the BPF programs of which a process has descriptors.
func held(pid int) map[string]bool {
	all := map[string]bool{}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	for _, file := range files {
		b, _ := os.ReadFile(file)
		for line := range strings.Lines(string(b)) {
			if id, is := strings.CutPrefix(line, "prog_id:"); is {
				all[strings.TrimSpace(id)] = true
			}
		}
	}
	return all
}

// detach takes a program off the group of the healthy member: that there is none is what
// the kernel is asked.
func (s *scene) detach() error {
	if s.plan.mptcp {
		return unix.ENOENT // it takes none
	}
	pidfd, err := unix.PidfdOpen(s.healthy.PID(), 0)
	s.must(err)
	defer unix.Close(pidfd)
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.healthy.PID()))
	s.must(err)
	for _, f := range fds {
		if to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", s.healthy.PID(), f.Name())); !slices.Contains(s.sockets, to) {
			continue
		}
		n, err := strconv.Atoi(f.Name())
		s.must(err)
		fd, err := unix.PidfdGetfd(pidfd, n, 0)
		s.must(err)
		defer unix.Close(fd)
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0)
	}
	return fmt.Errorf("the healthy one has no listener %q", s.sockets)
}
