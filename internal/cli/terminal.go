package cli

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// onTerminal says whether w is a terminal that can move its cursor.
func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
