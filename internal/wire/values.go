package wire

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// stamp is written as [text.Stamp].
type stamp time.Time

func (s stamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(text.Stamp(time.Time(s)))
}

func (s *stamp) UnmarshalJSON(b []byte) error {
	var t time.Time
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	// What this version writes is read again as it is: it has milliseconds, in UTC.
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return fmt.Errorf("%s is in year %d of UTC", b, year)
	}
	*s = stamp(t.Truncate(time.Millisecond).Local()) // as whoever looks for himself sees it
	return nil
}

// seconds are rounded to milliseconds, as far as any clock here goes.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(math.Round(time.Duration(s).Seconds()*1000) / 1000)
}

func (s *seconds) UnmarshalJSON(b []byte) error {
	var v float64
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	switch ms := math.Round(v * 1e3); { // what a duration cannot hold ends where it does
	case ms >= math.MaxInt64/1e6:
		*s = math.MaxInt64
	case ms <= math.MinInt64/1e6:
		*s = math.MinInt64
	default:
		*s = seconds(int64(ms) * 1e6)
	}
	return nil
}

func maybeStamp(t listener.Maybe[time.Time]) listener.Maybe[stamp] {
	if v, known := t.Get(); known && !v.IsZero() {
		return listener.Known(stamp(v))
	}
	return listener.Maybe[stamp]{}
}

// maybeText is null for "".
func maybeText[S ~string](s S) listener.Maybe[string] {
	if s == "" {
		return listener.Maybe[string]{}
	}
	return listener.Known(string(s))
}

// word makes printable what is shown as it is, for whoever looks for himself has it from a
// table of ours: a verdict, a reason. What processes chose is escaped where it is shown.
func word[S ~string](s S) S { return S(text.Printable(string(s))) }

func words[S ~string](all []S) []S {
	out := slices.Clone(all)
	for i := range out {
		out[i] = word(out[i])
	}
	return out
}

// parseAddrPort refuses a zone, which may hold anything, and which no socket has.
func parseAddrPort(s string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(s)
	if err == nil && a.Addr().Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("address %q has a zone", s)
	}
	return a, err
}

func parseCookie(s string) (listener.Cookie, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("cookie %q: %w", s, err)
	}
	return listener.Cookie(n), nil
}

// groupKey makes the members of one group share a key, as the kernel's do.
func groupKey(name string) listener.GroupKey {
	if name == "" {
		return 0
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // never fails
	return listener.GroupKey(h.Sum64() | 1)
}

func timeOf(s listener.Maybe[stamp]) listener.Maybe[time.Time] {
	if v, known := s.Get(); known {
		return listener.Known(time.Time(v))
	}
	return listener.Maybe[time.Time]{}
}

// writeLine writes JSON in ASCII, and ends the line.
func writeLine(w io.Writer, b []byte) error { return writeASCII(w, b, '\n') }

// writeASCII writes JSON in ASCII, and more after it.
func writeASCII(w io.Writer, b []byte, more ...byte) error {
	if _, err := w.Write(append(text.ASCII(b), more...)); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
