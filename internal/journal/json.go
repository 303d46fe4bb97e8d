package journal

import (
	"encoding/json"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// stamp is RFC 3339 in UTC with milliseconds.
type stamp time.Time

func (s stamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(s).UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}

func (s *stamp) UnmarshalJSON(b []byte) error {
	var t time.Time
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	*s = stamp(t)
	return nil
}

// maybeText is null for "".
func maybeText[S ~string](s S) listener.Maybe[S] {
	if s == "" {
		return listener.Maybe[S]{}
	}
	return listener.Known(s)
}
