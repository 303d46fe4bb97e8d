package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// TestCompletes: what listens now is offered.
func TestCompletes(t *testing.T) {
	beside(t)
	ns := inhabited(t)
	p := serve(t, ns, server{Addr: web})
	l := listJSON(t, 0, "--netns", ns.Path).Listeners[0]
	for args, want := range map[string]string{
		"list --port ":       "80\t",
		"list --pid ":        fmt.Sprint(p.pid()) + "\t",
		"explain ":           "cookie:" + l.Cookie + "\tidle 127.0.0.1:80",
		"kill ":              l.Cookie + "\t",
		"run --action ":      "observe",
		"list --sort ":       "oldest",
		"run --tier ":        "queues",
		"completion ":        "zsh",
		"list --from kernel": "kernel",
	} {
		words := strings.Split(args, " ")
		stdout, _, code := output(t, append([]string{"__complete"}, words...)...)
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, no %q in %q", args, code, want, stdout)
		}
	}
	if out, _, _ := output(t, "__complete", "list", "--netns", ""); !strings.Contains(out, fmt.Sprint(ns.Inode)) {
		t.Errorf("no %d in %q", ns.Inode, out)
	}
}
