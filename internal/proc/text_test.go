package proc

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/unicode/bidi"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"haproxy":                        "haproxy",
		`C:\path\x41`:                    `C:\path\x41`,
		"naïve 日本 👩 ｈａ Ωж":               "naïve 日本 👩 ｈａ Ωж",
		"\U0001f469\u200d\U0001f4bb":     `👩\u200d💻`,
		"\U0001f1e9\U0001f44d\U0001f3fd": `\U0001f1e9👍\U0001f3fd`,
		"e\u0301 \u0e33 \u1112\u1161":    `e\u0301 \u0e33 \u1112\u1161`,
		"אב عر \U0001e900":               `\u05d0\u05d1 \u0639\u0631 \U0001e900`,
		"\ue000 \u0378 \U000f0000":       `\ue000 \u0378 \U000f0000`,
		"a\nb\tc\x00":                    `a\x0ab\x09c\x00`,
		"\x1b[31mred\x7f":                `\x1b[31mred\x7f`,
		"\u0085\u009b31m":                `\u0085\u009b31m`,
		"\xff\x9b ok":                    `\xff\x9b ok`,
		"cut \xe6\x97":                   `cut \xe6\x97`,
		"surrogate \xed\xa0\x80":         `surrogate \xed\xa0\x80`,
		"\ufffd stays":                   "\ufffd stays",
		"gpj.\u202eexe\u202c":            `gpj.\u202eexe\u202c`,
		"\u202a\u202b\u202d\u2066\u2067\u2068\u2069": `\u202a\u202b\u202d\u2066\u2067\u2068\u2069`,
		"\u200e\u200f\u061c":                         `\u200e\u200f\u061c`,
		"\u2028\u2029":                               `\u2028\u2029`,
		"\u2027\u202f\u2065\u206a\u00a0\u3164\u200d": `‧\u202f\u2065\u206a\u00a0\u3164\u200d`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPrintableASCII(t *testing.T) {
	if got, want := PrintableASCII("a\tb漢é\xff😀"), `a\x09b\u6f22\u00e9\xff\U0001f600`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWidth asks of every rune that stays that whoever measures text as a terminal
// does, rune by rune or character by character, finds the same, whatever is beside it.
func TestWidth(t *testing.T) {
	for r := range rune(unicode.MaxRune) {
		s := string(r)
		if Printable(s) != s {
			continue
		}
		beside := "a" + s + "漢" + s + s + "👩" + s
		w := Width(s)
		if w < 1 || w > 2 || Width(beside) != 5+4*w || ansi.StringWidth(beside) != 5+4*w || ansi.StringWidthWc(beside) != 5+4*w {
			t.Errorf("%U is %d wide alone, %d beside others", r, w, Width(beside)-5)
		}
		if p, _ := bidi.LookupRune(r); p.Class() == bidi.R || p.Class() == bidi.AL || p.Class() == bidi.AN {
			t.Errorf("%U runs from right to left", r)
		}
	}
}

// FuzzPrintable: no control character is left, nor what a terminal would show elsewhere.
func FuzzPrintable(f *testing.F) {
	f.Add("a\n\x1b\u202e\xff日\u0301")
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		for _, r := range got {
			if unicode.IsControl(r) || !unicode.IsPrint(r) {
				t.Errorf("Printable(%q) = %q has %U", s, got, r)
			}
		}
		if len(got) > 4*len(s) { // \xNN of a byte
			t.Errorf("Printable(%q) takes %d bytes", s, len(got))
		}
		if Printable(got) != got || !utf8.ValidString(got) || Width(got) < len([]rune(got)) {
			t.Errorf("Printable(%q) = %q is not clean", s, got)
		}
		if got := PrintableASCII(s); PrintableASCII(got) != got || Width(got) != len(got) {
			t.Errorf("PrintableASCII(%q) = %q is not clean", s, got)
		}
	})
}

