package fleettest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

const (
	pauseImage   = "reusewatch.test/pause:1"
	haproxyImage = "reusewatch.test/haproxy:1"
)

// containerd is one of the test's own, with its CRI: its root, state and socket
// are in a folder, and whatever it mounts in a mount namespace of its own.
type containerd struct {
	cri.RuntimeServiceClient
	Socket string
	dir    string
}

const containerdConfig = `version = 2
root = "%[1]s/root"
state = "%[1]s/state"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "%[1]s/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + pauseImage + `"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%[1]s"
    conf_dir = "%[1]s"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
`

// startContainerd starts one in a network namespace: pods on the host's network
// are in that one. It ends with the test, with all that it started.
func startContainerd(t *testing.T, ns *livetest.Namespace) *containerd {
	t.Helper()
	dir, err := os.MkdirTemp("", "rw-cri-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	c := &containerd{Socket: filepath.Join(dir, "containerd.sock"), dir: dir}
	write(t, filepath.Join(dir, "config.toml"), fmt.Sprintf(containerdConfig, dir))
	bin := filepath.Dir(unpacked(t, "containerd", "usr/bin/containerd"))
	// The sockets of its shims are in /run/containerd, wherever its state is.
	cmd := exec.Command("unshare", "--mount", "sh", "-c",
		"mount -t tmpfs tmpfs /run && exec containerd --log-level warn --config "+filepath.Join(dir, "config.toml"))
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ns.Do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("containerd: %s", log.String())
		}
		endMountNamespace(t, cmd.Process.Pid)
		_ = cmd.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient("unix://"+c.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c.RuntimeServiceClient = cri.NewRuntimeServiceClient(conn)
	livetest.Eventually(t, "containerd answers", func() bool {
		_, err := c.Version(t.Context(), &cri.VersionRequest{})
		return err == nil
	})
	c.load(t, bin)
	return c
}

// load brings the images in.
func (c *containerd) load(t *testing.T, bin string) {
	t.Helper()
	dir := t.TempDir()
	pause := exec.Command("go", "build", "-o", filepath.Join(dir, "pause"), "./testdata/pause")
	pause.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := pause.CombinedOutput(); err != nil {
		t.Fatalf("build pause: %v: %s", err, out)
	}
	haproxy := rootFS(t, "haproxy")
	write(t, filepath.Join(haproxy, "haproxy.cfg"), haproxyConfig)
	for _, file := range []string{
		image(t, pauseImage, rootFS(t, filepath.Join(dir, "pause")), "/pause"), image(t, haproxyImage, haproxy, "/haproxy"),
	} {
		cmd := exec.Command(filepath.Join(bin, "ctr"), "--address", c.Socket, "--namespace", "k8s.io",
			"images", "import", "--snapshotter", "native", file)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", cmd.Args, err, out)
		}
	}
}

// endMountNamespace ends whatever is left in the mount namespace of a process, and
// so what was mounted there.
func endMountNamespace(t *testing.T, pid int) {
	t.Helper()
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil || theirs == own {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		return
	}
	for range 100 {
		left := 0
		links, _ := filepath.Glob("/proc/[0-9]*/ns/mnt")
		for _, link := range links {
			if ns, err := os.Readlink(link); err == nil && ns == theirs {
				left++
				member, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(link))))
				_ = syscall.Kill(member, syscall.SIGKILL)
			}
		}
		if left == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("processes of containerd's are left")
}
