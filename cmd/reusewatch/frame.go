package main

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
)

// frame is a judged snapshot as it is shown and served.
func frame(s *listener.Snapshot, js []listener.Judgement, settings *judge.Settings, m *meter) *report.Frame {
	return &report.Frame{
		Time: s.Time, Tier: s.Tier, Interval: s.Interval, Watched: s.Watched, Host: m.host, Cost: m.cost(),
		Policy: thresholds(settings), Listeners: js, Complete: true,
	}
}

func thresholds(s *judge.Settings) report.Thresholds {
	return report.Thresholds{
		Action: s.Action, StuckAfter: s.StuckAfter, ActAfter: s.ActAfter, ActAfterServed: s.ActAfterServed,
	}
}

// thisHost names the host and its kernel; what cannot be had stays empty.
func thisHost() report.Host {
	var h report.Host
	h.Name, _ = os.Hostname()
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return h
}
