// Package kubernetes_test builds the manifests as kustomize does and reads them as
// the API server does.
package kubernetes_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	scheduling "k8s.io/api/scheduling/v1"
	strict "sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/reusewatch/reusewatch/deploy"
)

// manifests are what an overlay builds, decoded.
type manifests struct {
	daemonSet apps.DaemonSet
	policy    string
	kinds     []string
}

func overlays() []string { return []string{"base", "overlays/enforce", "overlays/privileged"} }

// render gives the objects of an overlay as JSON.
func render(t *testing.T, overlay string) [][]byte {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlay)
	if err != nil {
		t.Fatalf("kustomize build %s: %v", overlay, err)
	}
	var all [][]byte
	for _, r := range built.Resources() {
		b, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// decode decodes one object into the API's own type, where a field that is not
// there, or is written otherwise, is an error. (YAML's own strict decoding takes
// hostPid for hostPID.)
func decode(b []byte) (any, error) {
	var kind struct{ APIVersion, Kind string }
	if err := json.Unmarshal(b, &kind); err != nil {
		return nil, err
	}
	known := map[string]any{
		"v1 Namespace": &core.Namespace{}, "v1 ServiceAccount": &core.ServiceAccount{}, "v1 ConfigMap": &core.ConfigMap{},
		"apps/v1 DaemonSet": &apps.DaemonSet{}, "networking.k8s.io/v1 NetworkPolicy": &networking.NetworkPolicy{},
		"scheduling.k8s.io/v1 PriorityClass":  &scheduling.PriorityClass{},
		"monitoring.coreos.com/v1 PodMonitor": &monitoring.PodMonitor{},
	}
	into, ok := known[kind.APIVersion+" "+kind.Kind]
	if !ok {
		return nil, errors.New("no type for " + kind.APIVersion + " " + kind.Kind)
	}
	problems, err := strict.UnmarshalStrict(b, into)
	return into, errors.Join(append(problems, err)...)
}

func load(t *testing.T, overlay string) manifests {
	t.Helper()
	var m manifests
	for _, b := range render(t, overlay) {
		object, err := decode(b)
		if err != nil {
			t.Fatalf("%s: %v\n%s", overlay, err, b)
		}
		switch o := object.(type) {
		case *apps.DaemonSet:
			m.daemonSet = *o
		case *core.ConfigMap:
			m.policy = o.Data["policy.yaml"]
		}
		var kind struct{ Kind string }
		if err := json.Unmarshal(b, &kind); err != nil {
			t.Fatal(err)
		}
		m.kinds = append(m.kinds, kind.Kind)
	}
	slices.Sort(m.kinds)
	return m
}

func TestOverlays(t *testing.T) {
	want := []string{
		"ConfigMap", "DaemonSet", "Namespace", "NetworkPolicy", "PodMonitor", "PriorityClass", "ServiceAccount",
	}
	for _, overlay := range overlays() {
		if d := cmp.Diff(want, load(t, overlay).kinds); d != "" {
			t.Errorf("%s (-want +got):\n%s", overlay, d)
		}
	}
}

// TestTypos: each of these would be taken for nothing at all by a cluster.
func TestTypos(t *testing.T) {
	for right, wrong := range map[string]string{
		`"hostPID"`: `"hostPid"`, `"policyTypes"`: `"policytypes"`, `"livenessProbe"`: `"livenessprobe"`,
		`"readOnlyRootFilesystem"`:       `"readOnlyRootFileSystem"`,
		`"podMetricsEndpoints"`:          `"podMetricsEndPoints"`,
		`"automountServiceAccountToken"`: `"autoMountServiceAccountToken"`,
	} {
		found := false
		for _, b := range render(t, "base") {
			if !strings.Contains(string(b), right) {
				continue
			}
			found = true
			if _, err := decode([]byte(strings.Replace(string(b), right, wrong, 1))); err == nil {
				t.Errorf("%s for %s is not noticed", wrong, right)
			}
		}
		if !found {
			t.Errorf("%s is nowhere", right)
		}
	}
}

// TestCapabilities: each overlay has the capabilities that the tests in containers
// show to be enough, and no others.
func TestCapabilities(t *testing.T) {
	for overlay, want := range map[string][]string{"base": deploy.Observing(), "overlays/enforce": deploy.Acting()} {
		c := container(t, overlay)
		if d := cmp.Diff([]core.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop); d != "" {
			t.Errorf("%s drops (-want +got):\n%s", overlay, d)
		}
		var got []string
		for _, added := range c.SecurityContext.Capabilities.Add {
			got = append(got, "CAP_"+string(added))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", overlay, d)
		}
		if p := c.SecurityContext; p.Privileged != nil || *p.AllowPrivilegeEscalation || !*p.ReadOnlyRootFilesystem {
			t.Errorf("%s: %+v", overlay, p)
		}
	}
	privileged := container(t, "overlays/privileged").SecurityContext
	if privileged.Privileged == nil || !*privileged.Privileged || privileged.Capabilities != nil {
		t.Errorf("privileged: %+v", privileged)
	}
}

func container(t *testing.T, overlay string) core.Container {
	t.Helper()
	all := load(t, overlay).daemonSet.Spec.Template.Spec.Containers
	if len(all) != 1 {
		t.Fatalf("%s: %d containers", overlay, len(all))
	}
	return all[0]
}

// TestDaemonSet: what it cannot be without.
func TestDaemonSet(t *testing.T) {
	for _, overlay := range overlays() {
		m := load(t, overlay)
		pod, c := m.daemonSet.Spec.Template.Spec, container(t, overlay)
		if !pod.HostPID || *pod.AutomountServiceAccountToken || pod.PriorityClassName != "reusewatch" {
			t.Errorf("%s: %+v", overlay, pod)
		}
		all := pod.Tolerations
		if len(all) != 1 || all[0].Operator != core.TolerationOpExists || all[0].Key != "" {
			t.Errorf("%s: it is not on every node: %+v", overlay, pod.Tolerations)
		}
		if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
			t.Errorf("%s: probes %+v %+v", overlay, c.LivenessProbe, c.ReadinessProbe)
		}
		port := c.Ports[0]
		address := "--metrics-address=:" + itoa(port.ContainerPort)
		if port.Name != c.LivenessProbe.HTTPGet.Port.StrVal || !slices.Contains(c.Args, address) {
			t.Errorf("%s: port %+v and arguments %q", overlay, port, c.Args)
		}
		if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
			t.Errorf("%s: resources %+v", overlay, c.Resources)
		}
		// Each mount has its volume, and each volume its mount.
		var mounts, volumes []string
		for _, v := range c.VolumeMounts {
			mounts = append(mounts, v.Name)
		}
		for _, v := range pod.Volumes {
			volumes = append(volumes, v.Name)
			if v.Name == "policy" && !strings.HasPrefix(v.ConfigMap.Name, "reusewatch-policy-") {
				t.Errorf("%s: another policy would not roll: %s", overlay, v.ConfigMap.Name)
			}
			if v.Name == "state" && v.HostPath.Path != "/run/reusewatch" {
				t.Errorf("%s: the state does not outlive the pod: %+v", overlay, v)
			}
		}
		slices.Sort(mounts)
		slices.Sort(volumes)
		if d := cmp.Diff(volumes, mounts); d != "" {
			t.Errorf("%s: volumes and mounts:\n%s", overlay, d)
		}
	}
}
