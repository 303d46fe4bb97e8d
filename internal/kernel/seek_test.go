package kernel_test

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// soughtBy gives who holds these objects.
func soughtBy(t *testing.T, k live, objects ...listener.Key) []listener.Held {
	t.Helper()
	if err := k.Seek(objects); err != nil {
		t.Fatal(err)
	}
	return holdersSought(t, k)
}

func holdersSought(t *testing.T, k live) []listener.Held {
	t.Helper()
	return slices.DeleteFunc(held(t, k), func(h listener.Held) bool { return h.Kind != listener.HeldSought })
}

// testSeek: every holder of both ends of a pipe and of sockets of all kinds is found, with
// the open file that duplicates share, and nobody once it is no longer sought.
func testSeek(t *testing.T, f *field) {
	ns, must := f.netns(t), mustFD(t)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range append(pipe[:], pair[:]...) {
		must(fd, nil)
	}
	var udp int
	ns.Do(func() { udp = must(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)) })
	set := must(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	l := ns.Listen(livetest.Listen{})
	ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	server := l.Take()

	must(unix.FcntlInt(uintptr(pipe[0]), unix.F_DUPFD_CLOEXEC, 3)) // one more of the same open file
	other := livetest.Hold(t, pipe[1], pair[1])
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			held := func(pid, fd int, th listener.Thing) listener.Held {
				return listener.Held{
					Kind: listener.HeldSought, PID: pid, FD: fd, Key: th.Object, File: th.File, Reads: th.Reads, Writes: th.Writes,
				}
			}
			reads, writes := thingOf(t, k, pipe[0]), thingOf(t, k, pipe[1])
			a, b := thingOf(t, k, pair[0]), thingOf(t, k, pair[1])
			want := []listener.Held{
				held(os.Getpid(), pipe[0], reads), held(os.Getpid(), pipe[1], writes),
				held(other.PID, 3, writes),
			}
			if reads.File == writes.File || !reads.Reads || !writes.Writes {
				t.Errorf("the ends of a pipe are %+v and %+v", reads, writes)
			}
			compareHeld(t, "a pipe", want, soughtBy(t, k, reads.Object))
			want = append(want, held(os.Getpid(), pair[0], a), held(os.Getpid(), pair[1], b), held(other.PID, 4, b))
			compareHeld(t, "a pipe and both unix sockets", want, soughtBy(t, k, reads.Object, a.Object, b.Object, 0))
			want = nil
			for _, fd := range []int{udp, set, l.FD, server} {
				want = append(want, held(os.Getpid(), fd, thingOf(t, k, fd)))
			}
			var objects []listener.Key
			for _, h := range want {
				objects = append(objects, h.Key)
			}
			compareHeld(t, "UDP, an epoll set, a listener and a connection", want, soughtBy(t, k, objects...))
			if got := holdersSought(t, k); len(got) != 0 {
				t.Errorf("what is no longer sought is held as %+v", got)
			}
			if err := k.Seek(make([]listener.Key, listener.MaxSought+1)); err == nil {
				t.Error("more is sought than there is room for")
			}
		})
	}

	// A thread with a table of its own reports again what it shares.
	th := livetest.NewThread(t)
	th.Do(func() { err = unix.Unshare(unix.CLONE_FILES) })
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range f.kernels {
		if got := soughtBy(t, k, thingOf(t, k, pipe[0]).Object); len(got) != 3 {
			t.Errorf("%s: with a thread's own table a pipe is held as %+v", k.tier, got)
		}
	}
}
