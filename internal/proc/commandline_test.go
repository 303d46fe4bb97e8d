package proc

import (
	"slices"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/text"
)

// shape is a way to give a program a secret that text.MaskSecrets says it knows.
type shape struct {
	args func(secret string) []string
	not  string // what a secret of this shape cannot hold
}

func shapes() []shape {
	return []shape{
		{args: func(s string) []string { return []string{"--password=" + s} }},
		{args: func(s string) []string { return []string{"MYSQL_PWD=" + s} }},
		{args: func(s string) []string { return []string{"--env=DB_PASSWORD=" + s} }},
		{args: func(s string) []string { return []string{"-H", "Cookie: " + s} }},
		{args: func(s string) []string { return []string{"--token", s} }},
		{args: func(s string) []string { return []string{`{"user":"u","password" : "` + s + `"}`} }},
		{args: func(s string) []string { return []string{"host=db password = " + s} }},
		{args: func(s string) []string { return []string{"sh", "-c", "exec app --token " + s} }},
		{args: func(s string) []string { return []string{"-u", "user:" + s} }, not: " \t\n"},
		{args: func(s string) []string { return []string{"-U", "user%" + s} }, not: " \t\n"},
		{args: func(s string) []string { return []string{"--user=user:" + s} }, not: " \t\n"},
		{args: func(s string) []string { return []string{"-uuser:" + s} }, not: " \t\n"},
		{
			args: func(s string) []string { return []string{"--url=postgres://user:" + s + "@host:5432/db"} },
			not:  " \t\n" + `"'/?#`,
		},
	}
}

// flagged are secrets that a program takes by a flag of one letter.
func flagged(secret string) [][]string {
	return [][]string{
		{"/usr/bin/mysql", "-p" + secret}, {"redis-cli", "-a", secret},
		{"sshpass", "-p", secret}, {"ldapsearch", "-w" + secret},
	}
}

// FuzzCommandLine splits a command line and masks it: nothing of it is lost by splitting,
// and no secret of a shape that is known is let through, whatever stands around it, also
// where a server wrote it all over its arguments as one title.
func FuzzCommandLine(f *testing.F) {
	for _, seed := range []string{
		"haproxy\x00-f\x00/etc/haproxy.cfg\x00-sf\x0012\x00", "nginx: worker process\x00\x00\x00\x00",
		"", "\x00", "--token\x00", "-u\x00",
		"sh\x00-c\x00exec app --port 80 --token x\x00", "curl\x00-u\x00a:b\x00http://u:p@h/?token=x\x00",
		"--a=\xff{\"password\" : 'x", "-p\x00x://",
	} {
		f.Add([]byte(seed), "hunter2", []byte("--port=80\x00"))
	}
	f.Add([]byte("x"), "a/b=c", []byte("://:@"))
	f.Fuzz(func(t *testing.T, before []byte, rest string, after []byte) {
		args, behind := parseCmdline(before), parseCmdline(after)
		if got := strings.Join(args, "\x00"); got != strings.TrimRight(string(before), "\x00") {
			t.Errorf("parseCmdline(%q) = %q", before, args)
		}
		// A mark in the secret tells it from all else.
		const mark = "S3kr1t"
		if strings.Contains(string(before)+string(after)+rest, mark) || strings.Contains(rest, "\x00") {
			return
		}
		secret := rest + mark + rest
		check := func(line []string) {
			t.Helper()
			got := text.MaskSecrets(line)
			if strings.Contains(strings.Join(got, "\x00"), mark) {
				t.Errorf("MaskSecrets(%q) = %q", line, got)
			}
			if len(got) != len(line) {
				t.Errorf("MaskSecrets(%q) has %d arguments", line, len(got))
			}
			for i := range got {
				if len(got[i]) > 2*len(line[i])+len("***") {
					t.Errorf("MaskSecrets(%q) makes %d bytes of %d", line, len(got[i]), len(line[i]))
				}
			}
		}
		for _, s := range shapes() {
			if !strings.ContainsAny(secret, s.not) {
				check(slices.Concat(args, s.args(secret), behind))
				check([]string{"app: " + strings.Join(slices.Concat(s.args(secret), behind), " ")})
			}
		}
		for _, line := range flagged(secret) {
			check(slices.Concat(line[:1], args, line[1:], behind))
		}
	})
}
