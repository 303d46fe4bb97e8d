package watch

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const pipeKey, peerKey = listener.Key(100), listener.Key(200)

func waiting1(number int, args ...uint64) listener.Task {
	c := listener.Call{Number: number}
	copy(c.Args[:], args)
	return listener.Task{TID: 7, State: "S", Wchan: "somewhere", Call: listener.Known(c)}
}

func on(t listener.Task, thing listener.Thing) listener.Task {
	t.On = listener.Known(thing)
	return t
}

func TestWaits(t *testing.T) {
	const private = futexPrivate
	pipe := listener.Thing{Kind: listener.ThingPipe, Object: pipeKey, Readers: 1, Writers: 1}
	unixSocket := listener.Thing{Kind: listener.ThingUnix, Peer: peerKey}
	tcp := listener.Thing{Kind: listener.ThingConnection, Port: 80, Remote: 5000}
	timed := listener.Thing{Kind: listener.ThingConnection, TimedReads: true}
	other := listener.Thing{Kind: listener.ThingOther}
	fifo := waiting1(unix.SYS_OPENAT)
	fifo.Wchan = "wait_for_partner"
	fuse := waiting1(unix.SYS_OPENAT)
	fuse.Stack = []string{"request_wait_answer", "fuse_do_open"}
	nfs := waiting1(unix.SYS_READ, 3)
	nfs.Stack = []string{"io_schedule", "rpc_wait_bit_killable", "__rpc_execute"}
	disk := waiting1(unix.SYS_READ, 3)
	disk.Stack = []string{"io_schedule", "folio_wait_bit_common"}
	compat := waiting1(unix.SYS_FUTEX, 0, private)
	compat.Call = listener.Known(listener.Call{Number: unix.SYS_FUTEX, Compat: true})
	for name, c := range map[string]struct {
		task listener.Task
		want listener.For
	}{
		"open of a FIFO":             {fifo, listener.ForFIFO},
		"open of something else":     {waiting1(unix.SYS_OPENAT), listener.ForUnknown},
		"FUSE":                       {fuse, listener.ForFUSE},
		"NFS":                        {nfs, listener.ForNetFS},
		"a disk":                     {disk, listener.ForDisk},
		"write to a pipe":            {on(waiting1(unix.SYS_WRITE, 1), pipe), listener.ForReader},
		"write to a socket":          {on(waiting1(unix.SYS_WRITE, 1), tcp), listener.ForPeer},
		"write to a file":            {waiting1(unix.SYS_WRITE, 1), listener.ForUnknown},
		"read of a pipe":             {on(waiting1(unix.SYS_READ, 3), pipe), listener.ForData},
		"recv":                       {on(waiting1(unix.SYS_RECVFROM, 3), tcp), listener.ForData},
		"recv with a timeout":        {on(waiting1(unix.SYS_RECVFROM, 3), timed), listener.ForTimer},
		"read of a unix socket":      {on(waiting1(unix.SYS_READ, 3), unixSocket), listener.ForData},
		"read of something else":     {on(waiting1(unix.SYS_READ, 3), other), listener.ForUnknown},
		"send":                       {on(waiting1(unix.SYS_SENDTO, 3), tcp), listener.ForPeer},
		"accept":                     {waiting1(unix.SYS_ACCEPT4, 3), listener.ForClients},
		"a private futex":            {waiting1(unix.SYS_FUTEX, 0x1000, private), listener.ForFutex},
		"by another clock":           {waiting1(unix.SYS_FUTEX, 0x1000, private|futexWaitBitset|256), listener.ForFutex},
		"a futex with a timeout":     {waiting1(unix.SYS_FUTEX, 0x1000, private, 2, 0x2000), listener.ForTimer},
		"a shared futex":             {waiting1(unix.SYS_FUTEX, 0x1000, 0, 2), listener.ForUnknown},
		"pthread_join":               {waiting1(unix.SYS_FUTEX, 0x1000, futexWaitBitset|256, 8), listener.ForUnknown},
		"a PI futex":                 {waiting1(unix.SYS_FUTEX, 0x1000, private|6), listener.ForUnknown},
		"futex_waitv":                {waiting1(449, 0x1000), listener.ForUnknown},
		"of a 32-bit program":        {compat, listener.ForUnknown},
		"sigsuspend":                 {waiting1(unix.SYS_RT_SIGSUSPEND), listener.ForSignal},
		"sigwait":                    {waiting1(unix.SYS_RT_SIGTIMEDWAIT, 1, 2, 0), listener.ForSignal},
		"sigtimedwait":               {waiting1(unix.SYS_RT_SIGTIMEDWAIT, 1, 2, 3), listener.ForTimer},
		"sleep":                      {waiting1(unix.SYS_CLOCK_NANOSLEEP), listener.ForTimer},
		"what a signal interrupted":  {waiting1(unix.SYS_RESTART_SYSCALL), listener.ForTimer},
		"wait for a child":           {waiting1(unix.SYS_WAIT4), listener.ForChild},
		"flock":                      {waiting1(unix.SYS_FLOCK), listener.ForLock},
		"fcntl for a lock":           {waiting1(unix.SYS_FCNTL, 3, unix.F_SETLKW), listener.ForLock},
		"fcntl for anything else":    {waiting1(unix.SYS_FCNTL, 3, 1), listener.ForUnknown},
		"ppoll of several":           {waiting1(unix.SYS_PPOLL, 1, 3, 0), listener.ForEvents},
		"ppoll of one":               {waiting1(unix.SYS_PPOLL, 1, 1, 0), listener.ForOne},
		"ppoll of one, with a limit": {waiting1(unix.SYS_PPOLL, 1, 1, 9), listener.ForTimer},
		"epoll":                      {waiting1(unix.SYS_EPOLL_PWAIT, 3), listener.ForEvents},
		"io_uring":                   {waiting1(unix.SYS_IO_URING_ENTER, 3), listener.ForUnknown},
		"a call nobody could read":   {listener.Task{TID: 7, State: "S", Wchan: "futex_wait"}, listener.ForUnknown},
		"it is stopped":              {listener.Task{TID: 7, State: "T", Wchan: "do_signal_stop"}, listener.ForSIGCONT},
		"it runs":                    {listener.Task{TID: 7, State: "R"}, listener.ForNothing},
	} {
		t.Run(name, func(t *testing.T) {
			p := &listener.Process{PID: 7, Threads: []listener.Task{c.task, {TID: 8, State: "R"}}}
			f := &life{}
			if got := f.waitsOf(p, &seen{ends: &ends{}})[0]; got.For != c.want {
				t.Errorf("%s, want %s", got.For, c.want)
			}
		})
	}
}

