package livetest

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// uringParams is struct io_uring_params, with the offsets that Uring needs.
type uringParams struct {
	entries, cqEntries, flags, cpu, idle, features, wq uint32
	_                                                  [3]uint32
	sq                                                 struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	_ [40]byte // the completion queue's offsets
}

const (
	uringOffSQEs   = 0x10000000
	uringOpPollAdd = 6
	uringSQE       = 64
)

// UringPoll makes an io_uring wait for these events of a descriptor until the
// test ends, as one does that accepts through it. No thread of ours sleeps.
func UringPoll(t testing.TB, fd int, events uint32) {
	t.Helper()
	var p uringParams
	ring, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		t.Fatalf("make an io_uring: %v", errno)
	}
	t.Cleanup(func() { _ = unix.Close(int(ring)) })
	mapped := func(offset int64, size int) []byte {
		t.Helper()
		b, err := unix.Mmap(int(ring), offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			t.Fatalf("map an io_uring: %v", err)
		}
		t.Cleanup(func() { _ = unix.Munmap(b) })
		return b
	}
	queue := mapped(0, int(p.sq.array)+4)
	entry := mapped(uringOffSQEs, uringSQE)

	entry[0] = uringOpPollAdd
	binary.NativeEndian.PutUint32(entry[4:], uint32(fd))
	binary.NativeEndian.PutUint32(entry[28:], events)
	binary.NativeEndian.PutUint32(queue[p.sq.array:], 0)
	binary.NativeEndian.PutUint32(queue[p.sq.tail:], 1)
	if n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, ring, 1, 0, 0, 0, 0); errno != 0 || n != 1 {
		t.Fatalf("submit to an io_uring: %d taken, %v", n, errno)
	}
}
