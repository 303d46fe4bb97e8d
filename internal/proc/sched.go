package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// Sched says how long the threads of a process had a CPU, and how long they
// wanted one.
type Sched struct {
	// Run and Wait are the sums over the threads that live: time on a CPU, and
	// time runnable without one. Both fall when a thread ends; see WaitShare.
	Run, Wait time.Duration
	// Known is false where the kernel does not count (CONFIG_SCHED_INFO is off)
	// or hides it; both sums are 0 then.
	Known bool

	threads map[int]schedstat // by TID
	at      time.Time         // see Follow
}

// schedstat is what we use of one thread's schedstat file, and its state.
type schedstat struct {
	run, wait time.Duration
	runnable  bool
	queued    time.Time // it waits for a CPU since then at least; see Follow
}

// Sched reads the scheduler's accounts of all threads of a process. The error is
// [fs.ErrNotExist] when the process has gone; a kernel that does not count is
// no error.
//
// The kernel adds a wait when it ends: a thread that has been waiting for long
// and waits still shows nothing yet. Follow finds it.
func (f FS) Sched(pid int) (Sched, error) {
	tids, err := pidsIn(f.pidPath(pid, "task"))
	if err != nil {
		return Sched{}, err
	}
	s := Sched{threads: make(map[int]schedstat, len(tids))}
	for _, tid := range tids {
		path := f.taskPath(pid, tid, "schedstat")
		b, err := readFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // ended meanwhile, or the kernel has no such file
			continue
		case errors.Is(err, fs.ErrPermission):
			return Sched{}, nil
		case err != nil:
			return Sched{}, err
		}
		one, err := parseSchedstat(b)
		if err != nil {
			return Sched{}, fmt.Errorf("parse %s: %w", path, err)
		}
		if st, err := readStat(f.taskPath(pid, tid, "stat")); err == nil {
			one.runnable = st.state == 'R'
		}
		s.threads[tid] = one
		s.Run += one.run
		s.Wait += one.wait
	}
	if s.Run == 0 {
		// No thread lives that never ran: "0 0 0" is what a kernel writes that
		// does not count. Or there was no file at all: has the process gone?
		_, err := f.stat(pid)
		return Sched{}, err
	}
	s.Known = true
	return s, nil
}

// Follow adds the waits that last: s was read at this time, and last is the
// reading before it, followed too (the zero Sched before the first). A thread
// that is runnable and has not run since the last reading waits since it was last
// seen asleep or running, for it takes a CPU to fall asleep.
func (s *Sched) Follow(last Sched, at time.Time) {
	s.at = at
	for tid, now := range s.threads {
		if !now.runnable {
			continue
		}
		was, known := last.threads[tid]
		switch {
		case !known || now.run != was.run || now.wait != was.wait:
			now.queued = at
		case was.runnable:
			now.queued = was.queued
		default:
			now.queued = last.at
		}
		s.threads[tid] = now
	}
}

// WaitShare is the share of elapsed that threads of the process spent runnable
// without a CPU since earlier, summed over them: it can pass 1. Each thread is
// compared with itself, so that one that ended takes nothing away from what
// the others waited; the last wait of the one that ended is lost. It is never
// negative, and 0 when either side is not Known or elapsed not positive.
func (s Sched) WaitShare(earlier Sched, elapsed time.Duration) float64 {
	if !s.Known || !earlier.Known || elapsed <= 0 {
		return 0
	}
	return max(0, s.waited(earlier).Seconds()/elapsed.Seconds())
}

func (s Sched) waited(earlier Sched) time.Duration {
	if s.threads == nil || earlier.threads == nil {
		return s.Wait - earlier.Wait
	}
	var sum time.Duration
	for tid, now := range s.threads {
		was := earlier.threads[tid] // zero for one that began since
		if now.run < was.run || now.wait < was.wait {
			was = schedstat{} // another thread with a used TID
		}
		sum += now.wait - was.wait
		if !now.queued.IsZero() {
			sum += s.at.Sub(now.queued)
		}
	}
	return sum
}

// parseSchedstat parses "RUN WAIT TIMESLICES", the first two in ns, of
// Documentation/scheduler/sched-stats.rst.
func parseSchedstat(b []byte) (schedstat, error) {
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return schedstat{}, fmt.Errorf("%d fields, want 3", len(fields))
	}
	var s schedstat
	for i, out := range []*time.Duration{&s.run, &s.wait} {
		ns, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return schedstat{}, fmt.Errorf("field %d: %w", i+1, err)
		}
		*out = time.Duration(ns)
	}
	return s, nil
}
