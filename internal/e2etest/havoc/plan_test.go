package havoc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// plan is all that a seed draws.
type plan struct {
	seed uint64
	dead string // how the stuck member is at a dead end
	deed string // what happens to the agent, or to what it writes to
	how  string
	at   string        // the moment of the act,
	past time.Duration // and how long after it
	// lasts is how much of the longest time that a run allows a stop takes.
	lasts  float64
	second time.Duration // of a second kill, after the start
	// one act is all that the budget has, and a second member gets stuck afterwards.
	one    bool
	mptcp  bool // clients are moved by the sysctl of the namespace, not by a program
	filled int  // bytes that the log of acts has already: a page of a full disk may end anywhere
}

// deed is a kind of what may happen.
type deed struct {
	name string
	hows []string
}

// deeds that any machine bears. Who recovers does so while no agent can see it.
func deeds() []deed {
	return []deed{
		{"kill", []string{"", "", "recovers"}},
		{"kill-twice", []string{""}},
		{"stop", []string{"", "recovers"}},
		{"hup-storm", []string{""}},
		{"term", []string{""}},
		{"full", []string{"state", "log", "evidence", "all"}},
		{"full-and-kill", []string{"state", "log", "evidence", "all"}},
	}
}

// clockSteps are for a machine whose clock is the test's own.
func clockSteps() []deed {
	by := []string{"hour", "day", "year", "-hour", "-day", "-year"}
	return []deed{{"clock", by}, {"clock-and-back", by}, {"clock-and-kill", by}}
}

// moment is one of an act, and how long after it something happens at the latest.
type moment struct {
	name   string
	within time.Duration
}

// The moments, in their order.
const (
	atStuck    = "stuck"    // it was told to be
	atCount    = "count"    // the act is being counted
	atCounted  = "counted"  // it has been
	atEvidence = "evidence" // the bundle is being written
	atIntent   = "intent"   // its line is in the log
	atActing   = "acting"   // it was told
	atSigterm  = "sigterm"  // the stuck one got it
	atEnd      = "end"      // of the stuck one
	atLater    = "later"    // than "acting"
)

func moments() []moment {
	return []moment{
		{atStuck, 1200 * time.Millisecond},
		{atCount, 3 * time.Millisecond},
		{atCounted, 3 * time.Millisecond},
		{atEvidence, 3 * time.Millisecond},
		{atIntent, 3 * time.Millisecond},
		{atActing, 30 * time.Millisecond},
		{atSigterm, termGrace + 50*time.Millisecond},
		{atEnd, 20 * time.Millisecond},
		{atLater, time.Second},
	}
}

// stubborn survives SIGTERM, and recovers once its FIFO is read.
const stubborn = "recovers"

func (p *plan) String() string {
	words := []string{p.deed}
	if p.how != "" {
		words[0] += ":" + p.how
	}
	words = append(words, fmt.Sprintf("%s+%s", p.at, p.past), p.dead)
	if p.one {
		words = append(words, "one act")
	}
	if p.mptcp {
		words = append(words, "MPTCP")
	}
	return strings.Join(words, ", ")
}

// draw makes a plan of a seed.
func draw(seed uint64, from []deed) *plan {
	r := rand.New(rand.NewPCG(seed, 17))
	dead := []string{stubborn, "pause", "own-pipe-full", "sigwait"}
	d := from[r.IntN(len(from))]
	p := &plan{
		seed: seed, deed: d.name, how: d.hows[r.IntN(len(d.hows))], dead: dead[r.IntN(len(dead))],
		lasts: r.Float64(), second: time.Duration(r.IntN(1500)) * time.Millisecond, one: r.IntN(4) == 0, filled: r.IntN(4096),
		mptcp: r.IntN(4) == 0,
	}
	if p.how == "recovers" || r.IntN(3) == 0 {
		p.dead = stubborn
	}
	all := moments()
	if p.dead != stubborn { // the others end by it
		all = slices.DeleteFunc(all, func(m moment) bool { return m.name == atSigterm })
	}
	if fills(p) || p.how == "recovers" { // later there is nothing that could fail
		all = slices.DeleteFunc(all, func(m moment) bool { return m.name == atEnd || m.name == atLater })
	}
	if p.deed != "clock-and-back" && strings.HasPrefix(p.deed, "clock") && p.how[0] != '-' {
		p.one = false // by the clock that all go by the act is an old one then
	}
	m := all[r.IntN(len(all))]
	p.at, p.past = m.name, time.Duration(r.Int64N(int64(m.within))).Round(10*time.Microsecond)
	return p
}

// fills: it is a disk that something happens to.
func fills(p *plan) bool { return strings.HasPrefix(p.deed, "full") }
