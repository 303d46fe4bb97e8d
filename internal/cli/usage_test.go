package cli

import (
	"strings"
	"testing"
)

// TestBadInput: one line that names the thing, and the exit code of the contract.
func TestBadInput(t *testing.T) {
	for args, want := range map[string]string{
		"list --netns no-such-one":            `unknown network namespace "no-such-one"`,
		"list --netns pid:0":                  `unknown network namespace "pid:0"`,
		"list --netns /etc/passwd":            `unknown network namespace "/etc/passwd"`,
		"list -o yaml":                        `unknown --output "yaml"`,
		"list --port 70000":                   "--port 70000 is no TCP port",
		"list --port http":                    `"http"`,
		"list --addr 10.0.0.0/33":             `--addr "10.0.0.0/33"`,
		"list --comm a-name-that-is-too-long": `--comm "a-name-that-is-too-long"`,
		"list --container docker://3f":        `--container "docker://3f" is no container id`,
		"list --pod shop/web":                 `--pod "shop/web" is no name of a pod`,
		"list --namespace shop*":              `--namespace "shop*" is no name of a namespace`,
		"list --cri-socket containerd.sock":   `CRI socket "containerd.sock" is no absolute path`,
		"list --tier fast":                    `unknown --tier "fast"`,
		"list --btf /no-such-file":            "--btf: open /no-such-file: no such file or directory",
		"doctor --btf /etc/passwd": "--btf: read kernel types from /etc/passwd: " +
			"it is neither BTF nor an ELF file with BTF",
		"run --btf /etc":                              "--btf: read kernel types from /etc",
		"list --from unix:/x --btf /etc/passwd":       "--btf is how to look for itself: it goes with --from kernel",
		"list --interval 0s":                          "--interval 0s is too short",
		"list --stuck-after 1ms":                      "--stuck-after 1ms is shorter than --interval 1s",
		"list --for -1s":                              "--for -1s is negative",
		"list extra":                                  `unknown command "extra"`,
		"list --from daemon":                          `unknown --from "daemon"`,
		"list --from unix:":                           `unknown --from "unix:"`,
		"list --from unix:/x --for 3s":                "--for is how to look for itself: it goes with --from kernel",
		"list --sort size":                            `unknown --sort "size"`,
		"list --watch 10ms":                           "--watch 10ms is shorter than --interval 1s",
		"list --stuck --for 2s":                       "--for 2s is too short to tell what is stuck: 3s",
		"check --for 9s --stuck-after 8s":             "--for 9s is too short to tell what is stuck: 10s",
		"check -o json":                               `unknown --output "json"`,
		"run --action destroy":                        `unknown --action "destroy"`,
		"run --action kill":                           "--action kill needs a filter",
		"run --act-after 1s":                          "--act-after 1s is shorter than --stuck-after 10s",
		"run --term-grace -1s":                        "cannot be negative",
		"run --count never":                           `unknown --count "never"`,
		"run -o table":                                `unknown --output "table"`,
		"run --no-such-flag":                          "unknown flag: --no-such-flag",
		"frobnicate":                                  `unknown command "frobnicate"`,
		"run --metrics-address nowhere":               "--metrics-address: listen tcp",
		"run --metrics-address :0 --metrics-groups 0": "--metrics-groups 0",
	} {
		stdout, stderr, code := output(t, strings.Fields(args)...)
		if code != ExitUsage || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want one line with %q and code %d",
				args, code, stdout, stderr, want, ExitUsage)
		}
	}
}

func TestVersion(t *testing.T) {
	if stdout, _, code := output(t, "version"); code != 0 || !strings.HasPrefix(stdout, "reusewatch ") {
		t.Errorf("%q, exit code %d", stdout, code)
	}
}
