package proc

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	// patience is how long a helper may stand still at one process.
	patience = 250 * time.Millisecond
	// maxLeft are the helpers that hang and may be left behind. Who hangs in the kernel
	// survives SIGKILL.
	maxLeft = 4
	// barredFor is how long a user is asked no more whose processes hung helpers that
	// could not be ended; and how long it is remembered of one whose could.
	barredFor = 10 * time.Minute
	// maxStrikes are the helpers that a user's processes may hang before it is asked no
	// more, if they could be ended; for barredFirst then, and each time for twice as long.
	// What was only slow must not blind us.
	maxStrikes  = 2
	barredFirst = 10 * time.Second
)

// Reader asks /proc what only it has, by a helper process: a file there can hang for
// ever, with whoever reads it, and SIGKILL does not end that. Each question has a
// deadline; who does not answer is not told of. It belongs to one goroutine.
type Reader struct {
	command []string
	now     func() time.Time // of tests

	helper *helper            // nil: none runs
	left   map[*helper]uint32 // that hung, by the user who hung them
	users  map[uint32]*record
}

// record is what is remembered of a user whose processes hung helpers.
type record struct {
	strikes int
	barred  time.Time // until then it is not asked
	forget  time.Time // the strikes
}

// NewReader makes a reader whose helper is this command; it is to call Serve. Nothing
// is started yet.
func NewReader(command ...string) *Reader {
	return &Reader{command: command, now: time.Now, left: make(map[*helper]uint32), users: make(map[uint32]*record)}
}

// Warm starts the helper, so that it is there when something is asked. With an error
// nobody can be asked, and nothing is told of any process.
func (r *Reader) Warm() (err error) {
	if r.helper == nil {
		r.helper, err = startHelper(r.command)
	}
	return err
}

// Unread are the users whose processes are not asked now.
func (r *Reader) Unread() []uint32 {
	var users []uint32
	for user := range r.users {
		if r.barred(user) {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// Read asks all of these, and gives the answers that came within the limit, by pid.
// Who hangs a helper costs 250 ms of it, once or twice.
func (r *Reader) Read(questions []Question, limit time.Duration) map[int]Answer {
	answers := make(map[int]Answer, len(questions))
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r.judgeLeft()
	rest := slices.DeleteFunc(slices.Clone(questions), func(q Question) bool { return r.barred(q.User) })
	for len(rest) > 0 && ctx.Err() == nil && r.ready() {
		answered, end := r.helper.ask(ctx, rest, func(a Answer) { answers[a.PID] = a })
		rest = rest[answered:]
		switch end {
		case endAnswered:
			return answers
		case endHung:
			hung := rest[0]
			rest = rest[1:]
			r.leave(hung.User)
			rest = slices.DeleteFunc(rest, func(q Question) bool { return r.barred(q.User) })
		case endTime, endGone: // one that was idle has ended by itself
			r.dismiss()
		}
	}
	return answers
}

// ready says whether a helper runs, and starts one if it may.
func (r *Reader) ready() bool {
	if r.helper != nil {
		return true
	}
	r.forgetEnded()
	if len(r.left) >= maxLeft {
		return false
	}
	return r.Warm() == nil // else nothing is told: Warm has said so at the start
}

// leave gives up a helper that hangs, on account of a user.
func (r *Reader) leave(user uint32) {
	r.helper.kill()
	r.left[r.helper] = user
	r.helper = nil
	u := r.users[user]
	if u == nil || r.now().After(u.forget) {
		u = &record{}
		r.users[user] = u
	}
	u.barred = r.now()
	if u.strikes++; u.strikes >= maxStrikes {
		u.barred = u.barred.Add(min(barredFirst<<min(u.strikes-maxStrikes, 10), barredFor))
	}
	u.forget = u.barred.Add(barredFor)
}

// judgeLeft bars the users whose helpers are still there, as long as they are: SIGKILL
// did not end them.
func (r *Reader) judgeLeft() {
	r.forgetEnded()
	for _, user := range r.left {
		until := r.now().Add(barredFor)
		r.users[user] = &record{barred: until, forget: until}
	}
}

func (r *Reader) forgetEnded() {
	maps.DeleteFunc(r.left, func(h *helper, _ uint32) bool { return h.ended() })
}

func (r *Reader) barred(user uint32) bool {
	u := r.users[user]
	if u == nil {
		return false
	}
	if r.now().After(u.forget) {
		delete(r.users, user)
		return false
	}
	return r.now().Before(u.barred)
}

func (r *Reader) dismiss() {
	if r.helper != nil {
		r.helper.kill()
		r.helper = nil
	}
}

// Close ends the helper; one that hangs ends when it can.
func (r *Reader) Close() { r.dismiss() }

// Direct answers without a helper, and may hang as long as a process does: for tests
// that watch only what they made.
type Direct struct{ FS FS }

// Unread is nobody.
func (d Direct) Unread() []uint32 { return nil }

// Read asks all of these.
func (d Direct) Read(questions []Question, _ time.Duration) map[int]Answer {
	answers := make(map[int]Answer, len(questions))
	for i := range questions {
		answers[questions[i].PID] = d.FS.ask(&questions[i])
	}
	return answers
}
