// Package demo shows the fault and its end on a machine that has neither: in a
// network namespace of its own it starts a server that hangs beside one that
// works, and clients of both, and lets the real `reusewatch run` find and end
// the one that hangs. Nothing of it is left behind, however it ends.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// What `reusewatch run` is told, and how long clients are counted before and after.
const (
	StuckAfter = 3 * time.Second
	Interval   = 200 * time.Millisecond
	actAfter   = 5 * time.Second
	measured   = 5 * time.Second
)

// Options of Run.
type Options struct {
	Out      io.Writer
	Terminal bool     // Out is a terminal that can move its cursor
	Exe      string   // reusewatch itself
	Flags    []string // for reusewatch run, beside those that the demo gives it
}

// demo is one performance. After its first error, which the printer keeps, nothing more
// is started, waited for or written.
type demo struct {
	Options
	printer
	stage *stage
	notes map[int]note // by their numbers, the last of each
	story story
}

// Run plays the demo. An error says what did not come true.
func Run(ctx context.Context, opts Options) error {
	began := time.Now()
	s, err := openStage()
	if err != nil {
		return err
	}
	p := printer{w: opts.Out, terminal: opts.Terminal, colour: opts.Terminal && os.Getenv("NO_COLOR") == ""}
	d := &demo{Options: opts, printer: p, stage: s, notes: map[int]note{}}
	d.play(ctx)
	left := s.close()
	d.write("") // over the line that tells how far it is
	if ctx.Err() != nil && left == nil {
		return errors.New("the demo was interrupted; nothing of it is left")
	}
	if err := errors.Join(d.err, left); err != nil {
		return err
	}
	d.tellEnd(time.Since(began))
	return d.err
}

func (d *demo) play(ctx context.Context) {
	st := &d.story
	d.head("reusewatch demo: a server that hangs, found and ended")
	d.say("All of it happens in a network namespace of its own: your services are not touched.")
	older := d.server(ctx, "old", &st.oldPID)
	// The gate asks who is younger, and the kernel tells the start of a process in 1/100 s.
	time.Sleep(50 * time.Millisecond)
	newer := d.server(ctx, "new", &st.newPID)
	d.head("\n1. Two servers share one port, as after a reload that went wrong")
	d.item(red, "old  ", "pid %d listens on %s and never accepts: it hangs in open() of a log pipe that nobody reads", st.oldPID, site())
	d.item(green, "new  ", "pid %d listens there too, and answers", st.newPID)
	d.say("With SO_REUSEPORT the kernel deals out new connections to both. %d clients now begin %d requests a second, each on a new connection, and give up after %s.",
		clientCount, clientCount*time.Second/clientEvery, clientGiveUp)
	clients := cast(d, "the clients", func(n note) { d.notes[n.Number] = n }, "demo", RoleCommand, "clients")
	d.head("\n2. Before: clients hang, and no alarm goes off")
	st.before = d.measure(ctx, older, newer, clients)
	d.say("Health checks (can it connect?) passed %s: the kernel completes the handshake for the server that hangs, too.", st.before.health())
	watcher := d.watch(ctx, newer, clients)
	d.head("\n4. After: the same clients go on")
	st.after = d.measure(ctx, newer, clients, watcher)
	if d.err != nil {
		return
	}
	st.between = count(d.notes, st.before.to, st.after.from)
	if !older.alive {
		st.oldEnd = older.failure().Error()
	}
	_ = watcher.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	d.until(ctx, 10*time.Second, "reusewatch run ends when it is asked to", func() bool { return !watcher.alive }, newer)
	if d.err == nil && watcher.err != nil {
		d.err = watcher.failure()
	}
	d.err = cmp.Or(d.err, st.check())
}

// cast starts an actor, unless there was an error.
func cast[T any](d *demo, name string, hear func(T), args ...string) (a *actor) {
	if d.err == nil {
		a, d.err = start(d.stage, name, hear, exec.Command(d.Exe, args...))
	}
	return a
}

