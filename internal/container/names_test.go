package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func known(id string) listener.Container {
	return listener.Container{Runtime: "x", ID: id, PodUID: "u"}
}

func TestNamesFromLinks(t *testing.T) {
	dir := t.TempDir()
	n := New(Options{Logs: dir})
	defer n.Close()
	first := n.Of(known(id))
	if *first != known(id) {
		t.Errorf("at first %+v", first)
	}
	n.Settle(time.Minute)
	if got := n.Of(known(id)); got != first || n.Learned() != 0 {
		t.Errorf("learned %+v where there is no link", got)
	}
	link(t, dir, "web_shop_proxy-"+id+".log") // the kubelet makes it later
	want := known(id)
	want.Pod, want.Namespace, want.Name = "web", "shop", "proxy"
	for *n.Of(known(id)) != want {
		n.Settle(time.Minute)
		time.Sleep(10 * time.Millisecond)
	}
	if n.Learned() != 1 || n.Of(known(id)) == first || *first != known(id) {
		t.Errorf("learned %d times; what was given first is now %+v", n.Learned(), first)
	}
}

func TestNamesFromARuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		n := New(Options{Ask: func(context.Context, string) (listener.Container, error) {
			asked.Add(1)
			return listener.Container{Runtime: "containerd", ID: id, Pod: "web", Image: "haproxy"}, nil
		}})
		defer n.Close()
		n.Of(known(id))
		n.Settle(time.Minute)
		want := listener.Container{Runtime: "containerd", ID: id, PodUID: "u", Pod: "web", Image: "haproxy"}
		for range 100 {
			if got := n.Of(known(id)); *got != want {
				t.Fatalf("%+v, want %+v", got, want)
			}
			time.Sleep(time.Minute)
		}
		if asked.Load() != 1 {
			t.Errorf("asked %d times about one container", asked.Load())
		}
		// Names of LXC containers and the like are no ids of a runtime's.
		n.Of(listener.Container{ID: "web"})
		n.Settle(time.Minute)
		if asked.Load() != 1 {
			t.Error("asked for a name that is none of a runtime's")
		}
	})
}

// TestUnknownToTheRuntime: asked again, more and more seldom.
func TestUnknownToTheRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		n := New(Options{
			Ask: func(context.Context, string) (listener.Container, error) {
				asked.Add(1)
				return listener.Container{}, fmt.Errorf("no such: %w", fs.ErrNotExist)
			},
			Warn: func(err error) { t.Errorf("warned: %v", err) },
		})
		defer n.Close()
		for range 600 { // as often as a suspect is looked at
			n.Of(known(id))
			time.Sleep(time.Second)
		}
		if got := asked.Load(); got < 10 || got > 20 {
			t.Errorf("asked %d times in ten minutes", got)
		}
	})
}

// TestBrokenRuntime: one that hangs keeps nobody waiting, is told of once, and
// takes no more than one question a round.
func TestBrokenRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, warned atomic.Int64
		var mended atomic.Bool
		n := New(Options{
			Ask: func(ctx context.Context, _ string) (listener.Container, error) {
				asked.Add(1)
				if mended.Load() {
					return listener.Container{Pod: "web"}, nil
				}
				<-ctx.Done()
				return listener.Container{}, ctx.Err()
			},
			Warn: func(error) { warned.Add(1) },
		})
		defer n.Close()
		begun := time.Now()
		for i := range 50 {
			n.Of(known(fmt.Sprintf("%064x", i)))
		}
		if time.Since(begun) != 0 {
			t.Errorf("waited %v", time.Since(begun))
		}
		n.Settle(time.Hour)
		// The first may have gone before the others came.
		if took := time.Since(begun); asked.Load() > 2 || took > 2*patience {
			t.Errorf("asked %d times in %v", asked.Load(), took)
		}
		time.Sleep(time.Minute)
		for i := range 50 {
			n.Of(known(fmt.Sprintf("%064x", i)))
		}
		n.Settle(time.Hour)
		if warned.Load() != 1 {
			t.Errorf("warned %d times", warned.Load())
		}
		mended.Store(true)
		time.Sleep(time.Hour)
		n.Of(known(fmt.Sprintf("%064x", 7)))
		n.Settle(time.Hour)
		if got := n.Of(known(fmt.Sprintf("%064x", 7))); got.Pod != "web" {
			t.Errorf("after it was mended: %+v", got)
		}
	})
}

// TestOneComesWhileAnotherIsLearned, at whatever moment.
func TestOneComesWhileAnotherIsLearned(t *testing.T) {
	ask := func(context.Context, string) (listener.Container, error) { return listener.Container{Pod: "web"}, nil }
	for range 3000 {
		n := New(Options{Ask: ask})
		ids := []string{fmt.Sprintf("%064x", 1), fmt.Sprintf("%064x", 2), fmt.Sprintf("%064x", 3)}
		for _, id := range ids {
			n.Of(known(id))
			runtime.Gosched()
		}
		n.Settle(time.Minute)
		for _, id := range ids {
			if got := n.Of(known(id)); got.Pod != "web" {
				t.Fatalf("%s: %+v", id, got)
			}
		}
		n.Close()
	}
}

// TestForgotten: a host that starts containers for years.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Options{Ask: func(context.Context, string) (listener.Container, error) {
			return listener.Container{}, errors.New("x")
		}})
		defer n.Close()
		for i := range 3 * keep {
			n.Of(known(fmt.Sprintf("%064x", i)))
			n.Settle(time.Hour)
			time.Sleep(time.Second)
		}
		if got := len(n.known); got > keep {
			t.Errorf("remembers %d", got)
		}
	})
}

func TestMergeKeepsWhatIsKnown(t *testing.T) {
	a, b := known(id), listener.Container{ID: strings.Repeat("f", 64), Pod: "web"}
	got := merge(a, b)
	if got.ID != id || got.Runtime != "x" || got.Pod != "web" || got.PodUID != "u" {
		t.Errorf("%+v", got)
	}
}