func TestMaskSecrets(t *testing.T) {
	for _, tc := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"haproxy", "-f", "/etc/haproxy.cfg", "-sf", "12"}, []string{"haproxy", "-f", "/etc/haproxy.cfg", "-sf", "12"}},
		{[]string{"--password=x", "y"}, []string{"--password=***", "y"}},
		{[]string{"--password=a=b c"}, []string{"--password=***"}},
		{[]string{"--token", "x", "y"}, []string{"--token", "***", "y"}},
		{[]string{"-token", "-x", "y"}, []string{"-token", "***", "y"}},
		{[]string{"--token", "--password", "y", "z"}, []string{"--token", "***", "***", "z"}},
		{[]string{"--token"}, []string{"--token"}},
		{[]string{"x", "-phunter2", "-p", "x"}, []string{"x", "-p***", "-p", "x"}}, // of -p alone nobody can tell
		{
			[]string{"x", "-port", "-p8080", "-p/run/x.pid", "-p127.0.0.1:80", "-pidFile=a", "-pid-file", "-print0"},
			[]string{"x", "-port", "-p8080", "-p/run/x.pid", "-p127.0.0.1:80", "-pidFile=a", "-pid-file", "-p***"},
		},
		{[]string{"/usr/bin/mysql", "-phunter", "-p", "db", "-P3306"}, []string{"/usr/bin/mysql", "-p***", "-p", "db", "-P3306"}},
		{[]string{"redis-cli", "-a", "x", "-p", "6379"}, []string{"redis-cli", "-a", "***", "-p", "6379"}},
		{[]string{"sshpass", "-p", "x", "ssh", "-p", "22"}, []string{"sshpass", "-p", "***", "ssh", "-p", "***"}},
		{[]string{"env", "MYSQL_PWD=x", "PGPASSWORD=x", "AWS_ACCESS_KEY_ID=x", "PWD=/x"}, []string{"env", "MYSQL_PWD=***", "PGPASSWORD=***", "AWS_ACCESS_KEY_ID=***", "PWD=***"}},
		{[]string{"--pass", "x", "--psk=x", "--db-pass=x", "--bypass", "x"}, []string{"--pass", "***", "--psk=***", "--db-pass=***", "--bypass", "x"}},
		{[]string{"Server=db;uid=sa;pwd=x"}, []string{"Server=db;uid=sa;pwd=***"}},
		{[]string{"curl", "-u", "a:b", "-ua:b", "--user=a:b", "--proxy-user", "a:b:c"}, []string{"curl", "-u", "a:***", "-ua:***", "--user=a:***", "--proxy-user", "a:***"}},
		{[]string{"run", "-u", "1000:1000", "-u", "haproxy", "smb", "-U", "u%p"}, []string{"run", "-u", "1000:1000", "-u", "haproxy", "smb", "-U", "u%***"}},
		{
			[]string{"-H", "Authorization: Bearer x", "-H", "Cookie: a=b; c=d", "authorization:x"},
			[]string{"-H", "Authorization: ***", "-H", "Cookie: ***", "authorization:***"},
		},
		{[]string{"env", "PASSWORD=x", "Db_PassWd=x", "PORT=80"}, []string{"env", "PASSWORD=***", "Db_PassWd=***", "PORT=80"}},
		{[]string{"--env=DB_PASSWORD=x"}, []string{"--env=DB_PASSWORD=***"}},
		{[]string{"-Dspring.datasource.password=x"}, []string{"-Dspring.datasource.password=***"}},
		{
			[]string{"--apikey=1", "--api-key=1", "--API_KEY=1", "--apiKey", "1", "--credentials=1", "--private-key=1", "--client-secret=1", "--key=1"},
			[]string{"--apikey=***", "--api-key=***", "--API_KEY=***", "--apiKey", "***", "--credentials=***", "--private-key=***", "--client-secret=***", "--key=1"},
		},
		{[]string{"host=db password=x y user=z"}, []string{"host=db password=***"}},
		{[]string{"host = db password = x"}, []string{"host = db password = ***"}},
		{[]string{"sh", "-c", "exec app --port 80 --token x"}, []string{"sh", "-c", "exec app --port 80 --token ***"}},
		{[]string{"sh", "-c", "app '--token' x"}, []string{"sh", "-c", "app '--token' ***"}},
		{
			[]string{"sh", "-c", "exec  mysql -phunter db; curl -u a:b h"},
			[]string{"sh", "-c", "exec  mysql -p*** db; curl -u a:*** h"},
		},
		{[]string{"app: redis-cli -a x -p 6379 --user=a:b"}, []string{"app: redis-cli -a *** -p 6379 --user=a:***"}},
		{[]string{"curl", "-ua:b/c=d", "-url=http://h:80"}, []string{"curl", "-ua:***", "-url=http://h:80"}},
		{[]string{"-H", "X-Auth-Token: x y"}, []string{"-H", "X-Auth-Token: ***"}},
		{[]string{`{"user":"u","password":"x"}`, `{"password" : "x"}`}, []string{`{"user":"u","password":***`, `{"password" : ***`}},
		{[]string{"http://h/?a=b&token=x"}, []string{"http://h/?a=b&token=***"}},
		{[]string{"/run/secrets:/run/secrets", "unix:/run/token.sock", "secrets.example.com:443"}, []string{"/run/secrets:/run/secrets", "unix:/run/token.sock", "secrets.example.com:443"}},
		{[]string{"v=1.5,password:x", "v=1.5;password:x", "/v{password:x"}, []string{"v=1.5,password:***", "v=1.5;password:***", "/v{password:***"}},
		{[]string{"secret", "server"}, []string{"secret", "server"}},
		{[]string{"postgres://u:p@h:5432/db"}, []string{"postgres://u:***@h:5432/db"}},
		{[]string{"http://u:p-token=q@h"}, []string{"http://u:***@h"}},
		{[]string{"--url=redis://:p@h"}, []string{"--url=redis://:***@h"}},
		{[]string{"http://u:p@q@h/x"}, []string{"http://u:***@h/x"}},
		{[]string{"http://u:p/q@h/x"}, []string{"http://u:***@h/x"}},
		{[]string{"http://a:b@h,http://c:d@i"}, []string{"http://a:***@h,http://c:***@i"}},
		{[]string{"http://h:80,http://c:d@i", "http://a:b@h x@y"}, []string{"http://h:80,http://c:***@i", "http://a:***@h x@y"}},
		{[]string{"http://u@h:80/", "http://h:80/@x", "http://[::1]:80/a@b", "http://h/a:b@c", "://", "x://:", "http:///a:b"}, []string{"http://u@h:80/", "http://h:80/@x", "http://[::1]:80/a@b", "http://h/a:b@c", "://", "x://:", "http:///a:b"}},
	} {
		before := slices.Clone(tc.in)
		if got := MaskSecrets(tc.in); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("MaskSecrets(%q)\n = %q\nwant %q", tc.in, got, tc.want)
		}
		if !reflect.DeepEqual(tc.in, before) {
			t.Errorf("MaskSecrets changed its argument to %q", tc.in)
		}
	}
}

// TestMaskIsLinear: what nobody would write, and anybody may, ends. One more than linear in
// the length of an argument would take hours here, and the time of the package tells.
func TestMaskIsLinear(t *testing.T) {
	for name, unit := range map[string]string{"blanks": " ", "schemes": "://", "keys": "a ", "signs": "=", "flags": "-a "} {
		arg := strings.Repeat(unit, (4<<20)/len(unit))
		if got := MaskSecrets([]string{arg}); len(got) != 1 || got[0] != arg {
			t.Errorf("%s: changed, and nothing in it was secret", name)
		}
	}
}
