package fleettest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// sandbox makes a pod with containerd, on the network of its host, as the kubelet
// would; it is removed with the test.
func (c *containerd) sandbox(t *testing.T, uid string) (id string, config *cri.PodSandboxConfig) {
	t.Helper()
	config = &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: podName, Namespace: podNamespace, Uid: uid}, LogDirectory: t.TempDir(),
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent: "/kubepods/burstable/pod" + uid,
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER},
			},
		},
	}
	made, err := c.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, id := context.Background(), made.GetPodSandboxId() // the test's has ended
		if _, err := c.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
			t.Error(err)
		}
		if _, err := c.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id}); err != nil {
			t.Error(err)
		}
		removeCgroups(config.GetLinux().GetCgroupParent())
	})
	return made.GetPodSandboxId(), config
}

// run runs a haproxy in a sandbox, with the labels that the kubelet gives.
func (c *containerd) run(
	t *testing.T, sandbox string, pod *cri.PodSandboxConfig, name string, args []string, mounts ...*cri.Mount,
) *container {
	t.Helper()
	made, err := c.CreateContainer(t.Context(), &cri.CreateContainerRequest{
		PodSandboxId: sandbox, SandboxConfig: pod,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: name}, Image: &cri.ImageSpec{Image: haproxyImage},
			Command: args, Mounts: mounts, LogPath: name + ".log",
			Labels: map[string]string{
				"io.kubernetes.container.name": name, "io.kubernetes.pod.name": podName,
				"io.kubernetes.pod.namespace": podNamespace, "io.kubernetes.pod.uid": pod.GetMetadata().GetUid(),
			},
			Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
				RunAsUser:        &cri.Int64Value{Value: haproxyUID},
				NamespaceOptions: pod.GetLinux().GetSecurityContext().GetNamespaceOptions(),
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := made.GetContainerId()
	if _, err := c.StartContainer(t.Context(), &cri.StartContainerRequest{ContainerId: id}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(pod.GetLogDirectory(), name+".log"))
			t.Logf("%s: %v: %s", name, err, log)
		}
	})
	return &container{ID: id, PID: c.status(t, id).pid, t: t}
}

type status struct {
	pid     int
	running bool
}

func (c *containerd) status(t *testing.T, id string) status {
	t.Helper()
	reply, err := c.ContainerStatus(t.Context(), &cri.ContainerStatusRequest{ContainerId: id, Verbose: true})
	if err != nil {
		t.Fatal(err)
	}
	var info struct{ PID int }
	if err := json.Unmarshal([]byte(reply.GetInfo()["info"]), &info); err != nil {
		t.Fatal(err)
	}
	return status{info.PID, reply.GetStatus().GetState() == cri.ContainerState_CONTAINER_RUNNING}
}

// TestNamesFromContainerd: a real pod of a real containerd. Nobody makes links to
// its logs here, for there is no kubelet: names, image and runtime are what the CRI
// says. The stuck one is ended, and containerd learns of it.
func TestNamesFromContainerd(t *testing.T) {
	p := &pod{Namespace: livetest.Netns(t), UID: podUID(t), logs: t.TempDir()}
	c := startContainerd(t, p.Namespace)
	sandbox, config := c.sandbox(t, p.UID)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	p.stuck = c.run(t, sandbox, config, "proxy-old",
		[]string{"/haproxy", "-D", "-f", "/haproxy.cfg", "-p", "/haproxy.pid"},
		&cri.Mount{ContainerPath: "/haproxy.pid", HostPath: fifo})
	p.listening(t, 1)
	p.healthy = c.run(t, sandbox, config, "proxy", []string{"/haproxy", "-db", "-f", "/haproxy.cfg"})
	p.listening(t, 2)
	p.load(t)

	for filter, want := range map[string]int{"--pod=web-*": 2, "--namespace=shop": 2, "--namespace=default": 0} {
		if got := listeners(t, p.Path, filter, "--container-logs=", "--cri-socket", c.Socket); len(got) != want {
			t.Errorf("%s: %d listeners, want %d", filter, len(got), want)
		}
	}
	e := onHost(t, quick(p, "--action", "kill", "--state-dir", t.TempDir(), "--pod", podName, "--cri-socket", c.Socket)...)
	stuck := e.must("stuck")
	p.attributed(t, stuck)
	o := stuck.Listener.Owners[0].Container
	if o.Runtime == nil || *o.Runtime != "containerd" || o.Image == nil || !strings.Contains(*o.Image, "haproxy") {
		t.Errorf("runtime %v, image %v", o.Runtime, o.Image)
	}
	if acted := e.must("acted", "act_failed"); acted.Event != "acted" || acted.PID != p.stuck.PID {
		t.Errorf("%+v, want pid %d ended", acted, p.stuck.PID)
	}
	livetest.Eventually(t, "containerd learns that the container has ended", func() bool {
		return !c.status(t, p.stuck.ID).running
	})
	if !c.status(t, p.healthy.ID).running {
		t.Error("the healthy container has ended too")
	}
}
