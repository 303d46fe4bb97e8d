package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseLocks(t *testing.T) {
	const in = `1: POSIX  ADVISORY  WRITE 700 fe:00:1234 0 EOF
1: -> POSIX  ADVISORY  WRITE 701 fe:00:1234 0 EOF
1:  -> POSIX  ADVISORY  READ 702 fe:00:1234 0 EOF
2: OFDLCK ADVISORY  WRITE -1 fe:00:9 0 EOF
2: -> OFDLCK ADVISORY  WRITE 703 fe:00:9 0 EOF
3: FLOCK  ADVISORY  WRITE 704 fe:00:10 0 EOF
4: -> FLOCK  ADVISORY  WRITE 705 fe:00:11 0 EOF
nonsense
5: FLOCK  ADVISORY  WRITE x fe:00:11 0 EOF
`
	want := []Lock{{"POSIX", 701, 700}, {"POSIX", 702, 700}, {"OFDLCK", 703, -1}}
	if got := parseLocks([]byte(in)); !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, want %+v", got, want)
	}
}

// Who waits for a lock that this process has.
func TestLocksLive(t *testing.T) {
	path := t.TempDir() + "/lock"
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	again, err := os.Open(path) // of whose own locks this process must wait for the first
	if err != nil {
		t.Fatal(err)
	}
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(again.Fd()), unix.LOCK_EX) }()
	t.Cleanup(func() {
		if err := errors.Join(unix.Flock(int(file.Fd()), unix.LOCK_UN), <-locked, again.Close()); err != nil {
			t.Error(err)
		}
	})
	r := readerOf(t, "/proc")
	eventually(t, "somebody waits for it", func() bool {
		a := r.Read([]Question{{What: Locks}}, long)[0]
		return a.LocksKnown && slices.Contains(a.Locks, Lock{"FLOCK", os.Getpid(), os.Getpid()})
	})
}

// FuzzParseLocks: who waits has a line of his own, and one that waits for a lock that is
// there is found, whatever stands before.
func FuzzParseLocks(f *testing.F) {
	for _, seed := range []string{
		"1: POSIX  ADVISORY  WRITE 700 fe:00:1234 0 EOF\n1: -> POSIX  ADVISORY  WRITE 701 fe:00:1234 0 EOF\n",
		"2: OFDLCK ADVISORY  WRITE -1 fe:00:9 0 EOF\n2: -> OFDLCK ADVISORY  WRITE 703 fe:00:9 0 EOF\n",
		"1: LEASE  ACTIVE    READ 700 fe:00:1 0 EOF\n", "4: -> FLOCK\n", "->\n",
	} {
		f.Add([]byte(seed), 704, 705)
	}
	f.Fuzz(func(t *testing.T, b []byte, holder, waiter int) {
		got := parseLocks(b)
		if lines := bytes.Count(b, []byte("->")); len(got) > lines {
			t.Errorf("parseLocks(%q) = %+v", b, got)
		}
		const held = "\n%d: FLOCK  ADVISORY  WRITE %d fe:00:10 0 EOF\n"
		const blocked = "%[1]d: -> FLOCK  ADVISORY  WRITE %[3]d fe:00:10 0 EOF\n"
		more := fmt.Appendf(bytes.Clone(b), held+blocked, 9, holder, waiter)
		if again := parseLocks(more); !slices.Equal(again, append(got, Lock{"FLOCK", waiter, holder})) {
			t.Errorf("parseLocks(%q) = %+v, and of %q %+v", b, got, more, again)
		}
	})
}
