package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	text := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, c := range map[string]struct{ text, want string }{
		"ours":         {text("../../../LICENSE"), "Apache-2.0"},
		"of the BPF":   {text("../../../bpf/LICENSE.BSD-2-Clause"), "BSD-2-Clause"},
		"Go's":         {text("../../../bpf/LICENSE.BSD-2-Clause") + "Neither the name of Google Inc. nor", "BSD-3-Clause"},
		"GPL":          {text("../../../bpf/LICENSE.GPL-2.0"), ""},
		"MIT":          {"Permission is hereby granted, free of charge,\n to any person obtaining", "MIT"},
		"of its own":   {"You may use this as you like.", ""},
		"nothing said": {"", ""},
	} {
		if got := classify(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestRead: what may not be linked, or says nothing, is an error that names it.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	const none = "example.org/none v1 has no licence"
	if _, err := read("example.org/none", "v1", dir); err == nil || !strings.Contains(err.Error(), none) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte("GNU GENERAL PUBLIC LICENSE"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read("example.org/gpl", "v1", dir); err == nil || !strings.Contains(err.Error(), "example.org/gpl v1") {
		t.Error(err)
	}
}

func TestHolders(t *testing.T) {
	got := holders("MIT\n\nCopyright (c) 2017 Nathan Sweet\nCopyright 2019 Authors\n" +
		"   Copyright [yyyy] [name of copyright owner]\n")
	if strings.Join(got, "|") != "2017 Nathan Sweet|2019 Authors" {
		t.Errorf("%q", got)
	}
}
