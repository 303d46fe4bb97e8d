package livetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Dead is a mounted file system whose server dies when somebody enters the
// folder Jail, by chdir(2) or chroot(2), polls the file Polled, or closes the file
// Flushed: whoever did, and whoever then asks anything of the file system, is in
// state D and survives SIGKILL, until Release. Until then all can be looked at, and
// the files be opened.
//
// It is mounted nowhere: a descriptor of the test's holds it, so nobody comes
// upon it, and it goes with the test's process however that ends.
type Dead struct {
	// Good for every process that may look at the test's descriptors.
	Jail, Polled, Flushed string

	t     testing.TB
	fuse  int // the server's side, /dev/fuse
	mount int
	alarm alarm
	done  chan struct{} // closed when nobody serves it any more
	once  sync.Once
	stuck atomic.Int32
	mu    sync.Mutex
	asked map[int]int // by pid
}

// AskedBy is how often a process asked anything of the file system so far.
func (d *Dead) AskedBy(pid int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[pid]
}

func (d *Dead) note(pid int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[pid]++
}

// Stuck is how many wait for an answer that will not come. A request that was
// not even read would not keep its process from dying of SIGKILL.
func (d *Dead) Stuck() int { return int(d.stuck.Load()) }

// DeadMount makes such a file system, which lasts as long as the test. What it
// got stuck must be released before the test can wait for its end.
func DeadMount(t testing.TB) *Dead {
	t.Helper()
	Root(t)
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("open /dev/fuse: %v", err)
	}
	mount, err := mountFUSE(fuse)
	if err != nil {
		_ = unix.Close(fuse)
		t.Fatalf("mount a file system: %v", err)
	}
	d := &Dead{
		Jail:    fmt.Sprintf("/proc/%d/fd/%d/%s", os.Getpid(), mount, fuseJail),
		Polled:  fmt.Sprintf("/proc/%d/fd/%d/%s", os.Getpid(), mount, fusePolled),
		Flushed: fmt.Sprintf("/proc/%d/fd/%d/%s", os.Getpid(), mount, fuseFlushed),
		t:       t, asked: make(map[int]int), fuse: fuse, mount: mount, alarm: newAlarm(t), done: make(chan struct{}),
	}
	go d.serve()
	t.Cleanup(d.Release)
	// The answer to this also tells the kernel how to wait: see answer.
	if st, err := os.Stat(d.Jail); err != nil || !st.IsDir() {
		t.Fatalf("a file system of the test's own: %v, %v", st, err)
	}
	return d
}

