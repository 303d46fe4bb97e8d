package proc

import (
	"slices"
	"strings"
)

const masked = "***"

// MaskSecrets returns a copy of a command line in which what looks secret reads
// "***": the value of --password=x, DB_PASSWORD=x or "X-Token: x", the argument
// after --token, and the password in a URL's user:password@host. It errs on the
// side of masking: after a key that looks secret the whole rest of the argument
// goes, as nobody can tell where a secret ends.
func MaskSecrets(args []string) []string {
	out := slices.Clone(args)
	for i := range out {
		// The argument before is looked at as it was: masked, it might not show
		// any more that it is a flag.
		if i > 0 && secretFlag(args[i-1]) {
			out[i] = masked
			continue
		}
		out[i] = maskURLs(maskValue(args[i]))
	}
	return out
}

// secretFlag says whether arg is a flag whose value is the next argument.
func secretFlag(arg string) bool {
	arg = strings.Trim(arg, `"'`)
	return strings.HasPrefix(arg, "-") && !strings.ContainsAny(arg, "=: \t\n") && secretKey(arg)
}

// secretKey says whether a key sounds secret, in whatever case and with
// whatever joins its words: api-key, API_KEY, apiKey.
func secretKey(key string) bool {
	key = strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(key), "-", ""), "_", "")
	for _, word := range []string{
		"password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "privatekey",
	} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// maskValue masks what follows the first secret key inside one argument. The
// key need not be at its start: --env=DB_PASSWORD=x, "host=db password=x", a
// whole command line handed to sh -c.
func maskValue(arg string) string {
	start := 0 // of the word that may be a key
	for i := 0; i < len(arg); i++ {
		word := arg[start:i]
		secret := false
		switch arg[i] {
		case '=':
			secret = secretKey(word)
		case ':': // a header or YAML; not a path, a URL or a host name
			secret = secretKey(word) && !strings.ContainsAny(word, "/.")
		case ' ', '\t', '\n':
			blanks := len(arg[i:]) - len(strings.TrimLeft(arg[i:], " \t\n"))
			i += blanks - 1 // all of them at once: there may be many
			if i+1 < len(arg) && strings.ContainsAny(arg[i+1:i+2], "=:") {
				continue // "password = x": the key has not met its sign yet
			}
			secret = secretFlag(word)
		case ',', ';', '{':
		default:
			continue
		}
		if secret {
			end := i + 1
			for end < len(arg) && (arg[end] == ' ' || arg[end] == '\t') {
				end++
			}
			return arg[:end] + masked
		}
		start = i + 1
	}
	return arg
}

// maskURLs masks the password of every scheme://user:password@host.
func maskURLs(arg string) string {
	var b strings.Builder
	for {
		i := strings.Index(arg, "://")
		if i < 0 {
			b.WriteString(arg)
			return b.String()
		}
		b.WriteString(arg[:i+3])
		arg = arg[i+3:]
		if colon, at, ok := urlPassword(arg); ok {
			b.WriteString(arg[:colon+1] + masked)
			arg = arg[at:]
		}
	}
}

// urlPassword finds the ':' before and the '@' behind the password of what
// follows a "://". People do not always escape their passwords, so where a '/'
// comes before any '@' it may still be part of one: it is when what follows the
// ':' does not start like a port.
func urlPassword(s string) (colon, at int, ok bool) {
	s, _, _ = strings.Cut(s, "://") // the next of a list of URLs, of which there may be many
	if end := strings.IndexAny(s, " \t\n\"'"); end >= 0 {
		s = s[:end]
	}
	colon = strings.IndexByte(s, ':')
	if colon < 0 {
		return 0, 0, false
	}
	authority := s
	if end := strings.IndexAny(s, "/?#"); end >= 0 {
		authority = s[:end]
	}
	if at = strings.LastIndexByte(authority, '@'); at >= 0 {
		return colon, at, colon < at
	}
	if colon > len(authority) || strings.Trim(authority[colon+1:], "0123456789") == "" || authority[0] == '[' {
		return 0, 0, false
	}
	at = strings.LastIndexByte(s, '@')
	return colon, at, at > colon
}
