package kernel_test

import (
	"fmt"
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// What one look costs: the walk in the kernel and the reading of what it gave.
func BenchmarkLook(b *testing.B) {
	for _, idle := range []int{0, 1000, 10_000} {
		ns := livetest.Netns(b)
		for range idle {
			ns.Listen(livetest.Listen{})
		}
		k, err := kernel.Open(kernel.Options{
			Capacity: idle + idle/4, Namespaces: livetest.Only(ns),
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := k.Enter(); err != nil {
			b.Fatal(err)
		}
		if _, err := k.Look(listener.LookAll); err != nil {
			b.Fatal(err)
		}
		for _, depth := range []listener.Depth{listener.LookQuick, listener.LookAll} {
			b.Run(fmt.Sprintf("idle=%d/depth=%d", idle, depth), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := k.Look(depth); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		if err := k.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
