package cli

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func named(
	cookie listener.Cookie, port uint16, verdict listener.Verdict, wait time.Duration, queue uint32, pids ...int,
) listener.Judgement {
	l := &listener.Listener{}
	l.Cookie, l.Queue = cookie, queue
	l.Local = netip.AddrPortFrom(netip.IPv4Unspecified(), port)
	if wait > 0 {
		l.OldestWait = listener.Rarely(wait)
	}
	for _, pid := range pids {
		l.Owners = append(l.Owners, listener.Owner{Holder: &listener.Holder{PID: pid}})
	}
	return listener.Judgement{Listener: l, Verdict: verdict}
}

func TestChoose(t *testing.T) {
	js := []listener.Judgement{
		named(0xa1, 80, listener.Accepting, 0, 0, 500),
		named(0xa2, 80, listener.Slow, 40*time.Second, 9, 501, 80),
		named(0xa3, 80, listener.Slow, 40*time.Second, 10, 502),
		named(0xa4, 80, listener.Slow, 41*time.Second, 1, 503),
		named(0xa5, 80, listener.Suspect, 20*time.Second, 1, 504),
		named(0xa6, 80, listener.Stuck, 10*time.Second, 1, 505),
		named(0x443, 8080, listener.Idle, 0, 0, 600),
		named(0xdead, 9090, listener.Idle, 0, 0, 443),
		named(0x9090, 443, listener.Idle, 0, 0, 601),
	}
	for _, c := range []struct{ arg, want, note string }{
		{"80", "a6 a5 a4 a3 a2 a1", `"80" was taken as port:80; there is pid:80 too.`},
		{"port:80", "a6 a5 a4 a3 a2 a1", ""},
		{"pid:80", "a2", ""},
		{"505", "a6", ""},
		{"dead", "dead", ""},
		{"cookie:443", "443", ""},
		{"443", "9090", `"443" was taken as port:443; there is pid:443 and cookie:443 too.`},
		{"600", "443", ""},
		{"9090", "dead", `"9090" was taken as port:9090; there is cookie:9090 too.`},
	} {
		chosen, note, err := choose(c.arg, js)
		var got []string
		for i := range chosen {
			got = append(got, chosen[i].Cookie.String())
		}
		if err != nil || strings.Join(got, " ") != c.want || note != c.note {
			t.Errorf("%s: %q, note %q, %v; want %q, note %q", c.arg, got, note, err, c.want, c.note)
		}
	}
	for _, arg := range []string{
		"81", "port:500", "pid:9", "cookie:80", "beef",
		"", "port:", "0", "-1", "port:65536", "http", "80:80", "cookie:xyz",
	} {
		chosen, _, err := choose(arg, js)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%q names %v, %v", arg, chosen, err)
		}
	}
}
