package judge

import (
	"reflect"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestMemory: the remembered judgements of a list that does not change are those of a judge
// without a memory, but for their time.
func TestMemory(t *testing.T) {
	accepting := alive()
	accepting.LastAccept = listener.Rarely(instant().Add(-30 * time.Second))
	idle := member(3, alivePID)
	idle.Group = 0
	mixed := member(4, alivePID)
	mixed.Group, mixed.Owners[0].Exe = group+1, "/usr/sbin/nginx"
	other := member(5, deafPID)
	other.Group = group + 1
	// Two users share a group, one of whose members has listened for a second only.
	root := member(6, deafPID)
	root.Group = group + 2
	young := member(7, alivePID)
	young.Group, young.ListenedAt, young.Owners[0].UID = group+2, listener.Rarely(instant().Add(-time.Second)), 33
	for _, c := range []struct {
		name   string
		ls     []*listener.Listener
		reused bool
	}{
		{"idle", []*listener.Listener{idle}, true},
		{"accepting, for half a minute", []*listener.Listener{accepting, idle}, true},
		{"somebody waits", []*listener.Listener{deaf(), accepting}, false},
		{"mixed", []*listener.Listener{mixed, other}, false},
		{"mixed, once both are settled", []*listener.Listener{root, young}, true},
		{"nobody", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Memory
			reused := false
			s := snapshot(c.ls...)
			for range 150 {
				got, same := m.Judge(s, testPolicy(), &Past{})
				reused = reused || same
				want := Judge(s, testPolicy(), &Past{})
				for i := range got {
					if got[i].At.After(s.Time) {
						t.Errorf("judged at %s, before it was seen", got[i].At)
					}
					want[i].At = got[i].At
				}
				if !reflect.DeepEqual(want, got) {
					t.Fatalf("%s after the first look: %+v, want %+v", s.Time.Sub(instant()), got, want)
				}
				next := *s
				next.Time = s.Time.Add(time.Second)
				s = &next
			}
			if reused != c.reused {
				t.Errorf("reused is %v, want %v", reused, c.reused)
			}
			one := *s
			one.Listeners = append([]*listener.Listener{member(9, 9)}, c.ls...)
			if got, same := m.Judge(&one, testPolicy(), &Past{}); same || len(got) != len(one.Listeners) {
				t.Errorf("of another list it says the same: %v, %d judgements", same, len(got))
			}
		})
	}
}
