package corpus

import (
	"os"
	"os/exec"
	"syscall"

	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// run starts a program in the scene's namespace, with these descriptors from 3 on.
func (s *scene) run(program string, files []*os.File, args ...string) *livetest.Program {
	s.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: s.row.hog, Setpgid: s.row.http} // priority goes by session
	cmd.ExtraFiles, cmd.Env = files, append(os.Environ(), s.env...)
	return s.ns.Start(s.t, cmd)
}

// family is a server whose workers would outlive it: all of its group end together.
func (s *scene) family(program string, files []*os.File, args ...string) *livetest.Program {
	s.t.Helper()
	p := s.run(program, files, args...)
	zoo.Family(s.t, s.zoo, p)
	return p
}
