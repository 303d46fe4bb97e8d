package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const noAliases = "anchors, aliases and merge keys are not read: write the value out, so that a rule says all that it does"

// refuse tells of what the schema's walk does not see.
func (d *decoder) refuse(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode, n.Anchor != "":
		d.problem(at(n), "%s", noAliases)
	case n.Style&yaml.TaggedStyle != 0:
		d.problem(at(n), "tag %s is not read: leave it out", n.Tag)
	}
	for _, c := range n.Content {
		d.refuse(c)
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// mapping calls each for every known key of a mapping that has a value.
func (d *decoder) mapping(n *yaml.Node, where string, known []string, each func(key string, v *yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.problem(at(n), "%s must be keys with values; known: %s", where, strings.Join(known, ", "))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		first, again := seen[k.Value]
		switch {
		case k.Kind == yaml.AliasNode:
		case k.Tag == "!!merge":
			d.problem(at(k), "%s", noAliases)
		case k.Kind != yaml.ScalarNode || !slices.Contains(known, k.Value):
			d.problem(at(k), "unknown key %s in %s; known: %s", quote(k.Value), where, strings.Join(known, ", "))
		case again:
			d.problem(at(k), "key %q stands twice in %s, first in line %d: drop one", k.Value, where, first)
		default:
			seen[k.Value] = k.Line
			if isNull(v) {
				d.problem(at(k), "key %q has no value: give it one or leave it out", k.Value)
				continue
			}
			each(k.Value, v)
		}
	}
}

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// scalar gives the text of a single value, as it is written: an id such as 3e12
// is no number here.
func (d *decoder) scalar(key string, n *yaml.Node) (string, bool) {
	switch {
	case n.Kind == yaml.AliasNode:
		return "", false
	case n.Kind != yaml.ScalarNode:
		d.problem(at(n), "%s must be a single value", key)
		return "", false
	case isNull(n):
		d.problem(at(n), "%s: a value is missing: write it, or in quotes if it is %s", key, quote(n.Value))
		return "", false
	}
	return n.Value, true
}

// read parses a single value; nil: it is wrong, which has been told.
func read[T any](d *decoder, key string, n *yaml.Node, parse func(string) (T, error)) *T {
	s, ok := d.scalar(key, n)
	if !ok {
		return nil
	}
	v, err := parse(s)
	if err != nil {
		d.problem(at(n), "%s: %s", key, err)
		return nil
	}
	return &v
}

// readAll parses the values of a key that may have one or a list.
func readAll[T any](d *decoder, key string, n *yaml.Node, parse func(string) (T, error)) []T {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	var values []T
	for _, node := range nodes {
		if v := read(d, key, node, parse); v != nil {
			values = append(values, *v)
		}
	}
	return values
}
