package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/reusewatch/reusewatch/internal/judge"
)

// maxRules bounds what every look at every listener must go through.
const maxRules = 1000

// file reads the top of the file into f.
func (d *decoder) file(root *yaml.Node, f *file) {
	p := &f.policy
	p.Protect, p.Rules = slices.Clone(p.Protect), slices.Clone(p.Rules)
	var defaults settings
	d.mapping(root, "the file", []string{"version", "protect", "host-budget", "defaults", "rules"}, func(key string, n *yaml.Node) {
		switch key {
		case "version":
			if s, ok := d.scalar(key, n); ok && s != "1" {
				d.problem(at(n), "unknown version %s: this reusewatch reads version 1", quote(s))
			}
		case "protect":
			p.Protect = append(p.Protect, readAll(d, key, n, parseComm)...)
		case "host-budget":
			if b := read(d, key, n, ParseBudget); b != nil {
				p.HostBudget = *b
			}
		case "defaults":
			defaults = d.settings(n, key)
		case "rules":
			f.rules = d.rules(n)
		}
	})
	d.inOrder(p, &settings{}, &defaults, place{1, 1})
	for i := range f.rules {
		r := &f.rules[i]
		d.inOrder(p, &defaults, &r.set, place{})
		p.Rules = append(p.Rules, judge.Rule{Match: r.match, Set: r.set.Override})
	}
	p.Default = effective(p.Default, defaults.Override)
	d.reachable(f.rules)
}

func (d *decoder) rules(n *yaml.Node) []rule {
	switch {
	case n.Kind == yaml.AliasNode:
		return nil
	case n.Kind != yaml.SequenceNode:
		d.problem(at(n), "rules must be a list: begin each rule with \"- \"")
		return nil
	case len(n.Content) > maxRules:
		d.problem(at(n.Content[maxRules]), "more than %d rules: every look goes through all of them, so join some", maxRules)
		return nil
	}
	named := make(map[string]int)
	rules := make([]rule, 0, len(n.Content))
	for _, item := range n.Content {
		rules = append(rules, d.rule(item, named))
	}
	return rules
}

// rule reads one rule; named are the names that stand before it, by line.
func (d *decoder) rule(n *yaml.Node, named map[string]int) rule {
	r := rule{place: at(n)}
	before, ofSet := len(d.problems), 0
	d.mapping(n, "a rule", []string{"name", "match", "set"}, func(key string, v *yaml.Node) {
		switch key {
		case "name":
			name := read(d, key, v, parseName)
			if name == nil {
				return
			}
			if first := named[*name]; first != 0 {
				d.problem(at(v), "name %s is that of the rule in line %d too: give each its own", quote(*name), first)
			}
			r.name, named[*name] = *name, v.Line
		case "match":
			r.match = d.match(v)
		case "set":
			ofSet = len(d.problems)
			r.set = d.settings(v, key)
			if v.Kind == yaml.MappingNode && len(v.Content) == 0 {
				d.problem(at(v), "set is empty: set at least one of %s", strings.Join(settingKeys(), ", "))
			}
			ofSet = len(d.problems) - ofSet
		}
	})
	r.understood = n.Kind == yaml.MappingNode && len(d.problems)-ofSet == before
	if n.Kind == yaml.MappingNode && !hasKey(n, "set") {
		d.problem(at(n), "a rule without set does nothing: set at least one of %s", strings.Join(settingKeys(), ", "))
	}
	return r
}
