package kernel

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadTypes: the kernel's own BTF, raw and as a section of an ELF file.
func TestReadTypes(t *testing.T) {
	own, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"raw": own, "ELF": inELF(t, ".BTF", own)} {
		types, err := ReadTypes(saved(t, content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(types.raw, own) {
			t.Errorf("%s: other bytes than the kernel's own", name)
		}
		cache, err := types.cache()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		spec, err := cache.Kernel()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := spec.AnyTypeByName("inet_connection_sock"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadNoTypes(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":           {nil, "neither BTF nor an ELF file"},
		"text":            {[]byte("vmlinux\n"), "neither BTF nor an ELF file"},
		"the magic alone": {[]byte{0x9f, 0xeb, 1, 0}, "BTF header"},
		"ELF without BTF": {inELF(t, ".data", []byte("x")), "has no BTF"},
		"half an ELF":     {[]byte(elf.ELFMAG + "\x02"), "ELF"},
	} {
		path := saved(t, c.content)
		_, err := ReadTypes(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q of %s", name, err, c.want, path)
		}
	}
}

func saved(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "types")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// inELF gives an ELF file with one section beside the names.
func inELF(t *testing.T, section string, content []byte) []byte {
	t.Helper()
	names := "\x00" + section + "\x00.shstrtab\x00"
	head, each := uint64(binary.Size(elf.Header64{})), uint64(binary.Size(elf.Section64{}))
	at := head + 3*each
	var b bytes.Buffer
	for _, part := range []any{
		elf.Header64{
			Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
			Ehsize: uint16(head), Shoff: head, Shentsize: uint16(each), Shnum: 3, Shstrndx: 2,
		},
		elf.Section64{},
		elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: at, Size: uint64(len(content))},
		elf.Section64{
			Name: uint32(2 + len(section)), Type: uint32(elf.SHT_STRTAB),
			Off: at + uint64(len(content)), Size: uint64(len(names)),
		},
		content, []byte(names),
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}
