package container

import (
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

const (
	idA  = "0a3e5c7d9b1f2e4d6c8a0b1c2d3e4f5061728394a5b6c7d8e9f00112233445ff"
	idB  = "f75aff467357c5d0ddd47cb7ad87ed38746e018992586ff66198a5c11218f634"
	task = "8a1b2c3d4e5f60718293a4b5c6d7e8f9"
)

func TestContainerIn(t *testing.T) {
	const (
		podSlice = "/kubepods.slice/kubepods-burstable.slice/" +
			"kubepods-burstable-pod5759a1ae_36ca_48a8_b20a_b0b5c8a90fb8.slice"
		podFS     = "/kubepods/burstable/pod5759a1ae-36ca-48a8-b20a-b0b5c8a90fb8"
		kindSlice = "/system.slice/docker-" + idB + ".scope/kubelet.slice/kubelet-kubepods.slice/" +
			"kubelet-kubepods-besteffort.slice/"
	)
	for path, want := range map[string]string{
		"":                                 "",
		"/":                                "",
		"/..":                              "",
		"/init.scope":                      "",
		"/system.slice/haproxy.service":    "",
		"/system.slice/containerd.service": "",
		"/user.slice/user-1000.slice/session-4.scope": "",

		"/docker/" + idA: idA,
		"/docker/" + idA + "/system.slice/nginx.service":        idA, // systemd inside
		"/docker/" + idA + " (deleted)":                         idA,
		"/docker/" + idB + "/docker/" + idA:                     idA, // Docker in Docker
		"/system.slice/docker-" + idA + ".scope":                idA,
		"/docker/" + idA[1:]:                                    "",
		"/docker/" + idA + "0":                                  "",
		"/docker/" + "g" + idA[1:]:                              "",
		"/docker/" + "A" + idA[1:]:                              "",
		"/docker/buildkit/nkdfe4n9rj5ku9tjdrmw5tkv2":            "",
		"/../../docker/" + idA:                                  idA, // from another cgroup namespace
		"/system.slice/nerdctl-" + idA + ".scope":               idA,
		"/default/" + idA:                                       idA,
		"/garden/51e75f34-e4bf-4ef9-5b4a-4fc9":                  "",
		"/azure.slice/docker-" + idA + ".scope/payload/x.slice": idA,

		podFS + "/" + idA: idA,
		podFS:             "",
		podSlice + "/cri-containerd-" + idA + ".scope":    idA,
		podSlice + "/docker-" + idA + ".scope":            idA,
		podSlice + "/crio-" + idA + ".scope":              idA,
		podSlice + "/crio-" + idA + ".scope/container":    idA,
		podSlice + "/crio-conmon-" + idA + ".scope":       "",
		podFS + "/crio-" + idA:                            idA,
		podFS + "/crio-conmon-" + idA:                     "",
		podSlice:                                          "",
		kindSlice + "cri-containerd-" + idA + ".scope":    idA,
		"/docker/" + idB + "/kubelet" + podFS + "/" + idA: idA,
		"/docker/" + idB + "/kubelet" + podFS:             idB,
		"/system.slice/containerd.service/kubepods-besteffort-pod5759a1ae.slice:cri-containerd:" + idA: idA,

		"/machine.slice/libpod-" + idA + ".scope":                                           idA,
		"/machine.slice/libpod-" + idA + ".scope/container":                                 idA,
		"/machine.slice/libpod-conmon-" + idA + ".scope":                                    "",
		"/machine.slice/machine-libpod_pod_" + idB + ".slice/libpod-" + idA + ".scope":      idA,
		"/machine.slice/machine-libpod_pod_" + idB + ".slice/libpod-conmon-" + idA:          "",
		"/machine.slice/machine-libpod_pod_" + idB + ".slice":                               "",
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope": idA,
		"/libpod_parent/libpod-" + idA:                                                      idA,
		"/libpod_parent/libpod-" + idA + "/ctr":                                             idA,
		"/libpod_parent/libpod-" + idA + "/conmon":                                          "",
		"/libpod_parent/" + idB + "/libpod-conmon-" + idA:                                   "", // of a pod
		"/libpod_parent/" + idB + "/libpod-" + idA:                                          idA,
		"/docker/" + idB + "/libpod_parent/libpod-conmon-" + idA:                            idB,
		"/system.slice/app.service/libpod-payload-" + idA:                                   idA, // --cgroups=split
		"/system.slice/app.service/supervisor":                                              "",
		"/system.slice/" + idA + ".service":                                                 "", // its health check
		"/system.slice/" + idA + "-53b1.service":                                            "",

		"/ecs/" + task + "/" + idA:                   idA,
		"/ecs/" + task + "/" + task + "-1234567890":  task + "-1234567890",
		"/ecs/" + task + "/" + task + "-x":           "",
		"/ecs/x/x-1":                                 "",
		"/ecs/" + task:                               "",
		"/ecs/" + task[1:] + "g/" + task[1:] + "g-1": "",
		"/ecstasks.slice/ecstasks-" + task + ".slice/docker-" + idA + ".scope": idA,

		"/lxc/web":                             "web",
		"/lxc/101/ns/system.slice/ssh.service": "101",
		"/lxc.payload/web":                     "web",
		"/lxc.payload.web/init.scope":          "web",
		"/lxc.payload.web/docker/" + idA:       idA,
		"/lxc.monitor/web":                     "",
		"/lxc.monitor.web":                     "",
		"/lxc":                                 "",
		"/lxc.payload.":                        "",

		"/machine.slice/systemd-nspawn@web.service/payload/init.scope": "web",
		"/machine.slice/systemd-nspawn@web.service/supervisor":         "",
		`/machine.slice/systemd-nspawn@my\x2dweb.service`:              "my-web",
		`/machine.slice/machine-my\x2dweb.scope`:                       "my-web",
		`/machine.slice/machine-lxc\x2d12\x2dweb.scope`:                "lxc-12-web",
		`/machine.slice/machine-qemu\x2d1\x2dweb.scope`:                "",
		"/machine.slice/machine-x.slice":                               "",
		"/machine.slice/systemd-nspawn@.service":                       "",
	} {
		if got, depth := containerIn(path); got.ID != want || (depth > 0) != (want != "") {
			t.Errorf("containerIn(%q) = %q, %d; want %q", path, got.ID, depth, want)
		}
	}
}

// TestRuntimeAndPod: who made a container and which pod it is in.
func TestRuntimeAndPod(t *testing.T) {
	const (
		uid    = "5759a1ae-36ca-48a8-b20a-b0b5c8a90fb8"
		static = "0f1e2d3c4b5a69788796a5b4c3d2e1f0" // of a static pod: a hash
		slice  = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5759a1ae_36ca_48a8_b20a_b0b5c8a90fb8.slice"
		kind   = "/docker/" + idB + "/kubelet/kubepods/besteffort/pod" + uid
	)
	for path, want := range map[string][3]string{
		"/docker/" + idA:                                      {"docker", idA, ""},
		"/system.slice/docker-" + idA + ".scope":              {"docker", idA, ""},
		"/docker/" + idB + "/docker/" + idA:                   {"docker", idA, ""},
		"/default/" + idA:                                     {"", idA, ""},
		"/system.slice/nerdctl-" + idA + ".scope":             {"containerd", idA, ""},
		"/machine.slice/libpod-" + idA + ".scope":             {"podman", idA, ""},
		"/libpod_parent/libpod-" + idA + "/ctr":               {"podman", idA, ""},
		"/ecs/" + task + "/" + idA:                            {"ecs", idA, ""},
		"/ecs/" + task + "/" + task + "-1234567890":           {"ecs", task + "-1234567890", ""},
		"/lxc.payload.web/init.scope":                         {"lxc", "web", ""},
		`/machine.slice/machine-lxc\x2d12\x2dw.scope`:         {"lxc", "lxc-12-w", ""},
		"/machine.slice/systemd-nspawn@web.service/payload/x": {"systemd-nspawn", "web", ""},

		"/kubepods/burstable/pod" + uid + "/" + idA:                {"", idA, uid}, // cgroupfs says no more
		"/kubepods/pod" + uid + "/" + idA:                          {"", idA, uid}, // guaranteed
		"/kubepods/besteffort/pod" + static + "/" + idA:            {"", idA, static},
		"/kubepods/burstable/pod" + uid + "/crio-" + idA:           {"cri-o", idA, uid},
		slice + "/cri-containerd-" + idA + ".scope":                {"containerd", idA, uid},
		slice + "/crio-" + idA + ".scope/container":                {"cri-o", idA, uid},
		slice + "/docker-" + idA + ".scope":                        {"docker", idA, uid},
		slice + "/cri-containerd-" + idA + ".scope/system.slice/x": {"containerd", idA, uid}, // systemd inside
		"/kubelet" + slice + "/cri-containerd-" + idA + ".scope":   {"containerd", idA, uid},
		kind + "/" + idA: {"", idA, uid},
		kind:             {"docker", idB, ""}, // a process of the node's
		"/kubepods/pod" + uid + "/" + idB + "/docker/" + idA: {"docker", idA, uid}, // Docker in a pod
		"/system.slice/containerd.service/" +
			"kubepods-besteffort-pod5759a1ae_36ca_48a8_b20a_b0b5c8a90fb8.slice:cri-containerd:" + idA: {"containerd", idA, uid},

		// A pod of podman's own.
		"/machine.slice/machine-libpod_pod_" + idB + ".slice/libpod-" + idA + ".scope": {"podman", idA, ""},
		"/kubepods/podwork/" + idA:                         {"", idA, ""},
		"/kubepods/pod" + uid[1:] + "/" + idA:              {"", idA, ""},
		"/system.slice/pod.slice/docker-" + idA + ".scope": {"docker", idA, ""},
	} {
		if got, _ := containerIn(path); got != (listener.Container{Runtime: want[0], ID: want[1], PodUID: want[2]}) {
			t.Errorf("containerIn(%q) = %+v, want %q", path, got, want)
		}
	}
}

func TestIn(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   proc.Cgroups
		want string
	}{
		{"none", proc.Cgroups{}, ""},
		{"host", proc.Cgroups{V2: "/", V1: map[string]string{"cpu": "/", "name=systemd": "/init.scope"}}, ""},
		{"v2", proc.Cgroups{V2: "/docker/" + idA}, idA},
		{"v1 beside an empty v2", proc.Cgroups{V2: "/", V1: map[string]string{"cpu": "/docker/" + idA}}, idA},
		{
			"v1 below a service of v2",
			proc.Cgroups{V2: "/system.slice/containerd.service", V1: map[string]string{"cpu": "/docker/" + idA}}, idA,
		},
		{"one controller", proc.Cgroups{V1: map[string]string{"cpu": "/", "memory": "/docker/" + idA, "pids": "/"}}, idA},
		{
			"deepest",
			proc.Cgroups{
				V2: "/docker/" + idB,
				V1: map[string]string{"cpu": "/docker/" + idB + "/docker/" + idA, "pids": "/docker/" + idB},
			}, idA,
		},
		{"v2 of equals", proc.Cgroups{V2: "/docker/" + idB, V1: map[string]string{"cpu": "/docker/" + idA}}, idB},
		{"first of equals", proc.Cgroups{V1: map[string]string{"pids": "/docker/" + idB, "cpu": "/docker/" + idA}}, idA},
	} {
		for range 20 { // maps have no order
			if got := In(tc.in); (got == nil) != (tc.want == "") || got != nil && got.ID != tc.want {
				t.Fatalf("%s: %+v, want %q", tc.name, got, tc.want)
			}
		}
	}
}

