// Command licences says what a binary of ours is made of: its copyright file, the
// licences of all that is linked into it, and an SPDX document.
package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: licences BINARY VERSION DIR; SOURCE_DATE_EPOCH is the time of the document")
	}
	binary, version, dir := args[0], args[1], args[2]
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read what %s was built from: %w", binary, err)
	}
	parts, err := partsOf(info)
	if err != nil {
		return err
	}
	spdx, err := document(binary, version, os.Getenv("SOURCE_DATE_EPOCH"), parts)
	if err != nil {
		return err
	}
	bsd, err := os.ReadFile("bpf/LICENSE.BSD-2-Clause")
	if err != nil {
		return fmt.Errorf("run this in the project's folder: %w", err)
	}
	for name, text := range map[string][]byte{
		"copyright": copyright(parts, string(bsd)), "third-party-licences.txt": fullTexts(parts), "reusewatch.spdx.json": spdx,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