// TestEnds: which processes hold the other end, and whether these are all.
func TestEnds(t *testing.T) {
	pipe := listener.Thing{Kind: listener.ThingPipe, Object: pipeKey, Readers: 1, Writers: 2}
	reader := func(pid int, file listener.Key) listener.Held {
		return listener.Held{Kind: listener.HeldSought, PID: pid, Key: pipeKey, File: file, Reads: true}
	}
	writer := func(pid int, file listener.Key) listener.Held {
		return listener.Held{Kind: listener.HeldSought, PID: pid, Key: pipeKey, File: file, Writes: true}
	}
	held := func(ends ...listener.Held) []listener.Held { return ends }
	peer := func(pid int) listener.Held { return listener.Held{Kind: listener.HeldSought, PID: pid, Key: peerKey} }
	write, read := on(waiting1(unix.SYS_WRITE, 1), pipe), on(waiting1(unix.SYS_READ, 1), pipe)
	socket := on(waiting1(unix.SYS_READ, 1), listener.Thing{Kind: listener.ThingUnix, Peer: peerKey})
	tcp := on(waiting1(unix.SYS_READ, 1), listener.Thing{Kind: listener.ThingConnection, Port: 80, Remote: 5000})
	connection := func(pid int) listener.Held {
		return listener.Held{Kind: listener.HeldConnection, PID: pid, Port: 5000, Peer: 80}
	}
	for name, c := range map[string]struct {
		task listener.Task
		held []listener.Held
		pids []int
		all  bool
		dead bool
	}{
		"its reader, of one open file":       {write, held(reader(9, 1), writer(7, 2), writer(7, 3)), []int{9}, true, true},
		"two that share it":                  {write, held(reader(9, 1), reader(10, 1)), []int{9, 10}, true, true},
		"the reader is in flight":            {write, held(writer(7, 2)), nil, false, false},
		"it reads what it alone could write": {read, held(reader(7, 1), writer(7, 2), writer(7, 3)), nil, true, true},
		"another writer, and one in flight":  {read, held(writer(9, 2)), []int{9}, false, false},
		"a writer beside it":                 {read, held(writer(7, 2), writer(9, 3)), []int{9}, true, false},
		"its own socketpair":                 {socket, held(peer(7)), nil, true, true},
		"a socketpair with a child":          {socket, held(peer(7), peer(9)), []int{9}, true, false},
		"a socket nobody is known to hold":   {socket, nil, nil, false, false},
		"a connection to itself":             {tcp, held(connection(7)), nil, true, true},
		"a connection to another process":    {tcp, held(connection(9)), []int{9}, true, false},
		"a connection to wherever":           {tcp, nil, nil, false, false},
		"a connection with the ports the same way": {
			tcp, held(listener.Held{Kind: listener.HeldConnection, PID: 7, Port: 80, Peer: 5000}), nil, false, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &life{clock: 9 * time.Second, pipes: map[listener.Key]standing{pipeKey: {}}}
			c.task.On = listener.Known(positioned(c.task))
			ends := endsOf(c.held)
			w := f.waitsOf(&listener.Process{PID: 7, Threads: []listener.Task{c.task}}, &seen{ends: &ends})[0]
			var pids []int
			for _, e := range w.Ends {
				pids = append(pids, e.PID)
			}
			if !slices.Equal(pids, c.pids) || w.AllEnds != c.all || w.DeadEnd() != c.dead {
				t.Errorf("%+v, a dead end: %v", w, w.DeadEnd())
			}
		})
	}
}

