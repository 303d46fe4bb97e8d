package policy

import "testing"

func TestNeverApplies(t *testing.T) {
	for _, pair := range []struct{ first, later string }{
		{"", ""},
		{"", "match: {port: 80}, "},
		{"match: {port: [80, 81]}, ", "match: {port: 81, comm: a}, "},
		{"match: {addr: 10.0.0.0/8}, ", "match: {addr: [10.0.0.0/8, 10.1.0.0/16]}, "},
		{"match: {exe: /bin/*}, ", "match: {exe: /bin/a}, "},
		{"match: {exe: '/bin/[ab]'}, ", "match: {exe: '/bin/[ab]'}, "},
		{"match: {uid: 0}, ", "match: {uid: 0}, "},
		{"match: {cgroup: /a}, ", "match: {cgroup: /a/b}, "},
		{"match: {container: 3f}, ", "match: {container: 3f2a}, "},
		{"match: {pod: web-*}, ", "match: {pod: web-5f7, namespace: x}, "},
		{"match: {namespace: [shop, x]}, ", "match: {namespace: shop}, "},
	} {
		const other = "comm: z, port: 9, exe: /z, uid: 9, cgroup: /z, container: z, addr: '::'"
		text := "rules:\n- {" + pair.first + "set: {protect: true}}\n" +
			"- {match: {" + other + "}, set: {protect: true}}\n" +
			"- {" + pair.later + "set: {action: kill}}\n"
		got := problems(t, text, testBase())
		want := "p:4:3: this rule never applies: the first that matches does, " +
			"and the one in line 2 matches all that it does; put this one before it or drop it"
		if len(got) == 0 || got[len(got)-1] != want {
			t.Errorf("%v: %q", pair, got)
		}
	}
	// What was not understood is not weighed: here the first would match all.
	text := "rules:\n- {match: {prot: 80}, set: {protect: true}}\n- {match: {port: 80}, set: {protect: true}}\n"
	if got := problems(t, text, testBase()); len(got) != 1 {
		t.Errorf("%q", got)
	}
	// But a mistake in set does not hide it.
	text = "rules:\n- {set: {protect: 1}}\n- {match: {port: 80}, set: {protect: true}}\n"
	if got := problems(t, text, testBase()); len(got) != 2 {
		t.Errorf("%q", got)
	}
	// Any rule before it may be the one.
	text = "rules:\n- {match: {port: 1}, set: {protect: true}}\n" +
		"- {match: {uid: 2}, set: {protect: true}}\n- {match: {uid: 2}, set: {protect: true}}\n"
	if got := problems(t, text, testBase()); len(got) != 1 {
		t.Errorf("%q", got)
	}
}
