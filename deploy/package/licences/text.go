package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const ours = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: reusewatch
Source: https://github.com/reusewatch/reusewatch
Comment: The binary is linked statically. The files below that begin with
 "module" name what is in it; third-party-licences.txt has all texts in full.

Files: *
Copyright: the reusewatch authors
License: Apache-2.0

Files: bpf/* headers/*
Copyright: the reusewatch authors
License: GPL-2.0-only or BSD-2-Clause

`

// copyright is in Debian's machine-readable form; bsd is what the BPF programs may
// be taken under.
func copyright(parts []part, bsd string) []byte {
	var b bytes.Buffer
	b.WriteString(ours)
	texts := map[string]string{
		"Apache-2.0":                   "On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.",
		"GPL-2.0-only or BSD-2-Clause": "On Debian systems the text of the GPL-2 is in /usr/share/common-licenses/GPL-2.\n" + bsd,
	}
	for _, p := range parts {
		fmt.Fprintf(&b, "Files: module/%s@%s/*\nCopyright: %s\nLicense: %s\n\n", p.name, p.version, strings.Join(p.holders, "\n "), p.licence)
		if texts[p.licence] == "" {
			texts[p.licence] = p.text
		}
	}
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "License: %s\n", name)
		for line := range strings.Lines(texts[name]) {
			if line = strings.TrimRight(line, " \n"); line == "" {
				line = "."
			}
			fmt.Fprintf(&b, " %s\n", line)
		}
		b.WriteString("\n")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// fullTexts has each licence as its authors wrote it.
func fullTexts(parts []part) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "%s\n%s %s (%s)\n\n%s\n", strings.Repeat("=", 72), p.name, p.version, p.licence, p.text)
	}
	return b.Bytes()
}
