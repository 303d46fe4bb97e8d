package demo

import (
	"encoding/json"
	"fmt"
	"time"
)

// event is what the demo reads of a line of `reusewatch run -o json`.
type event struct {
	Time     time.Time `json:"time"`
	Event    string    `json:"event"`
	Tier     string    `json:"tier"`
	Listener *seen     `json:"listener"`

	// Of acting, acted and act_failed.
	Method  string `json:"method"`
	PID     int    `json:"pid"`
	Rescued *int   `json:"rescued"`
	TookMS  *int64 `json:"took_ms"`
	Error   string `json:"error"`
}

// seen is a listener as an event shows it.
type seen struct {
	Local      string   `json:"local"`
	Queue      int      `json:"queue"`
	OldestWait *float64 `json:"oldest_wait_seconds"`
	Cause      string   `json:"cause"`
	Decision   *struct {
		Act     string   `json:"act"`
		Reasons []string `json:"reasons"`
	} `json:"decision"`
	Owners []owner `json:"owners"`
}

type owner struct {
	PID     int    `json:"pid"`
	Comm    string `json:"comm"`
	Culprit bool   `json:"culprit"`
}

func readEvent(line []byte) (event, error) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("read an event of reusewatch run: %w", err)
	}
	return e, nil
}

// culprit is the owner that should accept and does not; while that is not said,
// the only owner.
func (s *seen) culprit() (owner, bool) {
	for _, o := range s.Owners {
		if o.Culprit {
			return o, true
		}
	}
	if len(s.Owners) == 1 {
		return s.Owners[0], true
	}
	return owner{}, false
}
