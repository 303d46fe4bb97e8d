// Command manual writes the manual pages from what --help says, into a folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/reusewatch/reusewatch/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manual DIR")
		os.Exit(2)
	}
	if err := writeManual(cli.Command(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

// writeManual writes a page for each command, and the topics into the first one. The
// date is that of SOURCE_DATE_EPOCH if it is set.
func writeManual(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of the manual: %w", err)
	}
	var text strings.Builder
	text.WriteString(root.Long)
	for _, cmd := range root.Commands() {
		if cmd.IsAdditionalHelpTopicCommand() {
			// A heading of its own, and the text as it stands.
			fmt.Fprintf(&text, "\n\n# %s\n%s\n\n    %s\n", strings.ToUpper(cmd.Name()), cmd.Short, strings.ReplaceAll(cmd.Long, "\n", "\n    "))
		}
	}
	long := root.Long
	root.Long = text.String()
	defer func() { root.Long = long }()
	for _, cmd := range append(root.Commands(), root) {
		if !cmd.IsAvailableCommand() || cmd.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writePage(cmd, filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".8")); err != nil {
			return err
		}
	}
	return nil
}

func writePage(cmd *cobra.Command, path string) error {
	cmd.DisableAutoGenTag = true
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write a page of the manual: %w", err)
	}
	err = doc.GenMan(cmd, &doc.GenManHeader{Section: "8", Source: "reusewatch", Manual: "System Administration"}, f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
