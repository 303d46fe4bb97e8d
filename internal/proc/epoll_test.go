package proc

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEpollHas(t *testing.T) {
	const fdinfo = "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t1057\n" +
		"tfd:        5 events:       19 data:                5  pos:0 ino:1f5f sdev:8\n" +
		"tfd:        6 events:       19 data:                6  pos:0 ino:1f60 sdev:8\n"
	for inode, want := range map[uint64]bool{0x1f5f: true, 0x1f60: true, 0x1057: false, 1057: false, 0x1f: false} {
		if got := epollHas([]byte(fdinfo), inode); got != want {
			t.Errorf("epollHas(%#x) = %v", inode, got)
		}
	}
}

// A socket of this process in an epoll set of its own, then out of it.
func TestInEpoll(t *testing.T) {
	f := New("")
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
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, pair[0], &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
	if got, err := f.InEpoll(os.Getpid(), st.Ino); err != nil || !got {
		t.Errorf("registered: %v, %v", got, err)
	}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_DEL, pair[0], nil); err != nil {
		t.Fatal(err)
	}
	if got, err := f.InEpoll(os.Getpid(), st.Ino); err != nil || got {
		t.Errorf("no longer registered: %v, %v", got, err)
	}
}
