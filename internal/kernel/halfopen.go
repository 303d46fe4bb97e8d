package kernel

import (
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/sys/unix"
)

// mended lists the kernels that are known to move half-open requests without fault: for
// each branch of a distribution the first version whose changelog has the fixes of
//
//   - CVE-2026-99270, a use after free in reqsk_timer_handler,
//   - CVE-2026-99460, a use after free of MPTCP joins,
//   - the token of an MPTCP request that is moved (2093bc7fa500): a WARN, which ends a
//     host that has panic_on_warn.
//
// No program can try whether a kernel has them, and the table can only refuse: a kernel
// that is not in it, or whose version is not understood, is taken to lack them.
func mended() []build { return []build{{6, 12, 118, 1}} }

// build is a version of Debian's package of the kernel.
type build struct{ major, minor, patch, revision int }

// debian finds the version in uname -v, such as "#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1
// (2026-10-30)". A rebuild for an older release (~bpo), and one of its security archive
// (+deb), have the fixes of the version that they were made from. Versions with other
// suffixes are not understood.
func debian(version string) []string {
	return regexp.MustCompile(`^#\d+ SMP .*\bDebian (\d+)\.(\d+)\.(\d+)-(\d+)(?:~bpo\d+\+\d+|\+deb\d+u\d+)? \(`).FindStringSubmatch(version)
}

// MovesHalfOpen says whether this kernel is known to move requests, whose handshake is
// under way, from one listener to another without fault.
func MovesHalfOpen() (bool, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false, fmt.Errorf("ask for the version of the kernel: %w", err)
	}
	return movesHalfOpen(unix.ByteSliceToString(u.Version[:])), nil
}

// MovesHalfOpen says the same of the host's kernel.
func (h *Host) MovesHalfOpen() bool { return movesHalfOpen(h.Version) }

func movesHalfOpen(version string) bool {
	m := debian(version)
	if m == nil {
		return false
	}
	var n [4]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(m[i+1]); err != nil {
			return false
		}
	}
	for _, first := range mended() {
		if n[0] == first.major && n[1] == first.minor &&
			(n[2] > first.patch || n[2] == first.patch && n[3] >= first.revision) {
			return true
		}
	}
	return false
}
