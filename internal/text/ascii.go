package text

import (
	"fmt"
	"slices"
	"unicode/utf16"
)

// ASCII escapes the rest of JSON: what a process calls itself must not reach a terminal raw,
// nor be changed for a program that reads it. It gives what it was given where there is none.
func ASCII(json []byte) []byte {
	i := slices.IndexFunc(json, func(c byte) bool { return c >= 0x7f })
	if i < 0 {
		return json
	}
	out := append(make([]byte, 0, len(json)+64), json[:i]...)
	for _, r := range string(json[i:]) {
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
	return out
}
