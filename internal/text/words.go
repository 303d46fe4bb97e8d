package text

import "strings"

// Join gives words as a person reads them, in their order.
func Join[S ~string](words []S, by string) string {
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = string(w)
	}
	return strings.Join(plain, by)
}

// After puts a prefix before what is there.
func After(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// Dash stands for what is not there.
func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
