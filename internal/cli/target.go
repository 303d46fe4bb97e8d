package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// reading is one way to take the name of a listener.
type reading struct {
	kind  string // port, pid or cookie
	value uint64
}

func (r reading) String() string {
	if r.kind == "cookie" {
		return "cookie:" + listener.Cookie(r.value).String()
	}
	return fmt.Sprintf("%s:%d", r.kind, r.value)
}

func (r reading) names(j *listener.Judgement) bool {
	switch r.kind {
	case "port":
		return uint64(j.Port()) == r.value
	case "pid":
		return slices.ContainsFunc(j.Owners, func(o listener.Owner) bool { return uint64(o.PID) == r.value })
	default:
		return uint64(j.Cookie) == r.value
	}
}

// readTarget gives the ways to take an argument, the likeliest first.
func readTarget(arg string) ([]reading, error) {
	kind, value, explicit := strings.Cut(arg, ":")
	if !explicit {
		kind, value = "", arg
	}
	// Of these only a port has a limit that a person should be told.
	forms := []struct {
		kind       string
		base, bits int
	}{{"port", 10, 16}, {"pid", 10, 31}, {"cookie", 16, 64}}
	var readings []reading
	for _, f := range forms {
		if explicit && f.kind != kind {
			continue
		}
		n, err := strconv.ParseUint(value, f.base, f.bits)
		if err == nil && n > 0 {
			readings = append(readings, reading{f.kind, n})
		}
	}
	if len(readings) == 0 {
		return nil, usagef("%q is no port, pid or cookie: write a number, port:N, pid:N or cookie:HEX", arg)
	}
	return readings, nil
}

// choose gives the listeners that an argument names, the worst first, and a note
// where it could name others too.
func choose(arg string, js []listener.Judgement) ([]listener.Judgement, string, error) {
	readings, err := readTarget(arg)
	if err != nil {
		return nil, "", err
	}
	var chosen []listener.Judgement
	var taken reading
	var also []string
	for _, r := range readings {
		var named []listener.Judgement
		for i := range js {
			if r.names(&js[i]) {
				named = append(named, js[i])
			}
		}
		switch {
		case len(named) == 0:
		case chosen == nil:
			chosen, taken = named, r
		default:
			also = append(also, r.String())
		}
	}
	if chosen == nil {
		words := make([]string, len(readings))
		for i, r := range readings {
			words[i] = r.String()
		}
		return nil, "", usagef("no listener is known by %s", strings.Join(words, ", "))
	}
	slices.SortStableFunc(chosen, worstFirst)
	if len(also) == 0 {
		return chosen, "", nil
	}
	return chosen, fmt.Sprintf("%q was taken as %s; there is %s too.", arg, taken, strings.Join(also, " and ")), nil
}

// worstFirst orders by verdict, then by how long and how many wait.
func worstFirst(a, b listener.Judgement) int {
	rank := func(v listener.Verdict) int {
		switch v {
		case listener.Stuck:
			return 2
		case listener.Suspect:
			return 1
		default:
			return 0
		}
	}
	return -cmp.Or(
		cmp.Compare(rank(a.Verdict), rank(b.Verdict)),
		cmp.Compare(a.OldestWait.Or(0), b.OldestWait.Or(0)),
		cmp.Compare(a.Queue, b.Queue),
	)
}
