package cli

import (
	"os"
	"strings"
	"time"
)

// moment reads what --newer-than says: an RFC 3339 time, a duration ago, or file:PATH,
// which is when that file was last written, as by touch.
func moment(text string, now time.Time) (time.Time, error) {
	var at time.Time
	if path, is := strings.CutPrefix(text, "file:"); is {
		st, err := os.Stat(path)
		if err != nil {
			return at, usagef("--newer-than %s: find out when that file was written: %w", text, err)
		}
		at = st.ModTime()
	} else if ago, err := time.ParseDuration(text); err == nil {
		if ago < 0 {
			return at, usagef("--newer-than %s: a duration says how long ago, so it is not negative", text)
		}
		at = now.Add(-ago)
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		return at, usagef("--newer-than %q is no RFC 3339 time, no duration such as 30s, and no file:PATH", text)
	}
	if at.After(now) {
		return at, usagef("--newer-than %s is %s, which is yet to come: nothing can have begun after it", text, at.UTC().Format(time.RFC3339))
	}
	return at, nil
}
