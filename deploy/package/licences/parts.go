package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// part is a module that is linked into the binary, or Go itself.
type part struct {
	name, version string
	licence       string // SPDX
	text          string // LICENSE, and NOTICE where there is one
	holders       []string
}

// partsOf finds what was linked, with the licences in the module cache, which this
// fills.
func partsOf(info *debug.BuildInfo) ([]part, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find Go's folder: %w", err)
	}
	golang, err := read("go", strings.TrimPrefix(info.GoVersion, "go"), strings.TrimSpace(string(goroot)))
	if err != nil {
		return nil, err
	}
	parts := []part{golang}
	args := []string{"mod", "download", "-json"}
	for _, m := range info.Deps {
		args = append(args, m.Path+"@"+m.Version)
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("fetch the modules: %w", err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Version, Dir string }
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF):
			return parts, nil
		case err != nil:
			return nil, fmt.Errorf("read what go mod download says: %w", err)
		}
		p, err := read(m.Path, m.Version, m.Dir)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
}

func read(name, version, dir string) (part, error) {
	p := part{name: name, version: version}
	for _, file := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return p, fmt.Errorf("read the licence of %s: %w", name, err)
		}
		if p.licence == "" {
			if p.licence = classify(string(b)); p.licence == "" {
				return p, fmt.Errorf("the licence of %s %s is none that is known here: look at %s", name, version, filepath.Join(dir, file))
			}
		}
		p.text += strings.TrimSpace(string(b)) + "\n"
		p.holders = append(p.holders, holders(string(b))...)
	}
	if p.licence == "" {
		return p, fmt.Errorf("%s %s has no licence in %s", name, version, dir)
	}
	if len(p.holders) == 0 {
		p.holders = []string{"the authors of " + name}
	}
	return p, nil
}

// classify names the licences that may be linked into ours; "" is any other.
func classify(text string) string {
	has := func(s string) bool { return strings.Contains(strings.Join(strings.Fields(text), " "), s) }
	switch {
	case has("GNU "):
		return ""
	case has("Apache License Version 2.0"):
		return "Apache-2.0"
	case has("Permission is hereby granted, free of charge, to any person") && has("Apache License"):
		return "MIT AND Apache-2.0"
	case has("Permission is hereby granted, free of charge, to any person"):
		return "MIT"
	case has("Redistribution and use in source and binary forms") && (has("Neither the name") || has("The names of its contributors")):
		return "BSD-3-Clause"
	case has("Redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	default:
		return ""
	}
}

// holders are the copyright lines, without those of a licence's own appendix.
func holders(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^\s*Copyright (?:\([cC]\) |© )?(\d{4}.*)$`).FindAllStringSubmatch(text, -1) {
		all = append(all, strings.TrimSpace(m[1]))
	}
	return all
}
