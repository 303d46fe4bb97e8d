// Command reusewatch finds the listener that gets connections and never accepts
// them, and, when armed, removes exactly that one.
package main

import (
	"os"

	"github.com/reusewatch/reusewatch/internal/cli"
)

// version is set by the build (-ldflags -X main.version=…).
var version = "devel"

func main() { os.Exit(cli.Main(os.Args[1:], version)) }
