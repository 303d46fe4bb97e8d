package view

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Frame is a judged snapshot as it is shown and served.
func Frame(s *listener.Snapshot, js []listener.Judgement, settings *judge.Settings, m *Meter) *wire.Frame {
	return &wire.Frame{
		Time: s.Time, Tier: s.Tier, Interval: s.Interval, Watched: s.Watched, Host: m.host, Cost: m.Cost(),
		Policy: Thresholds(settings), Listeners: js, Complete: true,
	}
}

// Thresholds are those of settings.
func Thresholds(s *judge.Settings) wire.Thresholds {
	return wire.Thresholds{
		Action: s.Action, StuckAfter: s.StuckAfter, ActAfter: s.ActAfter, ActAfterServed: s.ActAfterServed,
	}
}

// thisHost names the host and its kernel; what cannot be had stays empty.
func thisHost() wire.Host {
	var h wire.Host
	h.Name, _ = os.Hostname()
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return h
}
