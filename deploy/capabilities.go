// Package deploy says what the ways to run reusewatch have in common. The unit,
// the manifests and the tests in containers are all held to it.
package deploy

// Observing are the capabilities that it takes to observe.
func Observing() []string {
	return []string{"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}
}

// Acting are those that it takes to observe and to act, as root: another user could
// not write a sysctl of the network namespace without CAP_NET_ADMIN.
func Acting() []string {
	return append(Observing(), "CAP_SYS_ADMIN", "CAP_KILL")
}
