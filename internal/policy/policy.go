// Package policy reads the policy file: what the operator wants done about
// which listeners. It is strict. Whoever writes such a file arms kills with it,
// so whatever is not understood is an error, and all errors are told at once,
// each with its place and the way out.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/regular"
)

// maxSize bounds the file: more is no policy.
const maxSize = 1 << 20

// Load reads the policy file at path over base; see [Parse].
func Load(path string, base judge.Policy) (judge.Policy, error) {
	f, err := load(path, base)
	if err != nil {
		return base, err
	}
	return f.policy, nil
}

// Parse gives base with what the file says: its defaults over those of base,
// its rules after those of base, and its protect list added. What base has in
// Given, the flags typed by hand, wins over all of it. name is what errors call
// the file. What is wrong with the file is an [*Invalid].
func Parse(name string, data []byte, base judge.Policy) (judge.Policy, error) {
	f, err := parse(name, data, base)
	if err != nil {
		return base, err
	}
	return f.policy, nil
}

func load(path string, base judge.Policy) (*file, error) {
	f, err := regular.Follow(path, os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return parse(path, data, base)
}

// file is a policy file that was understood.
type file struct {
	policy judge.Policy
	rules  []rule // the last of policy.Rules
}

// rule is one rule of the file.
type rule struct {
	place
	name       string
	match      judge.Match
	set        settings
	understood bool // but for set: match is what the file says
}

func parse(name string, data []byte, base judge.Policy) (*file, error) {
	d := &decoder{}
	f := &file{policy: base}
	if root := d.document(data); root != nil {
		d.file(root, f)
	}
	if err := d.invalid(name); err != nil {
		return nil, err
	}
	return f, nil
}

// document gives the one document's content, or nil where there is none to
// look into.
func (d *decoder) document(data []byte) *yaml.Node {
	if len(data) > maxSize {
		d.problem(place{1, 1}, "larger than 1 MiB: this is no policy file")
		return nil
	}
	if at, r, bad := unreadable(data); bad {
		d.problem(at, "%s cannot stand in a policy file: save it as plain UTF-8 text", r)
		return nil
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := in.Decode(&doc); errors.Is(err, io.EOF) || err == nil && isNull(doc.Content[0]) {
		d.problem(place{1, 1}, "empty: say at least \"version: 1\", or run without a policy file")
		return nil
	} else if err != nil {
		d.syntax(data, err)
		return nil
	}
	switch err := in.Decode(&second); {
	case err == nil:
		d.problem(at(&second), "a second document begins here: a policy file is one; drop this \"---\" and join them")
	case !errors.Is(err, io.EOF):
		d.syntax(data, err)
	}
	d.refuse(&doc)
	return doc.Content[0]
}
