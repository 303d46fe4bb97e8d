package proc

import (
	"os"
	"testing"
)

// What it costs to ask who an owner is: a census of many owners does little else.
func BenchmarkAsk(b *testing.B) {
	fs, q := New(""), Question{PID: os.Getpid(), What: Names}
	b.ReportAllocs()
	for b.Loop() {
		if a := fs.ask(&q); a.Exe == "" {
			b.Fatal(a)
		}
	}
}
