package livetest

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Counter reads one of the kernel's own counters of the namespace, such as
// "TcpExt" "TCPFastOpenPassive" or "MPTcpExt" "MPJoinSynRx".
func (ns *Namespace) Counter(group, name string) int {
	ns.t.Helper()
	file := "/proc/thread-self/net/netstat"
	if group == "Tcp" {
		file = "/proc/thread-self/net/snmp"
	}
	var b []byte
	var err error
	ns.Do(func() { b, err = os.ReadFile(file) })
	if err != nil {
		ns.t.Fatalf("read the counters of the namespace: %v", err)
	}
	// Two lines a group: "TcpExt: name name …" and "TcpExt: value value …".
	lines := strings.Split(string(b), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		if len(names) == 0 || names[0] != group+":" {
			continue
		}
		for j := 1; j < min(len(names), len(values)); j++ {
			if names[j] != name {
				continue
			}
			n, err := strconv.Atoi(values[j])
			if err != nil {
				ns.t.Fatalf("counter %s %s: %v", group, name, err)
			}
			return n
		}
	}
	ns.t.Fatalf("this kernel has no counter %s %s", group, name)
	return 0
}

// Queues gives the accept queue of each TCP listener that serves an IPv4 address,
// as /proc/net/tcp shows it.
func (ns *Namespace) Queues(on netip.AddrPort) []int {
	ns.t.Helper()
	var b []byte
	var err error
	ns.Do(func() { b, err = os.ReadFile("/proc/thread-self/net/tcp") })
	if err != nil {
		ns.t.Fatalf("read the sockets of the namespace: %v", err)
	}
	// The address is a number in the byte order of the machine, here little endian.
	addr := on.Addr().As4()
	slices.Reverse(addr[:])
	port := fmt.Sprintf(":%04X", on.Port())
	local, anywhere := fmt.Sprintf("%X", addr)+port, "00000000"+port
	var queues []int
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 5 || f[1] != local && f[1] != anywhere || f[3] != "0A" {
			continue
		}
		_, received, _ := strings.Cut(f[4], ":")
		n, err := strconv.ParseInt(received, 16, 64)
		if err != nil {
			ns.t.Fatalf("queue %q of a listener: %v", f[4], err)
		}
		queues = append(queues, int(n))
	}
	return queues
}
