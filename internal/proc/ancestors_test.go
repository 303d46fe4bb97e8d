package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

func childOf(ppid int) string {
	return "0 (x) " + strings.Replace(behindName, "S 400", fmt.Sprintf("S %d", ppid), 1)
}

func TestAncestors(t *testing.T) {
	golden := New("testdata/proc")
	odd := fakeProc(t, map[string]string{
		"10/stat": childOf(11), "11/stat": childOf(10), "12/stat": childOf(12), // loops
		"13/stat": childOf(99), // its parent is never there
		"14/stat": "nonsense",
	})
	for _, tc := range []struct {
		f    FS
		pid  int
		want []int
		err  string
	}{
		{golden, 4712, []int{4711, 400, 1}, ""},
		{golden, 41, []int{2}, ""},
		{golden, 1, nil, ""},
		{odd, 10, []int{11}, ""},
		{odd, 12, nil, ""},
		{odd, 13, nil, "ancestors of pid 13: read " + odd.Root() + "/99/stat: no such file"},
		{odd, 14, nil, "ancestors of pid 14: parse " + odd.Root() + "/14/stat"},
		{odd, 15, nil, "ancestors of pid 15: read " + odd.Root() + "/15/stat: no such file"},
	} {
		got, err := tc.f.Ancestors(tc.pid)
		if tc.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
				t.Errorf("Ancestors(%d): error %v, want %s…", tc.pid, err, tc.err)
			}
			if errors.Is(err, fs.ErrNotExist) != strings.Contains(tc.err, "no such file") {
				t.Errorf("Ancestors(%d): %v", tc.pid, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("Ancestors(%d) = %v, %v; want %v", tc.pid, got, err, tc.want)
		}
	}
}

// The parent ends between two reads, and the child is given another.
func TestAncestorsParentEnds(t *testing.T) {
	f := fakeProc(t, map[string]string{"1/stat": childOf(0), "10/stat": ""})
	duringRead(t, f.path("10/stat"), childOf(20), func() { put(t, f.path("10/stat"), childOf(1)) })
	if got, err := f.Ancestors(10); err != nil || !reflect.DeepEqual(got, []int{1}) {
		t.Errorf("Ancestors = %v, %v; want [1]", got, err)
	}
}
