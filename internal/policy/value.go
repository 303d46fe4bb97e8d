package policy

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// commLen is how much of a process's name the kernel keeps.
const commLen = 15

// maxPer is how long an act is remembered (internal/journal).
const maxPer = 24 * time.Hour

// ParseBudget reads ACTS/TIME, such as 1/10m.
func ParseBudget(s string) (judge.Budget, error) {
	acts, per, found := strings.Cut(s, "/")
	n, err := strconv.ParseUint(acts, 10, 31)
	if !found || err != nil {
		return judge.Budget{}, fmt.Errorf("%s is no budget: write acts/time, such as 1/10m", quote(s))
	}
	d, err := parseDuration(per)
	if err != nil {
		return judge.Budget{}, fmt.Errorf("%s is no budget, write acts/time, such as 1/10m: %w", quote(s), err)
	}
	switch {
	case n == 0:
		return judge.Budget{}, fmt.Errorf("%s allows nothing: write at least 1 act, or action observe to never act", quote(s))
	case d == 0:
		return judge.Budget{}, fmt.Errorf("%s bounds nothing: write a time of more than 0s", quote(s))
	case d > maxPer:
		return judge.Budget{}, fmt.Errorf("%s is too long: acts are remembered for %s", quote(s), short(maxPer))
	}
	return judge.Budget{Acts: int(n), Per: d}, nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && strings.Trim(s, "0123456789.") == "" && s != "":
		return 0, fmt.Errorf("%s has no unit: write %ss or %sm", quote(s), s, s)
	case err != nil:
		return 0, fmt.Errorf("%s is no duration: write numbers with ms, s, m or h, such as 1m30s", quote(s))
	case d < 0:
		return 0, fmt.Errorf("%s is negative: time does not run backwards", quote(s))
	}
	return d, nil
}

func parseStuckAfter(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err == nil && d == 0 {
		err = fmt.Errorf("%s would call every queue stuck: write more than 0s", quote(s))
	}
	return d, err
}

func parseAction(s string) (listener.Action, error) {
	switch a := listener.Action(s); a {
	case listener.Observe, listener.Close, listener.Kill:
		return a, nil
	default:
		return "", fmt.Errorf("unknown action %s: it is observe, close or kill", quote(s))
	}
}

// parseSuperseded reads what is done about a superseded generation.
func parseSuperseded(s string) (listener.Action, error) {
	switch a := listener.Action(s); a {
	case listener.Report, listener.Close, listener.Kill:
		return a, nil
	default:
		return "", fmt.Errorf("%s is none of report, close and kill", quote(s))
	}
}

func parsePlace(s string) (listener.Place, error) {
	switch p := listener.Place(s); p {
	case listener.WithinContainer, listener.WithinPod, listener.Anywhere:
		return p, nil
	default:
		return "", fmt.Errorf("%s is none of container, pod and any", quote(s))
	}
}

// parseBool reads what a flag may be; a file is stricter.
func parseBool(s string) (bool, error) {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return false, fmt.Errorf("%s is neither true nor false", quote(s))
	}
	return v, nil
}

// parseName takes whatever can stand in a name, and be seen there.
func parseName(s string) (string, error) {
	switch {
	case strings.TrimSpace(s) != s || s == "":
		return "", fmt.Errorf("%s is empty or has blanks around it", quote(s))
	case text.Printable(s) != s:
		return "", fmt.Errorf("%s holds characters that cannot be printed", quote(s))
	}
	return s, nil
}

func parseComm(s string) (string, error) {
	if _, err := parseName(s); err != nil {
		return "", err
	}
	if strings.HasPrefix(s, "/") {
		return "", fmt.Errorf("%s is a path: write the process's name alone, or use exe in a match", quote(s))
	}
	if len(s) > commLen {
		return "", fmt.Errorf("%s is longer than the %d bytes that the kernel keeps: write %s", quote(s), commLen, quote(s[:commLen]))
	}
	return s, nil
}

func parseExe(s string) (string, error) {
	if _, err := parseName(s); err != nil {
		return "", err
	}
	if _, err := path.Match(s, ""); err != nil {
		return "", fmt.Errorf("%s is no shell pattern: close its [ or escape it as \\[", quote(s))
	}
	switch {
	case !strings.HasPrefix(s, "/"):
		return "", fmt.Errorf("%s never matches: write the whole path, from /", quote(s))
	case strings.Contains(s, "**"):
		return "", fmt.Errorf("%s holds **, which is not read, and * stops at a /: write one * for each directory", quote(s))
	case strings.HasSuffix(s, " (deleted)"):
		return "", fmt.Errorf("%s never matches: leave (deleted) out, a replaced executable matches all the same", quote(s))
	}
	return s, nil
}

