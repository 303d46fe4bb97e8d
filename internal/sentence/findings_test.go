package sentence

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
)

func TestPrivileges(t *testing.T) {
	l := listenertest.Full().Listener
	for want, change := range map[string]func(){
		"it was root then and is now: it never dropped its privileges": func() {},
		"it was uid 0 then and is uid 104 now":                         func() { l.Owners[0].UID = 104 },
		"":                                                             func() { l.Owners = l.Owners[1:] },
	} {
		l = listenertest.Full().Listener
		change()
		if got := Privileges(l); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
