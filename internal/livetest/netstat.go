package livetest

import (
	"os"
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
