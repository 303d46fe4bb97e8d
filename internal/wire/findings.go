package wire

import (
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
)

// jsonSuperseded is null unless there is an older generation to tell of.
type jsonSuperseded struct {
	Old   jsonSide                `json:"old"`
	New   jsonSide                `json:"new"`
	Why   []listener.Trait        `json:"why"`
	Share listener.Maybe[float64] `json:"share"` // of new clients that the old one takes
	Text  string                  `json:"text"`
}

type jsonSide struct {
	PIDs      []int                   `json:"pids"`
	Start     uint64                  `json:"start_ticks"`
	Comm      string                  `json:"comm"`
	Cmdline   []string                `json:"cmdline"`
	UID       uint32                  `json:"uid"`
	User      listener.Maybe[string]  `json:"user"`
	Since     listener.Maybe[stamp]   `json:"since"`
	SinceSeen bool                    `json:"since_listen"` // else since its process started
	Age       listener.Maybe[seconds] `json:"age_seconds"`
	Configs   []jsonConfig            `json:"configs"`
	Listeners []string                `json:"listeners"`
}

type jsonConfig struct {
	Path string `json:"path"`
	// Null for ever: nobody looks at a file that a process names.
	Modified listener.Maybe[stamp]   `json:"modified"`
	Since    listener.Maybe[seconds] `json:"modified_since_boot_seconds"`
}

type jsonMixed struct {
	Programs   []string `json:"programs"`
	Users      []string `json:"users"`
	Containers []string `json:"containers"`
	Images     []string `json:"images"`
	Text       string   `json:"text"`
}

func findingsJSON(j *listener.Judgement, out *jsonListener) {
	out.Findings, out.Generations = []string{}, j.Generations
	for _, f := range j.Findings() {
		out.Findings = append(out.Findings, string(f))
	}
	if s := j.Superseded; s != nil {
		out.Superseded = &jsonSuperseded{sideJSON(&s.Old, j.At), sideJSON(&s.New, j.At), s.Why, s.Share, sentence.Superseded(j)}
	}
	if m := j.Mixed; m != nil {
		out.Mixed = &jsonMixed{some(m.Programs), some(m.Users), some(m.Containers), some(m.Images), sentence.Mixed(m)}
	}
}

func some(values []string) []string { return append([]string{}, values...) }

func sideJSON(s *listener.Side, at time.Time) jsonSide {
	out := jsonSide{
		PIDs: s.PIDs, Start: s.Start, Comm: s.Comm, Cmdline: some(listener.Clip(s.Cmdline)), UID: s.UID, User: maybeText(s.User),
		Since: maybeStamp(listener.Known(s.Since)), SinceSeen: s.SinceSeen,
		Configs: []jsonConfig{}, Listeners: cookies(s.Listeners),
	}
	if !s.Since.IsZero() {
		out.Age = listener.Known(seconds(at.Sub(s.Since)))
	}
	for _, c := range s.Configs {
		out.Configs = append(out.Configs, jsonConfig{Path: c.Path})
	}
	return out
}

func (in *jsonListener) findings(j *listener.Judgement) error {
	j.Generations = in.Generations
	if s := in.Superseded; s != nil {
		j.Superseded = &listener.Superseded{Why: words(s.Why), Share: s.Share}
		for _, side := range []struct {
			in *jsonSide
			to *listener.Side
		}{{&s.Old, &j.Superseded.Old}, {&s.New, &j.Superseded.New}} {
			if err := side.in.into(side.to); err != nil {
				return err
			}
		}
	}
	if m := in.Mixed; m != nil {
		j.Mixed = &listener.Mixed{Programs: m.Programs, Users: m.Users, Containers: m.Containers, Images: m.Images}
	}
	return nil
}

func (in *jsonSide) into(s *listener.Side) error {
	*s = listener.Side{
		PIDs: in.PIDs, Start: in.Start, Comm: in.Comm, Cmdline: in.Cmdline, UID: in.UID, User: in.User.Or(""),
		Since: timeOf(in.Since).Or(time.Time{}), SinceSeen: in.SinceSeen,
	}
	if len(s.PIDs) == 0 {
		return fmt.Errorf("a generation of %q has no process", in.Comm)
	}
	for _, c := range in.Configs {
		s.Configs = append(s.Configs, listener.Config{Path: c.Path})
	}
	for _, text := range in.Listeners {
		c, err := parseCookie(text)
		if err != nil {
			return err
		}
		s.Listeners = append(s.Listeners, c)
	}
	return nil
}
