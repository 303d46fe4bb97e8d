package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The marks in a page between which the table stands.
const (
	beginTable = "<!-- make bench-publish writes this -->\n"
	endTable   = "<!-- end of make bench-publish -->\n"
)

// publish puts the table into pages; the README gets the brief one.
func publish(file string, pages []string) error {
	r, err := readResults(file)
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := readPage(page)
		if err != nil {
			return err
		}
		anew, err := replace(text, r.markdown(filepath.Base(page) == "README.md"))
		if err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
		if err := os.WriteFile(page, []byte(anew), 0o644); err != nil {
			return fmt.Errorf("write a page: %w", err)
		}
	}
	return nil
}

func readPage(page string) (string, error) {
	b, err := os.ReadFile(page)
	if err != nil {
		return "", fmt.Errorf("read a page: %w", err)
	}
	return string(b), nil
}

// replace puts a table between the marks of a page.
func replace(page, table string) (string, error) {
	before, rest, begun := strings.Cut(page, beginTable)
	_, after, ended := strings.Cut(rest, endTable)
	if !begun || !ended {
		return "", fmt.Errorf("no marks %q and %q to put the table between", strings.TrimSpace(beginTable), strings.TrimSpace(endTable))
	}
	return before + beginTable + table + endTable + after, nil
}
