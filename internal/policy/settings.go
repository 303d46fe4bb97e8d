package policy

import (
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// settings are those of one mapping, defaults or set.
type settings struct {
	judge.Override
	stuckAfter, actAfter place // of their values
	unread               bool  // one of these two could not be read
}

func (d *decoder) settings(n *yaml.Node, where string) settings {
	var s settings
	d.mapping(n, where, settingKeys(), func(key string, v *yaml.Node) {
		row, field := Called(key), s.Field(key)
		if to, is := field.(**bool); is {
			*to = d.truth(key, v)
		} else if to, is := field.(**[]string); is {
			*to = d.programs(key, v)
		} else if text, ok := d.scalar(key, v); ok {
			if err := row.read(text, field); err != nil {
				d.problem(at(v), "%s: %s", key, err)
			}
		}
		switch key {
		case "stuck-after":
			s.stuckAfter, s.unread = at(v), s.unread || s.StuckAfter == nil
		case "act-after":
			s.actAfter, s.unread = at(v), s.unread || s.ActAfter == nil
		}
	})
	return s
}

// truth reads true or false, and nothing that only looks like it.
func (d *decoder) truth(key string, n *yaml.Node) *bool {
	if n.Kind == yaml.AliasNode {
		return nil
	}
	if v, err := strconv.ParseBool(n.Value); err == nil && n.Tag == "!!bool" {
		return &v
	}
	hint := ""
	if key == "protect" {
		hint = "; names of processes go into the protect list at the top of the file"
	}
	d.problem(at(n), "%s must be true or false, without quotes%s", key, hint)
	return nil
}

// programs reads paths of executables, of which one alone says nothing.
func (d *decoder) programs(key string, n *yaml.Node) *[]string {
	before := len(d.problems)
	paths := some(d, key, n, parseProgram)
	if len(paths) == 1 && len(d.problems) == before {
		d.problem(at(n), "%s has one path, which is one program anyhow: write those that are one with it too", key)
	}
	return &paths
}

// effective gives what holds once all of this is said, the last word last.
func effective(s judge.Settings, said ...judge.Override) judge.Settings {
	for _, o := range said {
		s = (&judge.Policy{Default: s, Given: o}).For(&listener.Listener{})
	}
	return s
}

// inOrder tells of an act-after that is shorter than its stuck-after once
// defaults, a rule and what was typed are taken together. Each mistake is told
// where it was made: once for defaults, not again for each rule under them.
func (d *decoder) inOrder(p *judge.Policy, defaults, own *settings, otherwise place) {
	s := effective(p.Default, defaults.Override, own.Override, p.Given)
	if s.ActAfter >= s.StuckAfter || defaults.unread || own.unread {
		return
	}
	where := own.actAfter
	if where == (place{}) {
		where = own.stuckAfter
	}
	if where == (place{}) {
		where = otherwise
	}
	if where == (place{}) {
		return
	}
	d.problem(where, "act-after %s (%s) is shorter than stuck-after %s (%s): raise the one or lower the other",
		short(s.ActAfter), origin(p.Given.ActAfter, own.ActAfter, defaults.ActAfter),
		short(s.StuckAfter), origin(p.Given.StuckAfter, own.StuckAfter, defaults.StuckAfter))
}

func origin(given, own, defaults *time.Duration) string {
	switch {
	case given != nil:
		return "typed as a flag"
	case own != nil:
		return "here"
	case defaults != nil:
		return "from defaults"
	}
	return "built in"
}
