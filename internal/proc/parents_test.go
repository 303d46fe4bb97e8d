package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

func TestParents(t *testing.T) {
	odd := fakeProc(t, map[string]string{
		"1/stat": childOf(0), "10/stat": childOf(1), "10/status": statusText, // pid 1 hides its status
		"11/stat": childOf(10),
		"13/stat": childOf(99), "14/stat": childOf(13), // 99 is hidden
		"20/stat": childOf(21), "21/stat": childOf(20), // a loop
	})
	for _, tc := range []struct {
		f    FS
		pid  int
		want []Parent
	}{
		{New("testdata/proc"), 4712, []Parent{
			{PID: 4711, Comm: "haproxy", UID: 99, UIDKnown: true},
			{PID: 400, Comm: "containerd-shim", UIDKnown: true},
			{PID: 1, Comm: "systemd", UIDKnown: true},
		}},
		{New("testdata/proc"), 1, nil},
		{odd, 11, []Parent{{PID: 10, Comm: "x", UID: 1, UIDKnown: true}, {PID: 1, Comm: "x"}}},
		{odd, 14, []Parent{{PID: 13, Comm: "x"}, {PID: 99}}},
		{odd, 20, []Parent{{PID: 21, Comm: "x"}}},
	} {
		if got, err := tc.f.Parents(tc.pid); err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("Parents(%d) = %+v, %v\nwant %+v", tc.pid, got, err, tc.want)
		}
	}
	got, err := odd.Parents(30)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "parents of pid 30: read "+odd.path("30/stat")) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", got, err)
	}
}

func TestParentsBounded(t *testing.T) {
	files := map[string]string{"1/stat": childOf(0)}
	for pid := 2; pid <= 50; pid++ {
		files[fmt.Sprintf("%d/stat", pid)] = childOf(pid - 1)
	}
	got, err := fakeProc(t, files).Parents(50)
	if err != nil || len(got) != maxParents || got[0].PID != 49 || got[maxParents-1].PID != 50-maxParents {
		t.Errorf("= %+v, %v", got, err)
	}
}

// The parent ends between two reads, and the child is given another.
func TestParentsParentEnds(t *testing.T) {
	f := fakeProc(t, map[string]string{"1/stat": childOf(0), "10/stat": ""})
	duringRead(t, f.path("10/stat"), childOf(20), func() { put(t, f.path("10/stat"), childOf(1)) })
	if got, err := f.Parents(10); err != nil || !reflect.DeepEqual(got, []Parent{{PID: 1, Comm: "x"}}) {
		t.Errorf("Parents = %+v, %v; want pid 1 alone", got, err)
	}
}
