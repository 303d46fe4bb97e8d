package text

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

type masking struct{ in, want []string }

// kept holds nothing that is secret.
func kept(args ...string) masking { return masking{args, slices.Clone(args)} }

func TestMaskSecrets(t *testing.T) {
	for _, tc := range []masking{
		{nil, nil},
		kept("haproxy", "-f", "/etc/haproxy.cfg", "-sf", "12"),
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
		{
			[]string{"/usr/bin/mysql", "-phunter", "-p", "db", "-P3306"},
			[]string{"/usr/bin/mysql", "-p***", "-p", "db", "-P3306"},
		},
		{[]string{"redis-cli", "-a", "x", "-p", "6379"}, []string{"redis-cli", "-a", "***", "-p", "6379"}},
		{[]string{"sshpass", "-p", "x", "ssh", "-p", "22"}, []string{"sshpass", "-p", "***", "ssh", "-p", "***"}},
		{
			[]string{"env", "MYSQL_PWD=x", "PGPASSWORD=x", "AWS_ACCESS_KEY_ID=x", "PWD=/x"},
			[]string{"env", "MYSQL_PWD=***", "PGPASSWORD=***", "AWS_ACCESS_KEY_ID=***", "PWD=***"},
		},
		{
			[]string{"--pass", "x", "--psk=x", "--db-pass=x", "--bypass", "x"},
			[]string{"--pass", "***", "--psk=***", "--db-pass=***", "--bypass", "x"},
		},
		{[]string{"Server=db;uid=sa;pwd=x"}, []string{"Server=db;uid=sa;pwd=***"}},
		{
			[]string{"curl", "-u", "a:b", "-ua:b", "--user=a:b", "--proxy-user", "a:b:c"},
			[]string{"curl", "-u", "a:***", "-ua:***", "--user=a:***", "--proxy-user", "a:***"},
		},
		{
			[]string{"run", "-u", "1000:1000", "-u", "haproxy", "smb", "-U", "u%p"},
			[]string{"run", "-u", "1000:1000", "-u", "haproxy", "smb", "-U", "u%***"},
		},
		{
			[]string{"-H", "Authorization: Bearer x", "-H", "Cookie: a=b; c=d", "authorization:x"},
			[]string{"-H", "Authorization: ***", "-H", "Cookie: ***", "authorization:***"},
		},
		{
			[]string{"env", "PASSWORD=x", "Db_PassWd=x", "PORT=80"},
			[]string{"env", "PASSWORD=***", "Db_PassWd=***", "PORT=80"},
		},
		{[]string{"--env=DB_PASSWORD=x"}, []string{"--env=DB_PASSWORD=***"}},
		{[]string{"-Dspring.datasource.password=x"}, []string{"-Dspring.datasource.password=***"}},
		{
			[]string{
				"--apikey=1", "--api-key=1", "--API_KEY=1", "--apiKey", "1",
				"--credentials=1", "--private-key=1", "--client-secret=1", "--key=1",
			},
			[]string{
				"--apikey=***", "--api-key=***", "--API_KEY=***", "--apiKey", "***",
				"--credentials=***", "--private-key=***", "--client-secret=***", "--key=1",
			},
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
		{
			[]string{`{"user":"u","password":"x"}`, `{"password" : "x"}`},
			[]string{`{"user":"u","password":***`, `{"password" : ***`},
		},
		{[]string{"http://h/?a=b&token=x"}, []string{"http://h/?a=b&token=***"}},
		kept("/run/secrets:/run/secrets", "unix:/run/token.sock", "secrets.example.com:443"),
		{
			[]string{"v=1.5,password:x", "v=1.5;password:x", "/v{password:x"},
			[]string{"v=1.5,password:***", "v=1.5;password:***", "/v{password:***"},
		},
		kept("secret", "server"),
		{[]string{"postgres://u:p@h:5432/db"}, []string{"postgres://u:***@h:5432/db"}},
		{[]string{"http://u:p-token=q@h"}, []string{"http://u:***@h"}},
		{[]string{"--url=redis://:p@h"}, []string{"--url=redis://:***@h"}},
		{[]string{"http://u:p@q@h/x"}, []string{"http://u:***@h/x"}},
		{[]string{"http://u:p/q@h/x"}, []string{"http://u:***@h/x"}},
		{[]string{"http://a:b@h,http://c:d@i"}, []string{"http://a:***@h,http://c:***@i"}},
		{
			[]string{"http://h:80,http://c:d@i", "http://a:b@h x@y"},
			[]string{"http://h:80,http://c:***@i", "http://a:***@h x@y"},
		},
		kept("http://u@h:80/", "http://h:80/@x", "http://[::1]:80/a@b", "http://h/a:b@c", "://", "x://:", "http:///a:b"),
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
	for name, unit := range map[string]string{
		"blanks": " ", "schemes": "://", "keys": "a ", "signs": "=", "flags": "-a ",
	} {
		arg := strings.Repeat(unit, (4<<20)/len(unit))
		if got := MaskSecrets([]string{arg}); len(got) != 1 || got[0] != arg {
			t.Errorf("%s: changed, and nothing in it was secret", name)
		}
	}
}
