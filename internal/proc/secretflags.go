package proc

import (
	"path"
	"strings"
)

// shortFlags are letters of flags by which a program takes a secret.
type shortFlags struct {
	attached string // with its value
	next     string // or as the argument after it
}

// shortFlagsOf knows programs by their names. What -p is of any other nobody can tell.
func shortFlagsOf(program string) shortFlags {
	name := strings.TrimSuffix(path.Base(program), ".exe")
	for prefix, flags := range map[string]shortFlags{
		"mysql": {attached: "p"}, "mariadb": {attached: "p"}, // "-p x" asks for one, and x is a database
		"redis-cli": {"a", "a"}, "valkey-cli": {"a", "a"}, "mongo": {"p", "p"}, "sshpass": {"p", "p"}, "ldap": {"w", "w"},
		"7z": {attached: "p"}, "ipmitool": {"P", "P"}, "snmp": {"AXc", "AXc"}, "docker": {"", "p"}, "podman": {"", "p"},
		"sqlcmd": {"P", "P"}, "bcp": {"P", "P"}, "cqlsh": {"p", "p"}, "openssl": {"", "kK"},
	} {
		if strings.HasPrefix(name, prefix) {
			return flags
		}
	}
	return shortFlags{}
}

// has says whether an argument is such a flag with its value.
func (f shortFlags) has(arg string) bool {
	return len(arg) > 2 && arg[0] == '-' && strings.IndexByte(f.attached, arg[1]) >= 0
}

// takes says whether the argument after this one is a secret. Ports of containers are none.
func (f shortFlags) takes(arg string) bool {
	return len(arg) == 2 && arg[0] == '-' && strings.IndexByte(f.next, arg[1]) >= 0
}

// guessedPassword: -pX of whatever program, where X is no word, no number and no path: -port,
// -p8080 and -p/run/x.pid stay.
func guessedPassword(arg string) bool {
	value, is := strings.CutPrefix(arg, "-p")
	if !is || value == "" || strings.ContainsAny(value[:1], "/.0123456789:[") {
		return false
	}
	name, _, _ := strings.Cut(value, "=")
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-_.") != "" && !camel(name)
}

// camel: words of letters alone, as a flag -pidFile has them.
func camel(s string) bool {
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == "" && s[0] >= 'a' && len(words(s)) > 1
}

// userFlag: its value is a user, perhaps with a password.
func userFlag(arg string) bool {
	switch arg {
	case "-u", "-U", "--user", "--proxy-user", "--username":
		return true
	}
	return false
}

// maskUser masks the password of user:password and of user%password. Two numbers are a user
// and a group, and what has a blank is no such thing.
func maskUser(arg string) string {
	i := strings.IndexAny(arg, ":%")
	if i < 0 || strings.Trim(arg, "0123456789:") == "" || strings.ContainsAny(arg, " \t\n") {
		return arg
	}
	return arg[:i+1] + masked
}

// maskUserValue does so in --user=user:password, and in curl's -uuser:password.
func maskUserValue(arg string) string {
	if flag, value, is := strings.Cut(arg, "="); is && userFlag(flag) {
		return flag + "=" + maskUser(value)
	}
	if value, is := strings.CutPrefix(arg, "-u"); is && strings.Contains(value, ":") && !strings.ContainsAny(value, "/=") {
		return "-u" + maskUser(value)
	}
	return arg
}
