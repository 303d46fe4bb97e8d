package havoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// line is what is read of one of the log of acts.
type line struct {
	Kind, Result, Evidence string
	ActID                  string `json:"act_id"`
	PID                    int
	Start                  uint64
	Listeners              []string

	text  string
	whole bool
}

func (l line) String() string { return l.text }

// process is whom it is about, by what no other has.
func (l line) process() string { return fmt.Sprintf("pid %d start %d", l.PID, l.Start) }

// logged are the lines of the log of acts but the first, which the scene wrote.
func (s *scene) logged() []line {
	b, err := os.ReadFile(s.log())
	s.must(err)
	var all []line
	for text := range bytes.Lines(b) {
		l := line{text: string(bytes.TrimSpace(text)), whole: bytes.HasSuffix(text, []byte("\n"))}
		l.whole = json.Unmarshal(text, &l) == nil && l.whole
		all = append(all, l)
	}
	return all[1:]
}

// counted are the acts that count for the budget.
func (s *scene) counted() (acts []struct{ At time.Time }) {
	b, err := os.ReadFile(s.path("state/acts.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s.must(err)
	if err := json.Unmarshal(b, &acts); err != nil {
		s.t.Errorf("LOST: acts.json is no JSON: %v: %s", err, b)
	}
	return acts
}

// spent: the budget of one act is.
func (s *scene) spent() bool { return len(s.counted()) > 0 }

// acts holds what is kept of acts to what may be.
func (s *scene) acts() {
	s.t.Helper()
	begun, ended := map[string]line{}, map[string]line{}
	touched := ""            // the act that went to its end
	counting, failed := 0, 0 // acts that may have touched somebody; and those of which that is not known
	for _, l := range s.logged() {
		if !l.whole {
			s.t.Errorf("LOST: a line of the log is no whole JSON: %q", l.text)
			continue
		}
		if l.PID != s.stuck.PID() || l.Start == 0 {
			s.t.Errorf("WRONG ACT: %s on %s", l.Kind, l.process())
		}
		key := l.ActID + strings.Join(l.Listeners, " ")
		switch l.Kind {
		case "intent":
			if touched != "" {
				s.t.Errorf("TWICE: act %s on %s, of which act %s was done", l.ActID, l.process(), touched)
			}
			if _, twice := begun[key]; twice {
				s.t.Errorf("TWICE: act %s stands twice in the log", l.ActID)
			}
			begun[key] = l
			s.evidence(l)
		case "outcome":
			if _, twice := ended[key]; twice {
				s.t.Errorf("TWICE: act %s ended twice", l.ActID)
			}
			ended[key] = l
			s.tell("%s", l.Result)
			refused := fills(s.plan) && l.Result == "failed" // before its intent could be kept
			if _, intended := begun[key]; !intended && !refused {
				s.t.Errorf("LOST: act %s ended and was never begun", l.ActID)
			}
			if l.Result == "acted" || l.Result == "found-gone" {
				touched = l.ActID
			}
		}
		switch {
		case l.Kind == "outcome" && l.Result == "failed":
			failed++
		case l.Kind == "outcome" && l.Result != "left-alone":
			counting++
		}
	}
	for key, l := range begun {
		if _, is := ended[key]; !is {
			s.t.Errorf("LOST: act %s has no end in the log", l.ActID)
		}
	}
	if s.stuck.Ended() && touched == "" {
		s.t.Error("LOST: it was ended, and the log has no act that did it")
	}
	if n := strings.Count(strings.Join(s.stuck.Said(), "\n"), "sigterm"); n > len(begun) {
		s.t.Errorf("TWICE: it got SIGTERM %d times by %d acts", n, len(begun))
	}
	if n := len(s.counted()); n < counting && !slices.Contains([]string{"day", "year"}, s.plan.how) {
		s.t.Errorf("LOST: %d acts count for the budget, and the log has %d", n, counting)
	}
	if n := len(s.counted()); n > counting+failed+s.kills {
		s.t.Errorf("LOST: %d acts count for the budget, and the log has %d", n, counting+failed)
	}
	if s.plan.one && counting > 1 {
		s.t.Errorf("TWICE: %d acts, and the budget is of one", counting)
	}
}

// evidence holds a bundle to what is asked for.
func (s *scene) evidence(of line) {
	s.t.Helper()
	var bundle struct {
		ActID   string `json:"act_id"`
		Targets []struct{ PID int }
		Group   []json.RawMessage
		Policy  json.RawMessage
	}
	b, err := os.ReadFile(of.Evidence)
	if err == nil {
		err = json.Unmarshal(b, &bundle)
	}
	aimed := len(bundle.Targets) == 1 && bundle.Targets[0].PID == of.PID
	if err != nil || bundle.ActID != of.ActID || !aimed || len(bundle.Group) != 2 || len(bundle.Policy) == 0 {
		s.t.Errorf("LOST: the evidence of act %s is not whole: %s: %v, %+v, %d members",
			of.ActID, of.Evidence, err, bundle.Targets, len(bundle.Group))
	}
}
