package top

import (
	"strconv"
	"strings"

	"github.com/reusewatch/reusewatch/internal/text"
)

// filter chooses listeners by words that all must occur somewhere. The zero
// filter chooses all.
type filter struct{ words []string }

func newFilter(s string) *filter { return &filter{strings.Fields(strings.ToLower(s))} }

func (f *filter) match(it *item) bool {
	for _, w := range f.words {
		if !occurs(it, w) {
			return false
		}
	}
	return true
}

// occurs looks for a word in what the list shows of a listener.
func occurs(it *item, word string) bool {
	in := func(s string) bool { return strings.Contains(strings.ToLower(text.Printable(s)), word) }
	j := it.j
	if in(it.past.addr) || in(string(j.Verdict)) || in(string(j.Cause)) || in(finding(j)) || in(j.NetnsName) ||
		strconv.FormatUint(uint64(j.Netns), 10) == word || j.Cookie.String() == word {
		return true
	}
	for i := range j.Owners {
		o := &j.Owners[i]
		if in(o.Comm) || in(o.User) || strings.HasPrefix(strconv.Itoa(o.PID), word) {
			return true
		}
		if c := o.Container; c != nil && (in(c.ID) || in(c.Pod) || in(c.Namespace) || in(c.Name)) {
			return true
		}
	}
	return false
}