func TestUnescapeUnit(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "web": "web", `a\x2db\x20c`: "a-b c",
		`\x`: `\x`, `\x2`: `\x2`, `\xzz\x2d`: `\xzz-`, `\y`: `\y`, `\x5cx2d`: `\x2d`,
	} {
		if got := unescapeUnit(in); got != want {
			t.Errorf("unescapeUnit(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzContainerIn: an id is one that the path holds, and whatever stands above or below an
// engine's container, it is found there, and in no outer one.
func FuzzContainerIn(f *testing.F) {
	for _, seed := range []string{
		"/docker/" + idA, "/docker/" + idA + " (deleted)",
		`/machine.slice/machine-my\x2dweb.scope`, "/lxc.payload.web/init.scope",
		"/machine.slice/systemd-nspawn@web.service/payload/init.scope", "/machine.slice/libpod-conmon-" + idA + ".scope",
		"/ecs/" + task + "/" + task + "-1234567890", "/../../docker/" + idA, "/libpod_parent/" + idB + "/libpod-" + idA,
		"/kubepods.slice/kubepods-pod5759a1ae_36ca_48a8_b20a_b0b5c8a90fb8.slice/cri-containerd-" + idA + ".scope",
		"/kubepods/burstable/pod5759a1ae-36ca-48a8-b20a-b0b5c8a90fb8/" + idA,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c, depth := containerIn(path)
		if (c.ID == "") != (depth == 0) || depth == 0 && c != (listener.Container{}) || depth > strings.Count(path, "/") {
			t.Errorf("containerIn(%q) = %+v, %d", path, c, depth)
		}
		if c.ID != "" && !strings.Contains(unescapeUnit(path), c.ID) || c.PodUID != "" && !isPodUID(c.PodUID) {
			t.Errorf("containerIn(%q) = %+v", path, c)
		}
		for _, inner := range []string{"/docker/" + idA, "/system.slice/docker-" + idA + ".scope"} {
			if got, _ := containerIn(path + inner); got.ID != idA || got.Runtime != "docker" {
				t.Errorf("containerIn(%q) = %+v", path+inner, got)
			}
		}
	})
}
