package listener

// cmdlineShown is how much of a command line is shown and kept, in bytes: anybody may have
// one of megabytes.
const cmdlineShown = 1024

// Clip cuts a command line to what is shown of it, which ends with "…" then. What is
// compared is never cut: two that differ at their ends are two.
func Clip(args []string) []string {
	left := cmdlineShown
	for i, arg := range args {
		if len(arg) <= left {
			left -= len(arg)
			continue
		}
		cut := left
		for cut > 0 && arg[cut]&0xc0 == 0x80 { // not within a rune
			cut--
		}
		return append(append([]string{}, args[:i]...), arg[:cut]+"…")
	}
	return append([]string{}, args...)
}
