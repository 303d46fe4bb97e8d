package watch

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func TestConfigNames(t *testing.T) {
	for _, c := range []struct {
		cmdline, want []string
	}{
		{
			[]string{"haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg", "-f", "/etc/conf.d/x", "-p", "/run/haproxy.pid"},
			[]string{"/etc/haproxy/haproxy.cfg", "/etc/conf.d/x"},
		},
		{[]string{"haproxy", "-f", "/a", "-sf", "7", "-x", "/run/a.sock"}, []string{"/a"}},
		{[]string{"nginx: master process nginx -c /etc/nginx/b"}, []string{"/etc/nginx/b"}},
		{[]string{"app", "--config=/etc/app", "--log=/var/log/app.log"}, []string{"/etc/app"}},
		{[]string{"app", "conf/app.yaml", "-c", "-v"}, []string{"conf/app.yaml"}},
		{[]string{"worker", "--id", "3"}, nil},
		{nil, nil},
	} {
		if got := configNames(c.cmdline); !slices.Equal(got, c.want) {
			t.Errorf("%q names %q, want %q", c.cmdline, got, c.want)
		}
	}
}

// follower is a process whose command line names a configuration file that was just
// written.
func follower(t *testing.T, path string) int {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tail", "-f", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // ours may be led from outside our pid namespace
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// TestGenerationsAreCounted: a group with an older generation is counted as long as it has
// one, and its owners have origins. A group of one process has none.
func TestGenerationsAreCounted(t *testing.T) {
	dir := t.TempDir()
	older := follower(t, filepath.Join(dir, "older.cfg"))
	time.Sleep(700 * time.Millisecond) // what starts together is one
	newer := follower(t, filepath.Join(dir, "newer.cfg"))
	held := func(key listener.Key, pid int) listener.Held {
		return listener.Held{Kind: listener.HeldListener, PID: pid, FD: 3, Key: key, Port: 80}
	}
	sample := func(key listener.Key, group listener.GroupKey) listener.Sample {
		s := sampleOf(key, listener.Cookie(key), 0, 0)
		s.Group, s.GroupSize = group, 2
		return s
	}
	all := []listener.Sample{sample(1, 7), sample(2, 7), sample(3, 8), sample(4, 8)}
	complete := look(2, all[1:]...)
	complete.Complete = true
	s := &script{
		looks: []listener.Look{look(0, all...), look(1, all...), complete, look(3, all[1:]...)},
		held:  []listener.Held{held(1, older), held(2, newer), held(3, older), held(4, older)},
	}
	w := watcher(s)
	snap := mustStart(t, w)
	for _, l := range snap.Listeners {
		o := l.Owners[0].Origin
		if alone := l.Group == 8; (o == nil) != alone {
			t.Errorf("listener %s: %+v", l.Cookie, o)
		} else if !alone && (len(o.Configs) != 1 || o.Parents[0].PID != os.Getpid() || o.Session != l.Owners[0].PID) {
			t.Errorf("listener %s: %+v", l.Cookie, o)
		}
	}
	mustStep(t, w)
	if len(s.counted) != 1 {
		t.Fatalf("counted %v", s.counted)
	}
	// All other listeners of its owners are counted, too.
	if slices.Sort(s.counted[0]); !slices.Equal(s.counted[0], []listener.Key{1, 2, 3, 4}) {
		t.Errorf("counted %v", s.counted[0])
	}
	mustStep(t, w) // the older one's member is gone
	mustStep(t, w)
	if last := s.counted[len(s.counted)-1]; len(last) != 0 {
		t.Errorf("counted %v, want nobody after the older one's end", last)
	}
	if s.censuses != 1 {
		t.Errorf("%d censuses, want that of the start", s.censuses)
	}
}
