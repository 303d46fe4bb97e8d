package text

import (
	"slices"
	"strings"
)

// shortFlags are letters of flags by which a program takes a secret.
type shortFlags struct {
	attached string // with its value
	next     string // or as the argument after it
}

// shortFlagsOf knows programs by how their names begin. What -p is of any other nobody can
// tell.
func shortFlagsOf(program string) shortFlags {
	name := program[strings.LastIndexByte(program, '/')+1:]
	begins := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	switch {
	case begins("mysql", "mariadb"): // "-p x" asks for one, and x is a database
		return shortFlags{attached: "p"}
	case begins("7z"):
		return shortFlags{attached: "p"}
	case begins("redis-cli", "valkey-cli"):
		return shortFlags{"a", "a"}
	case begins("mongo", "sshpass", "cqlsh"):
		return shortFlags{"p", "p"}
	case begins("ldap"):
		return shortFlags{"w", "w"}
	case begins("ipmitool", "sqlcmd", "bcp"):
		return shortFlags{"P", "P"}
	case begins("snmp"):
		return shortFlags{"AXc", "AXc"}
	case begins("docker", "podman"):
		return shortFlags{next: "p"}
	case begins("openssl"):
		return shortFlags{next: "kK"}
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
	if i < 0 || strings.Trim(arg, "0123456789:") == "" || strings.ContainsAny(arg, blanks) {
		return arg
	}
	return arg[:i+1] + masked
}

// maskUserValue does so in --user=user:password, and in curl's -uuser:password.
func maskUserValue(arg string) string {
	if flag, value, is := strings.Cut(arg, "="); is && userFlag(flag) {
		return flag + "=" + maskUser(value)
	}
	value, is := strings.CutPrefix(arg, "-u")
	if user, _, with := strings.Cut(value, ":"); is && with && user != "" && !strings.ContainsAny(user, "/=") {
		return "-u" + maskUser(value)
	}
	return arg
}
