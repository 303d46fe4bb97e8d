package kernel_test

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// testAsync: O_ASYNC is seen on every kind of thing, by whichever descriptor has it.
func testAsync(t *testing.T, f *field) {
	must := mustFD(t)
	path := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	first := must(unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0))
	second := must(unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0))
	copied := must(unix.FcntlInt(uintptr(second), unix.F_DUPFD_CLOEXEC, 3))
	path1 := must(unix.Open("/proc/self/fd/"+strconv.Itoa(first), unix.O_PATH|unix.O_CLOEXEC, 0))
	other := must(unix.InotifyInit1(unix.IN_CLOEXEC))
	socket := must(unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))
	things := func(k live, fd int) (found []listener.Thing) {
		all, _, err := k.Things([]int{os.Getpid()})
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(all, func(th listener.Thing) bool { return th.FD != fd })
	}
	for _, k := range f.kernels {
		if th := things(k, first); len(th) != 1 || th[0].Async || th[0].File == 0 {
			t.Errorf("%s: a FIFO is %+v", k.tier, th)
		}
		for _, fd := range []int{second, copied, path1, other} {
			if th := things(k, fd); len(th) != 0 {
				t.Errorf("%s: told of twice, or of nothing: %+v", k.tier, th)
			}
		}
		if th := things(k, socket); len(th) != 1 || th[0].Async {
			t.Errorf("%s: a socket is %+v", k.tier, th)
		}
	}
	for _, fd := range []int{second, other, socket} {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_ASYNC); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range f.kernels {
		if th := things(k, first); len(th) != 1 || !th[0].Async || th[0].Kind != listener.ThingPipe {
			t.Errorf("%s: a FIFO that was opened twice, the second time with O_ASYNC, is %+v", k.tier, th)
		}
		if th := things(k, other); len(th) != 1 || !th[0].Async || th[0].Kind != listener.ThingOther {
			t.Errorf("%s: an inotify descriptor with O_ASYNC is %+v", k.tier, th)
		}
		if th := things(k, socket); len(th) != 1 || !th[0].Async || th[0].Kind != listener.ThingUnix {
			t.Errorf("%s: a socket with O_ASYNC is %+v", k.tier, th)
		}
	}
}
