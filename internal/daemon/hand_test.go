package daemon

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestWhatAPersonWaitsFor: an act by hand is refused at once for what stays, and not
// before --act-after for what a process may lose that is inert by then.
func TestWhatAPersonWaitsFor(t *testing.T) {
	waited := map[listener.Reason]string{
		listener.TooSoon: "passes", listener.NoSiblingAccepted: "passes",
		listener.Served: "may end", listener.Busy: "may end",
		listener.ServesElsewhere: "may end", listener.AtLimit: "may end",
	}
	for _, row := range listener.Reasons() {
		want := "stays"
		if named, some := waited[row.Reason]; some {
			want = named
		}
		got := "passes"
		switch {
		case endsNever(row.Reason) && maybeEnds(row.Reason):
			got = "both"
		case endsNever(row.Reason):
			got = "stays"
		case maybeEnds(row.Reason):
			got = "may end"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", row.Reason, got, want)
		}
	}
}