// server starts a server and waits until it tells which process listens.
func (d *demo) server(ctx context.Context, role string, pid *int) *actor {
	a := cast(d, "the "+role+" server", func(p int) { *pid = p }, "demo", RoleCommand, role)
	d.until(ctx, 10*time.Second, "the "+role+" server listens", func() bool { return *pid != 0 }, a)
	return a
}

// measure lets the clients go on for a while, waits for the outcome of the last
// request that they begin in it, and tells what became of all of them.
func (d *demo) measure(ctx context.Context, needed ...*actor) (c counts) {
	from := time.Now()
	to := from.Add(measured)
	d.until(ctx, measured+clientGiveUp+3*time.Second, "each request has an outcome", func() bool {
		c = count(d.notes, from, to)
		d.now("%d requests so far: %d answered, %d hung", c.begun(), c.became[answered], c.became[hung])
		return time.Now().After(to) && c.became[open] == 0
	}, needed...)
	style := map[bool]string{true: red, false: green}[c.became[hung] > 0]
	d.say("%d requests: %d answered, %s", c.begun(), c.became[answered], d.paint(style, fmt.Sprintf("%d hung (%s)", c.became[hung], c.share())))
	return c
}

// runArgs are never without the network namespace: nothing outside it is acted on. The
// host's budget, which is in its state folder, is not the demo's. No server here takes long to start.
func runArgs(netns uint64, flags ...string) []string {
	return append(strings.Fields(fmt.Sprintf("run --netns %d --action kill --stuck-after %s --act-after %s"+
		" --startup-grace 5s --term-grace 2s --interval %s -o json --state-dir=",
		netns, StuckAfter, actAfter, Interval)), flags...)
}

// watch starts reusewatch run and tells what it says until it has acted.
func (d *demo) watch(ctx context.Context, needed ...*actor) *actor {
	args := runArgs(d.stage.inode, d.Flags...)
	d.head("\n3. reusewatch finds who hangs, says why, and ends it")
	d.item(bold, "$ ", "reusewatch %s", strings.Join(args, " "))
	began := time.Now()
	watcher := cast(d, "reusewatch run", func(e event) {
		d.event(e.Time.Sub(began).Seconds(), e.Event, d.story.take(&e))
	}, args...)
	d.until(ctx, time.Minute, "reusewatch watches", func() bool { return d.story.ready }, append(needed, watcher)...)
	d.until(ctx, 40*time.Second, "reusewatch acts", func() bool {
		d.now("%5.1f s", time.Since(began).Seconds())
		return d.story.acted || d.story.failure != ""
	}, append(needed, watcher)...)
	return watcher
}

// until hears what the actors say until something has come true. The demo cannot go on
// when one who is needed has ended.
func (d *demo) until(ctx context.Context, within time.Duration, what string, isTrue func() bool, needed ...*actor) {
	deadline, moment := time.After(within), time.Tick(100*time.Millisecond)
	for d.err == nil {
		select {
		case hear := <-d.stage.said:
			d.err = hear()
		case <-ctx.Done():
			d.err = ctx.Err()
		case <-deadline:
			d.err = fmt.Errorf("after %s it is not true that %s", within, what)
		case <-moment:
			if isTrue() {
				return
			}
			for _, a := range needed {
				if !a.alive {
					d.err = a.failure()
				}
			}
		}
	}
}

func (d *demo) tellEnd(took time.Duration) {
	d.compare(&d.story.before, &d.story.after)
	b := &d.story.between
	d.say("Between the two, while reusewatch made sure: %d requests, %d hung, %d reset when the old server went.",
		b.begun(), b.became[hung], b.became[reset])
	d.say("Took %.0f s. Servers, clients, namespace and kernel programs are gone.", took.Seconds())
	d.write("\nNext:  reusewatch list   shows the listeners of this host, and who hangs\n" +
		"       reusewatch run    watches them; it ends nothing unless --action kill\n")
}
