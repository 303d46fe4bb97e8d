package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// vmlinux is the kernel's own BTF below /sys.
const vmlinux = "kernel/btf/vmlinux"

// errNoTypes says that the kernel was built without BTF.
var errNoTypes = errors.New("this kernel was built without BTF")

// ownTypes reads the kernel's own BTF where /sys shows it, and else asks the kernel,
// which answers root alone.
func (f hostFS) ownTypes() ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(f.sys, vmlinux))
	if errors.Is(err, os.ErrNotExist) {
		return f.askTypes()
	}
	return raw, err
}

func askTypes() ([]byte, error) {
	// The kernel reads its types when it first verifies a program.
	first, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SocketFilter, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for its types: %w", err)
	}
	defer first.Close()
	h, err := btf.FindHandle((*btf.HandleInfo).IsVmlinux)
	if errors.Is(err, btf.ErrNotFound) {
		return nil, errNoTypes
	}
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for its types: %w", err)
	}
	defer h.Close()
	size, err := rawTypes(h.FD(), nil)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	_, err = rawTypes(h.FD(), raw)
	return raw, err
}

// rawTypes copies the bytes of a BTF descriptor and says how many there are; the library
// only gives them decoded.
func rawTypes(fd int, to []byte) (size uint32, err error) {
	info := struct { // struct bpf_btf_info, include/uapi/linux/bpf.h
		btf     unsafe.Pointer
		size    uint32
		id      uint32
		name    unsafe.Pointer
		nameLen uint32
		kernel  uint32
	}{btf: unsafe.Pointer(unsafe.SliceData(to)), size: uint32(len(to))}
	attr := struct {
		fd   uint32
		size uint32
		info unsafe.Pointer
	}{uint32(fd), uint32(unsafe.Sizeof(info)), unsafe.Pointer(&info)}
	_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_OBJ_GET_INFO_BY_FD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return 0, fmt.Errorf("ask the kernel for its types: %w", errno)
	}
	return info.size, nil
}