// mountFUSE mounts what is served through a descriptor of /dev/fuse.
func mountFUSE(fuse int) (int, error) {
	fs, err := unix.Fsopen("fuse", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(fs)
	for _, o := range [][2]string{
		{"source", "dead"}, {"fd", strconv.Itoa(fuse)}, {"rootmode", "40000"}, {"user_id", "0"}, {"group_id", "0"},
	} {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return -1, fmt.Errorf("option %s: %w", o[0], err)
		}
	}
	if err := unix.FsconfigSetFlag(fs, "allow_other"); err != nil {
		return -1, fmt.Errorf("option allow_other: %w", err)
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("fsconfig: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return -1, fmt.Errorf("fsmount: %w", err)
	}
	return mount, nil
}

// Release ends the file system: what is stuck in it gets an error, or dies of
// the SIGKILL that it was sent. The end of the test does so too.
func (d *Dead) Release() {
	d.once.Do(func() {
		d.alarm.ring(d.t)
		<-d.done
		// Its last descriptor gone, the kernel gives up whatever waits for an answer.
		_ = unix.Close(d.fuse)
		_ = unix.Close(d.mount)
		_ = unix.Close(d.alarm.fd)
	})
}

// serve reads every request, the dead server's too: one that has been read
// cannot be taken back, so not even SIGKILL ends the wait for its answer.
func (d *Dead) serve() {
	defer close(d.done)
	buf := make([]byte, 8192) // the least that the kernel takes
	for dead := false; ; {
		set := []unix.PollFd{{Fd: int32(d.fuse), Events: unix.POLLIN}, {Fd: int32(d.alarm.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(set, -1); err != nil && !errors.Is(err, unix.EINTR) {
			d.t.Errorf("poll: %v", err)
			return
		}
		if set[1].Revents != 0 {
			return
		}
		n, err := unix.Read(d.fuse, buf)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT): // ENOENT: taken back
			continue
		case err != nil:
			d.t.Errorf("read from /dev/fuse: %v", err)
			return
		}
		d.note(int(binary.LittleEndian.Uint32(buf[32:])))
		switch op := binary.LittleEndian.Uint32(buf[4:]); {
		case op == fuseForget, op == fuseBatchForget, op == fuseInterrupt: // they want no answer
		case dead, op == fuseAccess, op == fusePoll,
			op == fuseFlush && binary.LittleEndian.Uint64(buf[16:]) == fuseFlushedNode:
			dead = true
			d.stuck.Add(1)
		default:
			d.answer(buf[:n])
		}
	}
}

// Of include/uapi/linux/fuse.h: operations, sizes of structures, and the bit
// that makes the id of a request that of its interruption.
const (
	fuseLookup      = 1
	fuseForget      = 2
	fuseGetattr     = 3
	fuseOpen        = 14
	fuseFlush       = 25
	fuseInit        = 26
	fuseAccess      = 34 // what chdir and chroot ask and stat does not
	fuseInterrupt   = 36
	fusePoll        = 40
	fuseBatchForget = 42

	fuseInHeader = 40
	fuseInitOut  = 64
	fuseAttrOut  = 104
	fuseEntryOut = 128
	fuseOpenOut  = 16

	fuseInterrupted = 1
)

// What is in the root folder, which is node 1.
const (
	fuseJail    = "jail"
	fusePolled  = "polled"
	fuseFlushed = "flushed"

	fuseJailNode    = 2
	fusePolledNode  = 3
	fuseFlushedNode = 4
)

// answer answers one request. Nothing in an answer may be cached.
func (d *Dead) answer(request []byte) {
	le := binary.LittleEndian // the kernel's own order, here x86-64's and arm64's
	id, node, body := le.Uint64(request[8:]), le.Uint64(request[16:]), request[fuseInHeader:]
	switch le.Uint32(request[4:]) {
	case fuseInit:
		out := make([]byte, fuseInitOut)
		le.PutUint32(out, 7)
		le.PutUint32(out[4:], 31)
		le.PutUint32(out[20:], 4096) // max_write
		d.write(id, 0, out)
	case fuseLookup:
		// No interruptions: the kernel then waits in state D from the start, and
		// not only after a first signal.
		d.write(id|fuseInterrupted, unix.ENOSYS, nil)
		nodes := map[string]uint64{fuseJail: fuseJailNode, fusePolled: fusePolledNode, fuseFlushed: fuseFlushedNode}
		found, known := nodes[string(bytes.TrimRight(body, "\x00"))]
		if node != 1 || !known {
			d.write(id, unix.ENOENT, nil)
			return
		}
		out := make([]byte, fuseEntryOut)
		le.PutUint64(out, found)
		fuseAttr(out[40:], found)
		d.write(id, 0, out)
	case fuseGetattr:
		out := make([]byte, fuseAttrOut)
		fuseAttr(out[16:], node)
		d.write(id, 0, out)
	case fuseOpen:
		d.write(id|fuseInterrupted, unix.ENOSYS, nil)
		d.write(id, 0, make([]byte, fuseOpenOut))
	default:
		d.write(id, unix.ENOSYS, nil)
	}
}

// fuseAttr fills in a struct fuse_attr.
func fuseAttr(attr []byte, inode uint64) {
	mode, links := uint32(unix.S_IFDIR|0o755), uint32(2)
	if inode > fuseJailNode {
		mode, links = unix.S_IFREG|0o666, 1
	}
	binary.LittleEndian.PutUint64(attr, inode)
	binary.LittleEndian.PutUint32(attr[60:], mode)
	binary.LittleEndian.PutUint32(attr[64:], links)
}

// write sends an answer with its struct fuse_out_header.
func (d *Dead) write(id uint64, failed unix.Errno, body []byte) {
	le := binary.LittleEndian
	out := make([]byte, 16, 16+len(body))
	le.PutUint32(out, uint32(16+len(body)))
	le.PutUint32(out[4:], uint32(-int32(failed)))
	le.PutUint64(out[8:], id)
	// ENOENT: who asked has gone.
	if _, err := unix.Write(d.fuse, append(out, body...)); err != nil && !errors.Is(err, unix.ENOENT) {
		d.t.Errorf("write to /dev/fuse: %v", err)
	}
}
