package policy

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/reusewatch/reusewatch/internal/judge"
)

func (d *decoder) match(n *yaml.Node) judge.Match {
	var m judge.Match
	known := []string{"port", "addr", "comm", "exe", "uid", "cgroup", "container", "pod", "namespace"}
	d.mapping(n, "match", known, func(key string, v *yaml.Node) {
		switch key {
		case "port":
			m.Ports = some(d, key, v, parsePort)
		case "addr":
			m.Addrs = some(d, key, v, parseAddr)
		case "comm":
			m.Comms = some(d, key, v, parseComm)
		case "exe":
			m.Exes = some(d, key, v, parseExe)
		case "uid":
			m.UIDs = some(d, key, v, parseUID)
		case "cgroup":
			m.Cgroups = some(d, key, v, parseCgroup)
		case "container":
			m.Containers.IDs = some(d, key, v, ParseContainer)
		case "pod":
			m.Containers.Pods = some(d, key, v, ParsePod)
		case "namespace":
			m.Containers.Namespaces = some(d, key, v, ParseNamespace)
		}
	})
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.problem(at(n), "match is empty: give it a key, or leave match out to match every listener")
	}
	return m
}

// some parses a list that must not be empty, for then it would match all.
func some[T any](d *decoder, key string, n *yaml.Node, parse func(string) (T, error)) []T {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		d.problem(at(n), "%s is empty: give it a value, or leave it out to match any", key)
	}
	return readAll(d, key, n, parse)
}

// reachable tells of the rules that can never apply, because an earlier one
// matches all that they match.
func (d *decoder) reachable(rules []rule) {
	for i, later := range rules {
		if !later.understood {
			continue
		}
		j := slices.IndexFunc(rules[:i], func(r rule) bool { return r.understood && covers(&r.match, &later.match) })
		if j >= 0 {
			d.problem(later.place, "this rule never applies: the first that matches does, and the one in line %d matches all that it does; put this one before it or drop it",
				rules[j].line)
		}
	}
}

// covers says whether a matches whatever b matches; not always of two patterns.
func covers(a, b *judge.Match) bool {
	prefix := func(a, b string) bool { return strings.HasPrefix(b, a) }
	pattern := func(a, b string) bool {
		literal := !strings.ContainsAny(b, `*?[\`)
		matched, _ := path.Match(a, b)
		return a == b || literal && matched
	}
	return within(a.Ports, b.Ports, equal) &&
		within(a.Addrs, b.Addrs, func(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Contains(b.Addr()) }) &&
		within(a.Comms, b.Comms, equal) &&
		within(a.Exes, b.Exes, pattern) &&
		within(a.UIDs, b.UIDs, equal) &&
		within(a.Cgroups, b.Cgroups, prefix) &&
		within(a.Containers.IDs, b.Containers.IDs, prefix) &&
		within(a.Containers.Pods, b.Containers.Pods, pattern) &&
		within(a.Containers.Namespaces, b.Containers.Namespaces, equal)
}

func equal[T comparable](a, b T) bool { return a == b }

// within: each of b is covered by one of a; no values stand for all.
func within[T any](a, b []T, cover func(a, b T) bool) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == 0
	}
	for _, v := range b {
		if !slices.ContainsFunc(a, func(u T) bool { return cover(u, v) }) {
			return false
		}
	}
	return true
}
