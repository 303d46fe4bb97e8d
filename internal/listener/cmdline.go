package listener

// cmdlineShown is how many bytes of a command line are shown and kept: it may have
// megabytes.
const cmdlineShown = 1024

// Clip cuts a command line to cmdlineShown, and ends one that was cut with "…". Command
// lines are compared uncut: two that differ at their ends are two.
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
