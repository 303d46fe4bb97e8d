package journal

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf16"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// stamp is RFC 3339 in UTC with milliseconds.
type stamp time.Time

func (s stamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(s).UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}

func (s *stamp) UnmarshalJSON(b []byte) error {
	var t time.Time
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	*s = stamp(t)
	return nil
}

// maybeText is null for "".
func maybeText[S ~string](s S) listener.Maybe[S] {
	if s == "" {
		return listener.Maybe[S]{}
	}
	return listener.Known(s)
}

// asciiLine escapes the rest of JSON, and ends the line: what a process calls itself must
// not reach a terminal raw, nor be changed for a program that reads it.
func asciiLine(b []byte) []byte {
	out := make([]byte, 0, len(b)+1)
	for _, r := range string(b) {
		switch {
		case r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return append(out, '\n')
}
