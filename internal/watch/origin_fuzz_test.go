package watch

import (
	"slices"
	"strings"
	"testing"
)

// FuzzConfigNames: any command line gives a few names, each of them part of it, each once,
// and none an option.
func FuzzConfigNames(f *testing.F) {
	for _, seed := range []string{
		"haproxy\x00-f\x00/etc/haproxy.cfg\x00-sf\x0012",
		"nginx: master process nginx -c /etc/nginx/a.conf",
		"app\x00--config=/x.yaml\x00-config.file=y",
		"a\x00-f\x00-c\x00b.json",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cmdline string) {
		names := configNames(strings.Split(cmdline, "\x00"))
		if len(names) > maxConfigs {
			t.Errorf("%q has %d names", cmdline, len(names))
		}
		for i, name := range names {
			option := name == "" || name[0] == '-'
			wrong := slices.Contains(names[:i], name) || strings.ContainsAny(name, " \n\x00")
			if option || wrong || !strings.Contains(cmdline, name) {
				t.Errorf("%q has the names %q", cmdline, names)
			}
		}
	})
}
