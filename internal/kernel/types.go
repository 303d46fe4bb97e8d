package kernel

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/cilium/ebpf/btf"
)

// Types are a copy of the kernel's BTF, for hosts whose /sys does not show it.
type Types struct {
	path string
	raw  []byte // the programs may be loaded anew when the file has gone
}

// ReadTypes reads a copy of /sys/kernel/btf/vmlinux, or an ELF file with a section of it,
// such as vmlinux.
func ReadTypes(path string) (*Types, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := readBTF(f)
	if err != nil {
		return nil, fmt.Errorf("read kernel types from %s: %w", path, err)
	}
	if _, err := btf.LoadSpecFromReader(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("read kernel types from %s: %w", path, err)
	}
	return &Types{path: path, raw: raw}, nil
}

func readBTF(f *os.File) ([]byte, error) {
	magic := make([]byte, len(elf.ELFMAG))
	_, err := io.ReadFull(f, magic)
	switch {
	case err == nil && string(magic) == elf.ELFMAG:
		return readSection(f)
	case err == nil && (bytes.HasPrefix(magic, []byte{0x9f, 0xeb}) || bytes.HasPrefix(magic, []byte{0xeb, 0x9f})):
		rest, err := io.ReadAll(f)
		return append(magic, rest...), err
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it is neither BTF nor an ELF file with BTF")
	default:
		return nil, err
	}
}

func readSection(f *os.File) ([]byte, error) {
	file, err := elf.NewFile(f)
	if err != nil {
		return nil, fmt.Errorf("ELF: %w", err)
	}
	section := file.Section(".BTF")
	if section == nil {
		return nil, errors.New("this ELF file has no BTF")
	}
	return section.Data()
}

// types gives the kernel's types, which are decoded when they are needed.
func (o *Options) types() (*btf.Cache, error) {
	if o.decoded != nil {
		return o.decoded, nil
	}
	return o.Types.cache()
}

// cache gives the library the types: for nil the kernel's own.
//
// The library finds those in /sys alone. The types that a program is relocated against can
// be given beside it (ProgramOptions.KernelTypes), but not those that it attaches to, and
// they must be the same. So the types of a file are put where the library would keep the
// kernel's own.
func (t *Types) cache() (*btf.Cache, error) {
	cache := btf.NewCache()
	if t == nil {
		return cache, nil
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(t.raw))
	if err != nil {
		return nil, fmt.Errorf("read kernel types from %s: %w", t.path, err)
	}
	kept := reflect.ValueOf(cache).Elem().FieldByName("kernelTypes")
	if !kept.IsValid() || kept.Type() != reflect.TypeFor[*btf.Spec]() {
		return nil, errors.New("this build cannot take kernel types from a file: its BPF library keeps them elsewhere")
	}
	reflect.NewAt(kept.Type(), kept.Addr().UnsafePointer()).Elem().Set(reflect.ValueOf(spec))
	return cache, nil
}