// endsOf gives the ends that a census finds which sought everything in these tests.
func endsOf(held []listener.Held) ends {
	e := newEnds(wanted{map[listener.Key]bool{pipeKey: true, peerKey: true}, map[peering]bool{{5000, 80}: true}})
	for i := range held {
		e.add(&held[i])
	}
	return e
}

func positioned(task listener.Task) listener.Thing {
	thing, _ := task.On.Get()
	thing.Position = listener.Known(listener.Position{})
	return thing
}

// TestChain: what a process at the other end waits for counts, one look later for each link.
func TestChain(t *testing.T) {
	w := &Watcher{suspects: suspects{ends: endsOf([]listener.Held{{Kind: listener.HeldSought, PID: 9, Key: peerKey}})}}
	socket := on(waiting1(unix.SYS_READ, 1), listener.Thing{Kind: listener.ThingUnix, Peer: peerKey})
	it, timer := listener.Process{PID: 9}, []listener.Wait{{For: listener.ForTimer}}
	waits := func(what listener.For, end listener.End) []listener.Wait {
		return []listener.Wait{{For: what, Ends: []listener.End{end}}}
	}
	then := func(what listener.For) listener.End { return listener.End{PID: 9, Then: what} }
	halted := listener.End{PID: 9, Halted: true, Then: listener.ForNothing}
	for name, c := range map[string]struct {
		other listener.Process
		waits []listener.Wait
		idle  time.Duration
		want  listener.End
	}{
		"it sleeps": {it, timer, chainAfter, then(listener.ForTimer)},
		"it runs":   {it, timer, time.Second, then(listener.ForNothing)},
		"it waits for one that is stopped": {
			it, waits(listener.ForData, listener.End{PID: 10, Halted: true}), chainAfter, halted,
		},
		"it waits for one that has a child": {
			it, waits(listener.ForLock, listener.End{PID: 10, Then: listener.ForChild}),
			chainAfter, then(listener.ForChild),
		},
		"it is stopped": {listener.Process{PID: 9, State: "T"}, nil, 0, halted},
		"a thread of it is traced": {listener.Process{
			PID: 9, State: "S", Threads: []listener.Task{{TID: 9}, {TID: 10, Tracer: 3}},
		}, nil, 0, halted},
		"it is frozen": {listener.Process{PID: 9, State: "S", Frozen: listener.Known(true)}, nil, 0, halted},
	} {
		t.Run(name, func(t *testing.T) {
			w.suspects.ends.processes = map[int]*listener.Process{9: &c.other}
			w.suspects.ends.lives = map[identity]*life{{pid: 9}: {whole: true, clock: c.idle, waits: c.waits}}
			f := &life{}
			got := f.waitsOf(&listener.Process{PID: 7, Threads: []listener.Task{socket}}, &seen{ends: &w.suspects.ends})[0]
			if len(got.Ends) != 1 || got.Ends[0] != c.want {
				t.Errorf("%+v, want %+v", got.Ends, c.want)
			}
		})
	}
}
