package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const id = "0a3e5c7d9b1f2e4d6c8a0b1c2d3e4f5061728394a5b6c7d8e9f00112233445ff"

func TestParseLink(t *testing.T) {
	for name, want := range map[string]listener.Container{
		"web-5f7d-x2_shop_proxy-" + id + ".log": {ID: id, Pod: "web-5f7d-x2", Namespace: "shop", Name: "proxy"},
		"kube-proxy-n1.dc_kube-system_a-b-c-" + id + ".log": {
			ID: id, Pod: "kube-proxy-n1.dc", Namespace: "kube-system", Name: "a-b-c",
		},
		"web_shop_proxy-" + id:                           {},
		"web_shop_proxy-" + id[1:] + ".log":              {},
		"web_shop_proxy" + id + ".log":                   {},
		"web_shop-" + id + ".log":                        {},
		"web_shop_proxy_x-" + id + ".log":                {},
		"_shop_proxy-" + id + ".log":                     {},
		"web_shop_proxy-" + strings.ToUpper(id) + ".log": {},
		id + ".log": {},
		".log":      {},
		"":          {},
	} {
		if got, ok := parseLink(name); got != want || ok != (want.ID != "") {
			t.Errorf("%q: %+v, %v; want %+v", name, got, ok, want)
		}
	}
}

func TestReadLinks(t *testing.T) {
	dir := t.TempDir()
	link(t, dir, "web_shop_proxy-"+id+".log")
	link(t, dir, "else")
	want := map[string]listener.Container{id: {ID: id, Pod: "web", Namespace: "shop", Name: "proxy"}}
	if d := cmp.Diff(want, readLinks(dir)); d != "" {
		t.Error(d)
	}
	for _, none := range []string{"", filepath.Join(dir, "none"), filepath.Join(dir, "else")} {
		if got := readLinks(none); len(got) != 0 {
			t.Errorf("%q: %v", none, got)
		}
	}
}

// link makes one as the kubelet does: what it points to is of no matter.
func link(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Symlink("/var/log/pods/x/0.log", filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// FuzzParseLink: a link that is read is written so by the kubelet too, and what is none
// names nothing.
func FuzzParseLink(f *testing.F) {
	for _, seed := range []string{
		"web-5f7d-x2_shop_proxy-" + id + ".log", "kube-proxy-n1.dc_kube-system_a-b-c-" + id + ".log", "web_shop_proxy-" + id,
		"web_shop_proxy" + id + ".log", "_shop_proxy-" + id + ".log", "web_shop_proxy_x-" + id + ".log", ".log",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c, ok := parseLink(name)
		if !ok {
			if c != (listener.Container{}) {
				t.Errorf("%q is none, and names %+v", name, c)
			}
			return
		}
		if again := c.Pod + "_" + c.Namespace + "_" + c.Name + "-" + c.ID + ".log"; again != name || !isHex(c.ID, idLen) {
			t.Errorf("%q is read as %+v", name, c)
		}
	})
}
