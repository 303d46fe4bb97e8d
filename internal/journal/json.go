package journal

import (
	"encoding/json"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// stamp is written as [text.Stamp].
type stamp time.Time

func (s stamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(text.Stamp(time.Time(s)))
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
