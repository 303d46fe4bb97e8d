package listener

import (
	"net/netip"
	"testing"
)

// TestOneOwnerInOneContainer: not one owner the pod and another the name.
func TestOneOwnerInOneContainer(t *testing.T) {
	l := &Listener{
		Sample: Sample{Local: netip.MustParseAddrPort("10.0.0.1:80")},
		Owners: []Owner{
			{Holder: &Holder{PID: 1, Comm: "haproxy"}},
			{Holder: &Holder{PID: 2, Comm: "envoy", Container: &Container{ID: "3f2a", Pod: "web-5f7", Namespace: "shop"}}},
		},
	}
	shop := Containers{Namespaces: []string{"shop"}}
	elsewhere := Containers{Pods: []string{"web-*"}, Namespaces: []string{"default"}}
	for name, c := range map[string]struct {
		f    Filter
		want bool
	}{
		"id":                    {Filter{Containers: Containers{IDs: []string{"ff", "3f"}}}, true},
		"another id":            {Filter{Containers: Containers{IDs: []string{"f2a"}}}, false},
		"pod":                   {Filter{Containers: Containers{Pods: []string{"web-*"}}}, true},
		"a part of the name":    {Filter{Containers: Containers{Pods: []string{"web"}}}, false},
		"namespace":             {Filter{Containers: shop}, true},
		"another namespace":     {Filter{Containers: elsewhere}, false},
		"of one owner":          {Filter{Comms: []string{"envoy"}, Containers: shop}, true},
		"of two owners":         {Filter{Comms: []string{"haproxy"}, Containers: shop}, false},
		"a pattern that is bad": {Filter{Containers: Containers{Pods: []string{"["}}}, false},
	} {
		if got := c.f.Match(l); got != c.want || c.f.IsZero() {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if f := (Filter{}); !f.Match(l) || !f.IsZero() {
		t.Error("the zero filter does not match")
	}
}
