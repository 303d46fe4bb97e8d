package cli

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	stamp := write(t, t.TempDir(), "stamp", "")
	if err := os.Chtimes(stamp, now, now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]time.Time{
		"30s":                       now.Add(-30 * time.Second),
		"0s":                        now,
		"1h30m":                     now.Add(-90 * time.Minute),
		"2026-11-03T11:59:58Z":      now.Add(-2 * time.Second),
		"2026-11-03T12:59:58+01:00": now.Add(-2 * time.Second),
		"2026-11-03T11:59:58.25Z":   now.Add(-1750 * time.Millisecond),
		"file:" + stamp:             now.Add(-time.Minute),
	} {
		if at, err := moment(text, now); err != nil || !at.Equal(want) {
			t.Errorf("%s: %v, %v, want %v", text, at, err, want)
		}
	}
	for _, text := range []string{
		"", "-30s", "yesterday", "2026-11-03", "2026-11-03T12:00:01Z",
		"file:", "file:" + stamp + ".not", stamp,
	} {
		at, err := moment(text, now)
		if usage := (usageError{}); !errors.As(err, &usage) {
			t.Errorf("%q: %v, %v, want a usage error", text, at, err)
		}
	}
}
