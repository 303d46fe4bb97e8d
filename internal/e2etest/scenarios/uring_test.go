package scenarios

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is an io_uring of one entry, in which one request at a time is under way.
type ring struct {
	fd             int
	sq, cq, sqe    []byte
	sqTail, cqHead *uint32
	cqTail         *uint32
	cqes           uint32
}

// newRing maps a ring; the offsets are those of struct io_uring_params.
func newRing() (*ring, error) {
	var p [120]byte
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(p[at:]) }
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	r := &ring{fd: int(fd)}
	var err error
	for _, m := range []struct {
		to     *[]byte
		offset int64
	}{{&r.sq, 0}, {&r.cq, 0x8000000}, {&r.sqe, 0x10000000}} {
		if *m.to, err = unix.Mmap(r.fd, m.offset, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			return nil, fmt.Errorf("map an io_uring: %w", err)
		}
	}
	at := func(b []byte, offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&b[offset])) }
	r.sqTail = at(r.sq, word(44))
	*at(r.sq, word(64)) = 0 // the only entry
	r.cqHead, r.cqTail, r.cqes = at(r.cq, word(80)), at(r.cq, word(84)), word(100)
	return r, nil
}

// accept waits in the ring for a connection of the listener.
func (r *ring) accept(l int) (int, error) {
	clear(r.sqe[:64])
	r.sqe[0] = 13 // IORING_OP_ACCEPT
	binary.NativeEndian.PutUint32(r.sqe[4:], uint32(l))
	atomic.AddUint32(r.sqTail, 1)
	submit := uintptr(1)
	for atomic.LoadUint32(r.cqTail) == atomic.LoadUint32(r.cqHead) {
		// IORING_ENTER_GETEVENTS
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), submit, 1, 1, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return -1, fmt.Errorf("io_uring_enter: %w", errno)
		}
		if errno == 0 {
			submit -= min(submit, n)
		}
	}
	result := int32(binary.NativeEndian.Uint32(r.cq[r.cqes+16*(atomic.LoadUint32(r.cqHead)&1)+8:]))
	atomic.AddUint32(r.cqHead, 1)
	if result < 0 {
		return -1, unix.Errno(-result)
	}
	return int(result), nil
}

// uring accepts through an io_uring, and answers each before it accepts another.
func (s *server) uring(l int) error {
	r, err := newRing()
	if err != nil {
		return err
	}
	o := &loop{pause: s.Pause}
	for {
		fd, err := r.accept(l)
		if errors.Is(err, unix.ECANCELED) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		o.talk(fd)
		if s.Then != "" && o.served >= s.Answers {
			return s.Then.become(o, l)
		}
	}
}
