package proc

import (
	"os"
	"testing"
)

// What it costs to read who an owner is: a census of many owners does little else.
func BenchmarkProcess(b *testing.B) {
	fs, self := New(""), os.Getpid()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fs.Process(self); err != nil {
			b.Fatal(err)
		}
		if _, err := fs.Cgroups(self); err != nil {
			b.Fatal(err)
		}
	}
}
