package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// What it takes until the kernel side is there: for `run`, and for one look.
func BenchmarkOpen(b *testing.B) {
	livetest.Root(b)
	for name, opts := range map[string]kernel.Options{
		"attached": {}, "tracepoints": {Tier: tracepoints}, "queues": {Tier: queues}, "look": {LookOnly: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k, err := kernel.Open(opts)
				if err != nil {
					b.Fatal(err)
				}
				if err := k.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
