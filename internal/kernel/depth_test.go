package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// A quick look skips idle listeners, and misses nothing that happened.
func testDepth(t *testing.T, f *field) {
	const quick, full, all = listener.LookQuick, listener.LookFull, listener.LookAll
	ns := f.netns(t)
	for _, k := range f.ticking() {
		if _, err := k.Look(full); err != nil {
			t.Fatal(err)
		}
	}
	l := ns.Listen(livetest.Listen{Backlog: 5})
	queued := 0
	connect := func() {
		ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
		queued++
		livetest.AwaitQueue(1, l)
	}
	steps := []struct {
		name  string
		do    func()
		depth listener.Depth
		there bool
		queue uint32
	}{
		{"it was born", func() {}, quick, true, 0},
		{"idle", func() {}, quick, false, 0},
		{"idle, looked at", func() {}, full, false, 0},
		{"idle, asked for", func() {}, all, true, 0},
		{"one came", connect, quick, true, 1},
		{"it waits", func() {}, quick, true, 1},
		{"it was accepted", l.Accept, quick, true, 0},
		{"idle again", func() {}, quick, false, 0},
		{"one came and was accepted", func() { connect(); l.Accept() }, quick, true, 0},
		{"idle for the third time", func() {}, quick, false, 0},
		{"another backlog", func() { relisten(t, l, 9) }, full, true, 0},
		{"the same backlog", func() { relisten(t, l, 9) }, full, false, 0},
		{"it listens no more", l.Shutdown, all, false, 0},
	}
	for _, s := range steps {
		s.do()
		for _, k := range f.ticking() {
			got, err := k.Look(s.depth)
			if err != nil {
				t.Fatal(err)
			}
			sample, there := byInode(got)[l.Inode]
			if there != s.there || sample.Queue != s.queue || got.Complete != (s.depth == all) {
				t.Errorf("%s, %s: there is %v with %d waiting, complete %v; want %v, %d",
					k.tier, s.name, there, sample.Queue, got.Complete, s.there, s.queue)
			}
			if n := sample.Queued.Or(0); there && int(n) != queued {
				t.Errorf("%s, %s: %d queued, want %d", k.tier, s.name, n, queued)
			}
		}
	}
}