// parseProgram reads the whole path of an executable, and no pattern of one.
func parseProgram(s string) (string, error) {
	if _, err := parseName(s); err != nil {
		return "", err
	}
	switch {
	case !strings.HasPrefix(s, "/"):
		return "", fmt.Errorf("%s never matches: write the whole path, from /", quote(s))
	case strings.Contains(s, "*"):
		return "", fmt.Errorf("%s is a pattern: write each path whole", quote(s))
	case strings.HasSuffix(s, " (deleted)"):
		return "", fmt.Errorf("%s never matches: leave (deleted) out, a replaced executable matches all the same", quote(s))
	}
	return s, nil
}

func parseCgroup(s string) (string, error) {
	_, err := parseName(s)
	switch {
	case err != nil:
		return "", err
	case !strings.HasPrefix(s, "/"):
		return "", fmt.Errorf("%s never matches: a cgroup path begins with /", quote(s))
	case strings.Contains(s, "*"):
		return "", fmt.Errorf("%s is no pattern but how the path begins: leave the * and what follows out", quote(s))
	}
	return s, nil
}

// ParseContainer reads how the id of a container begins.
func ParseContainer(s string) (string, error) {
	if _, err := parseName(s); err != nil {
		return "", err
	}
	if strings.ContainsAny(s, "/:*") {
		return "", fmt.Errorf("%s is no container id: write how the id begins, without docker:// and the like, and without *", quote(s))
	}
	return s, nil
}

// ParsePod reads a shell pattern of the name of a pod.
func ParsePod(s string) (string, error) {
	if _, err := parseName(s); err != nil {
		return "", err
	}
	if _, err := path.Match(s, ""); err != nil {
		return "", fmt.Errorf("%s is no shell pattern: close its [ or escape it as \\[", quote(s))
	}
	if strings.ContainsAny(s, "/_:") {
		return "", fmt.Errorf("%s is no name of a pod: write the namespace on its own, and the name as kubectl prints it", quote(s))
	}
	return s, nil
}

// ParseNamespace reads the name of a namespace of Kubernetes.
func ParseNamespace(s string) (string, error) {
	if _, err := parseName(s); err != nil {
		return "", err
	}
	if strings.ContainsAny(s, "/_:*?[") {
		return "", fmt.Errorf("%s is no name of a namespace: write it whole, as kubectl prints it", quote(s))
	}
	return s, nil
}

func parsePort(s string) (uint16, error) {
	n, err := number(s, math.MaxUint16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s is no TCP port: write 1 to 65535, each port on its own", quote(s))
	}
	return uint16(n), nil
}

func parseUID(s string) (uint32, error) {
	n, err := number(s, math.MaxUint32-1)
	if err != nil {
		return 0, fmt.Errorf("%s is no user id: write the number, as id -u prints it", quote(s))
	}
	return uint32(n), nil
}

// number refuses a leading 0, which YAML reads as octal and people do not.
func number(s string, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err == nil && (n > most || len(s) > 1 && s[0] == '0') {
		err = errors.New("out of range")
	}
	return n, err
}

func parseAddr(s string) (netip.Prefix, error) {
	var p netip.Prefix
	a, err := netip.ParseAddr(s)
	if err == nil {
		p = netip.PrefixFrom(a, a.BitLen())
	} else {
		p, err = netip.ParsePrefix(s)
	}
	switch {
	case err != nil:
		return p, fmt.Errorf("%s is neither an address nor a CIDR, such as 10.0.0.0/8", quote(s))
	case a.Zone() != "":
		return p, fmt.Errorf("%s has a zone, which is not compared: write %s", quote(s), a.WithZone(""))
	case p.Addr().Is4In6():
		return p, fmt.Errorf("%s never matches: leave ::ffff: out and write it as IPv4", quote(s))
	case p != p.Masked():
		return p, fmt.Errorf("%s has bits beyond its mask: write %s, or %s for that address alone", quote(s), p.Masked(), p.Addr())
	}
	return p, nil
}
