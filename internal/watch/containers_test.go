package watch

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/container"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// slowNames learns names only when the test makes it.
type slowNames struct {
	is      map[string]*listener.Container
	learned uint64
	settled int
}

func (n *slowNames) Of(c listener.Container) *listener.Container {
	if n.is[c.ID] == nil {
		n.is[c.ID] = &c
	}
	return n.is[c.ID]
}

func (n *slowNames) Learned() uint64      { return n.learned }
func (n *slowNames) Settle(time.Duration) { n.settled++ }

func (n *slowNames) learn(id, pod string) {
	c := *n.is[id]
	c.Pod = pod
	n.is[id] = &c
	n.learned++
}

// TestNamesComeLater: a look waits for no name. Once a name is learned the next snapshot has
// it, and earlier ones stay as they were.
func TestNamesComeLater(t *testing.T) {
	n := &slowNames{is: make(map[string]*listener.Container)}
	s := &script{looks: []listener.Look{{}, {}, {}}}
	w := New(s, Options{Reader: proc.Direct{FS: proc.New("testdata/none")}, Proc: proc.New("testdata/none"), Names: n})
	if _, err := w.Start(); err != nil || n.settled != 1 {
		t.Fatalf("%v, settled %d times", err, n.settled)
	}
	in := w.procs.withNames(container.In(proc.Cgroups{V2: "/lxc/web"}))
	owners := []listener.Owner{
		{Holder: &listener.Holder{PID: 1}},
		{Holder: &listener.Holder{PID: 2, Container: in}},
	}
	e := &entry{announced: true, l: &listener.Listener{Owners: owners}}
	w.table.entries[1], w.table.order = e, nil
	before := w.snapshot()
	if err := w.Step(); err != nil {
		t.Fatal(err)
	}
	if e.l != before.Listeners[0] {
		t.Error("a listener was replaced though nothing was learned")
	}
	n.learn("web", "pod-1")
	if err := w.Step(); err != nil {
		t.Fatal(err)
	}
	if got := e.l.Owners[1].Container; got.Pod != "pod-1" || e.l.Owners[0].Container != nil {
		t.Errorf("after it was learned: %+v", got)
	}
	if got := before.Listeners[0].Owners[1].Container; got.Pod != "" {
		t.Errorf("an earlier snapshot was changed: %+v", got)
	}
	if n.settled != 1 {
		t.Errorf("a look waited for names")
	}
	if w.procs.withNames(container.In(proc.Cgroups{V2: "/init.scope"})) != nil {
		t.Error("no container is one")
	}
}
