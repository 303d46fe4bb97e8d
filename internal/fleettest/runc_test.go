package fleettest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// container is one that runc runs for a test, with which it ends.
type container struct {
	ID  string
	PID int // of its init, as the host sees it

	t     *testing.T
	runc  func(args ...string) *exec.Cmd
	log   bytes.Buffer
	ended chan struct{}
}

// spec is what a test says of a container; the rest is as containerd has it.
type spec struct {
	root    string // its root file system, read-only
	cgroups string // folder of its cgroup
	args    []string
	uid     int
	caps    []string
	spaces  []space // its own mount namespace it has anyway
	mounts  []mount
	stdout  io.Writer // nil: into its log
}

// space is a namespace: its own, or that at the path.
type space struct {
	Type string `json:"type"`
	Path string `json:"path,omitempty"`
}

type mount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

func bind(source, destination string, options ...string) mount {
	return mount{destination, "bind", source, append([]string{"rbind"}, options...)}
}

// config is the part of the OCI runtime specification that is used here.
func (s *spec) config(id string) ([]byte, error) {
	type object = map[string]any
	caps := append([]string{}, s.caps...)
	return json.Marshal(object{
		"ociVersion": "1.0.2",
		"process": object{
			"user": object{"uid": s.uid, "gid": s.uid}, "args": s.args, "env": []string{"PATH=/usr/sbin:/"}, "cwd": "/",
			"capabilities":    object{"bounding": caps, "effective": caps, "permitted": caps},
			"noNewPrivileges": true,
			"rlimits":         []any{}, // to raise one takes a capability that not every root has
		},
		"root":     object{"path": s.root, "readonly": true},
		"hostname": id[:12],
		"mounts": append([]mount{
			{"/proc", "proc", "proc", []string{"nosuid", "noexec", "nodev"}},
			{"/dev", "tmpfs", "tmpfs", []string{"nosuid", "mode=755"}},
		}, s.mounts...),
		"linux": object{
			"namespaces":    append([]space{{Type: "mount"}}, s.spaces...),
			"cgroupsPath":   filepath.Join(s.cgroups, id),
			"maskedPaths":   []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"},
			"readonlyPaths": []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	})
}

// start runs a container. What made it, its cgroups and its init end with the test.
func start(t *testing.T, s spec) *container {
	t.Helper()
	livetest.Root(t)
	bundle, state := t.TempDir(), t.TempDir()
	c := &container{t: t, ID: hexID(t, 32), ended: make(chan struct{})}
	config, err := s.config(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bundle, "config.json"), string(config))
	c.runc = func(args ...string) *exec.Cmd {
		cmd := exec.Command("runc", append([]string{"--root", state}, args...)...)
		// On a host that is loaded Go's runtime sends itself SIGURG, and runc hands that on to
		// the container: it would end the open of a FIFO in which a server is to hang.
		cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
		return cmd
	}
	cmd := c.runc("run", "--bundle", bundle, c.ID)
	cmd.Stdout, cmd.Stderr = &c.log, &c.log
	if s.stdout != nil {
		cmd.Stdout = s.stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("runc: %v", err)
	}
	go func() {
		_ = cmd.Wait()
		close(c.ended)
	}()
	t.Cleanup(func() {
		_ = c.runc("delete", "--force", c.ID).Run()
		<-c.ended
		removeCgroups(s.cgroups)
		if t.Failed() && c.log.Len() > 0 {
			t.Logf("%v in a container: %s", s.args, c.log.String())
		}
	})
	livetest.Eventually(t, "runc starts a container", func() bool {
		var is struct {
			PID    int
			Status string
		}
		out, err := c.runc("state", c.ID).Output()
		if err == nil {
			err = json.Unmarshal(out, &is)
		}
		c.PID = is.PID
		return !c.alive() || err == nil && is.Status == "running"
	})
	return c
}

func (c *container) alive() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// removeCgroups removes what runc leaves: the folders above that of a container.
func removeCgroups(path string) {
	for ; path != "/" && path != "."; path = filepath.Dir(path) {
		for _, hierarchy := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
			folders, _ := filepath.Glob(filepath.Join(hierarchy, path))
			for _, f := range folders {
				_ = syscall.Rmdir(f) // those that others use stay
			}
		}
	}
}

func hexID(t *testing.T, bytes int) string {
	t.Helper()
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}

func podUID(t *testing.T) string {
	s := hexID(t, 16)
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// rootFS makes a root file system of one program, the libraries that it needs and
// empty folders to mount on.
func rootFS(t *testing.T, program string, folders ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range append(folders, "proc", "dev", "sys", "run", "tmp") {
		if err := os.MkdirAll(filepath.Join(root, f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	files := []string{path}
	out, _ := exec.Command("ldd", path).Output() // nothing of a static one
	for field := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(field, "/") {
			files = append(files, field)
		}
	}
	for _, file := range files {
		copyFile(t, file, filepath.Join(root, file))
	}
	if path != filepath.Join("/", filepath.Base(path)) {
		if err := os.Symlink(path, filepath.Join(root, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(fmt.Errorf("copy %s: %w", from, err))
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
