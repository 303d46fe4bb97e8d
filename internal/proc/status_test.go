package proc

import (
	"strings"
	"testing"
)

func TestParseStatus(t *testing.T) {
	const uid = "Uid:\t0\t99\t1\t2\n"
	for _, tc := range []struct {
		name, in string
		want     status
		err      string
	}{
		{"all", "Name:\tx\nTracerPid:\t12\n" + uid + "NSpid:\t4711\t20\t7\n", status{uid: 99, nsPID: 7, tracerPID: 12}, ""},
		{"no pid namespaces", uid, status{uid: 99}, ""},
		{"NSpid empty", uid + "NSpid:\n", status{uid: 99}, ""},
		{"name like a line", "Name:\tx\\nUid:\t5\t5\n" + uid, status{uid: 99}, ""},
		{"largest uid, no newline", "no colon\nUid:\t0\t4294967295", status{uid: 4294967295}, ""},
		{"no uid", "Name:\tx\n", status{}, "no Uid line"},
		{"empty", "", status{}, "no Uid line"},
		{"short uid", "Uid:\t0\n", status{}, "Uid: 1 values"},
		{"bad uid", "Uid:\t0\t-1\n", status{}, "Uid: "},
		{"bad NSpid", uid + "NSpid:\tx\n", status{}, "NSpid: "},
		{"bad TracerPid", uid + "TracerPid:\t\n", status{}, "TracerPid: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseStatus([]byte(tc.in))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("= %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
}

// FuzzParseStatus: what is refused gives nothing, and no name, as the kernel escapes it,
// changes what the other lines say.
func FuzzParseStatus(f *testing.F) {
	seedFiles(f, "status")
	f.Add([]byte("x\nUid:\t5\t5\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := parseStatus(b); err != nil && got != (status{}) {
			t.Errorf("parseStatus(%q) = %+v, and %v", b, got, err)
		}
		name := strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(string(b))
		text := "Name:\t" + name + "\nTracerPid:\t12\nUid:\t0\t99\t1\t2\nNSpid:\t4711\t7\n"
		if got, err := parseStatus([]byte(text)); err != nil || got != (status{uid: 99, nsPID: 7, tracerPID: 12}) {
			t.Errorf("parseStatus(%q) = %+v, %v", text, got, err)
		}
	})
}
