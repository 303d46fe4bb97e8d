package proc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMembers(t *testing.T) {
	const fdinfo = "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t1057\n" +
		"tfd:        5 events:       19 data:                5  pos:0 ino:1f5f sdev:8\n" +
		"tfd:        6 events:       19 data:                6  pos:0 ino:1f60 sdev:8\n"
	if got := appendMembers(nil, []byte(fdinfo)); !slices.Equal(got, []uint64{0x1f5f, 0x1f60}) {
		t.Errorf("= %x", got)
	}
}

// A socket of this process in an epoll set of its own, then out of it.
func TestInEpoll(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{pair[0], pair[1], ep} {
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	var st unix.Stat_t
	if err := unix.Fstat(pair[0], &st); err != nil {
		t.Fatal(err)
	}
	has := func() (bool, error) {
		inodes, err := registered("/proc/self", []int{ep})
		return slices.Contains(inodes, st.Ino), err
	}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, pair[0], &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
	if got, err := has(); err != nil || !got {
		t.Errorf("registered: %v, %v", got, err)
	}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_DEL, pair[0], nil); err != nil {
		t.Fatal(err)
	}
	if got, err := has(); err != nil || got {
		t.Errorf("no longer registered: %v, %v", got, err)
	}
}

// Of a process with more sets than anybody has, nothing is said.
func TestTooManySets(t *testing.T) {
	if got, err := registered("/proc/self", make([]int, maxSets+1)); !errors.Is(err, errTooMuch) {
		t.Errorf("= %v, %v", got, err)
	}
}

// FuzzMembers: of an fdinfo there are as many members as lines at the most, and what stands
// behind any of them is found.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		"pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t1057\n" +
			"tfd:        5 events:       19 data:                5  pos:0 ino:1f5f sdev:8\n",
		"tfd: 5 ino:\n", "tfd: 5 ino:ffffffffffffffffff sdev:8", "tfd:",
		"pos:\t0\nflags:\t02004002\nmnt_id:\t15\nino:\t1057\neventfd-count:                0\n",
	} {
		f.Add([]byte(seed), uint64(0x1f60))
	}
	f.Fuzz(func(t *testing.T, b []byte, inode uint64) {
		got := appendMembers(nil, b)
		if lines := bytes.Count(b, []byte("tfd:")); len(got) > lines {
			t.Errorf("appendMembers(%q) = %x", b, got)
		}
		const line = "\ntfd: %8d events: %8x data: %16x  pos:%d ino:%x sdev:%x\n"
		more := fmt.Appendf(bytes.Clone(b), line, 6, 0x19, 6, 0, inode, 8)
		if again := appendMembers(nil, more); !slices.Equal(again, append(got, inode)) {
			t.Errorf("appendMembers(%q) = %x, and of %q %x", b, got, more, again)
		}
	})
}
