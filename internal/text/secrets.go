package text

import (
	"slices"
	"strings"
)

const masked = "***"

// MaskSecrets returns a copy of a command line in which what looks secret reads
// "***": the value of --password=x, MYSQL_PWD=x or "Cookie: x", the argument
// after --token, what programs take by -p and the like, the password of -u user:password and
// that in a URL's user:password@host. It errs on the side of masking: after a key that looks
// secret the whole rest of the argument goes, as nobody can tell where a secret ends. An
// argument of several words, a title or what sh -c takes, is a command line of its own.
func MaskSecrets(args []string) []string {
	out := slices.Clone(args)
	// The argument before is looked at as it was: masked, it might not show any more
	// that it is a flag.
	before := ""
	var short shortFlags
	for i, arg := range args {
		if i == 0 {
			short = shortFlagsOf(arg)
		}
		out[i] = maskValue(maskWords(maskArgument(arg, before, short)))
		before = arg
	}
	return out
}

const blanks = " \t\n"

// maskArgument masks what an argument is by itself, or by the one before it.
func maskArgument(arg, before string, short shortFlags) string {
	switch {
	case secretFlag(before), short.takes(before):
		return masked
	case short.has(arg), guessedPassword(arg):
		return arg[:2] + masked
	case userFlag(before):
		return maskUser(maskURLs(arg))
	default:
		return maskUserValue(maskURLs(arg))
	}
}

// maskWords masks the words of one argument as those of a command line. Where the name of
// a program that is known stands among them, its flags are known from there on.
func maskWords(arg string) string {
	if !strings.ContainsAny(arg, blanks) {
		return arg
	}
	var b strings.Builder
	var short shortFlags
	for before := ""; arg != ""; {
		gap := len(arg) - len(strings.TrimLeft(arg, blanks))
		b.WriteString(arg[:gap])
		arg = arg[gap:]
		end := strings.IndexAny(arg, blanks)
		if end < 0 {
			end = len(arg)
		}
		word := arg[:end]
		arg = arg[end:]
		b.WriteString(maskArgument(word, before, short))
		if known := shortFlagsOf(word); known != (shortFlags{}) {
			short = known
		}
		before = word
	}
	return b.String()
}

// secretFlag says whether arg is a flag whose value is the next argument.
func secretFlag(arg string) bool {
	arg = strings.Trim(arg, `"'`)
	return strings.HasPrefix(arg, "-") && !strings.ContainsAny(arg, "=:"+blanks) && secretKey(arg)
}

// secretKey says whether a key sounds secret, in whatever case and with
// whatever joins its words: api-key, API_KEY, apiKey.
func secretKey(key string) bool {
	joined := strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(key), "-", ""), "_", "")
	for _, part := range []string{
		"password", "passwd", "passphrase", "passcode", "passin", "passout", "secret", "token", "apikey", "accesskey", "credential",
		"privatekey", "authorization", "cookie", "sessionid", "presharedkey", "connectionstring", "signature",
	} {
		if strings.Contains(joined, part) {
			return true
		}
	}
	return slices.ContainsFunc(words(key), func(word string) bool {
		return slices.Contains([]string{"pass", "pwd", "pw", "psk", "auth", "bearer", "jwt", "otp", "creds", "userpass"}, word)
	})
}

// words of a key: apiKey, api-key, api.key and API_KEY have the same two.
func words(key string) []string {
	var all []string
	start := 0
	end := func(i int) {
		if i > start {
			all = append(all, strings.ToLower(key[start:i]))
		}
	}
	for i := range len(key) {
		c := key[i]
		switch letter := c|0x20 >= 'a' && c|0x20 <= 'z'; {
		case !letter && (c < '0' || c > '9'):
			end(i)
			start = i + 1
		case c >= 'A' && c <= 'Z' && i > start && key[i-1] >= 'a' && key[i-1] <= 'z':
			end(i)
			start = i
		}
	}
	end(len(key))
	return all
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
			gap := len(arg[i:]) - len(strings.TrimLeft(arg[i:], blanks))
			i += gap - 1 // all of them at once: there may be many
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
	if end := strings.IndexAny(s, blanks+"\"'"); end >= 0 {
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
