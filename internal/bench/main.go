// Command bench turns what the benchmarks of internal/benchtest print into the
// table of docs/performance.md, and finds regressions in what they count.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

const usage = `usage:
  bench report VM-KERNEL FILE   reads the benchmarks' output, prints the table, writes FILE
  bench compare BASELINE FILE   fails where FILE counts more than the baseline
  bench publish FILE PAGE...    puts the table of FILE between the marks of each page`

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "report":
		return report(in, out, args[1], args[2])
	case len(args) == 3 && args[0] == "compare":
		return compareFiles(out, args[1], args[2])
	case len(args) > 2 && args[0] == "publish":
		return publish(args[1], args[2:])
	default:
		return errors.New(usage)
	}
}

func report(in io.Reader, out io.Writer, vmKernel, file string) error {
	figures, err := parse(in)
	if err != nil {
		return err
	}
	here, err := thisMachine(vmKernel)
	if err != nil {
		return err
	}
	r := results{Machine: here, Figures: figures}
	if err := r.write(file); err != nil {
		return err
	}
	_, err = io.WriteString(out, r.terminal())
	return err
}
