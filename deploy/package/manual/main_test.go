package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/cli"
)

func TestManual(t *testing.T) {
	dir := t.TempDir()
	if err := writeManual(cli.Command(), dir); err != nil {
		t.Fatal(err)
	}
	for page, wants := range map[string][]string{
		"reusewatch.8": {
			"SO_REUSEPORT", ".SH VERDICTS", ".SH GATE", "no-sibling-accepted", ".SH EXIT-CODES", "internal error",
		},
		"reusewatch-list.8":  {`\fB--stuck\fP`, `\fB--from\fP`, "exits with 1"},
		"reusewatch-check.8": {"CRITICAL"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(strings.ReplaceAll(string(b), `\-`, "-"), want) {
				t.Errorf("%s has no %q", page, want)
			}
		}
	}
}
