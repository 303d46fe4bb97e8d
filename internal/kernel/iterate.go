package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"unsafe"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/netns"
)

// eachNetns runs a socket iterator in each network namespace, as iterate does. A namespace
// that cannot be entered, because it went away or for any other reason, is skipped, and
// what it alone has stays unseen. It is an error only if none can be entered.
func (k *Kernel) eachNetns(program string, row []byte, each func()) error {
	all, err := k.network()
	if err != nil {
		return err
	}
	if failed := k.inEach(all, program, row, each); len(failed) > 0 && len(failed) == len(all) {
		return errors.Join(failed...)
	}
	return nil
}

// inEach runs a socket iterator in each of these namespaces, and gives the errors of those
// where it failed, but for namespaces that went away.
func (k *Kernel) inEach(all []netns.Namespace, program string, row []byte, each func()) (failed []error) {
	for i := range all {
		err := k.iterate(program, &all[i], row, each)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			failed = append(failed, err)
		}
	}
	return failed
}

// iterate opens an iterator, in a network namespace unless that is nil, reads every record
// that it writes into row, and calls each after it. Both are nil for a program that writes
// nothing.
func (k *Kernel) iterate(program string, in *netns.Namespace, row []byte, each func()) error {
	return read(k.iters[program], program, in, row, each)
}

func read(it *link.Iter, program string, in *netns.Namespace, row []byte, each func()) error {
	var rd io.ReadCloser
	open := func() (err error) {
		rd, err = it.Open()
		return err
	}
	var err error
	if in == nil {
		err = open()
	} else {
		err = in.Do(open)
	}
	if err != nil {
		return fmt.Errorf("open iterator %s: %w", program, err)
	}
	defer rd.Close()
	if row == nil {
		_, err = io.Copy(io.Discard, onward{rd})
	}
	for records := bufio.NewReaderSize(onward{rd}, iterBuffer); row != nil && err == nil; {
		if _, err = io.ReadFull(records, row); err == nil {
			each()
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read iterator %s: %w", program, err)
	}
	return nil
}

// onward reads again where the kernel wants to be asked again: after a million objects
// without a record (MAX_ITER_OBJECTS of kernel/bpf/bpf_iter.c), such as the duplicates of a
// descriptor.
type onward struct{ io.Reader }

func (o onward) Read(b []byte) (int, error) {
	for {
		n, err := o.Reader.Read(b)
		if n > 0 || !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
	}
}

// iterBuffer is how much the kernel gives at once.
const iterBuffer = 32 << 10

// memoryOf gives the bytes of v. The types of records are generated from those of the
// programs, with their padding.
func memoryOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
