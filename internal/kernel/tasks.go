package kernel

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"time"
	"unsafe"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// The flags of a task_struct, as in <linux/sched.h>.
const (
	pfForkNoExec = 0x00000040
	pfKThread    = 0x00200000
)

// Processes passes once over all tasks and gives the processes that are asked for: every
// one, or those that are named. Only named ones come with the stack of their leader, or
// with all their threads. Processes that have ended are not among them.
//
// It waits for nobody, unlike the files of /proc. Some kernels hide the init of the pid
// namespace that we are in.
func (k *Kernel) Processes(ask listener.Ask) (map[int]*listener.Process, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.processes(ask)
}

func (k *Kernel) processes(ask listener.Ask) (map[int]*listener.Process, error) {
	questions := make(map[uint32]bpf.KernelAsk)
	for _, pid := range ask.Some {
		questions[uint32(pid)] = 0
	}
	for _, pid := range ask.Leaders {
		questions[uint32(pid)] |= bpf.KernelAskASK_STACK
	}
	for _, pid := range ask.Threads {
		questions[uint32(pid)] |= bpf.KernelAskASK_THREADS
	}
	found := make(map[int]*listener.Process)
	err := k.asking(questions, ask.All, func() error {
		err := k.eachTask(func(t *bpf.KernelTask, frames []uint64) error {
			pid := int(t.Pid)
			if found[pid] == nil {
				found[pid] = &listener.Process{PID: pid}
			}
			return k.addTask(found[pid], t, frames, questions[t.Pid]&bpf.KernelAskASK_THREADS != 0)
		})
		if err != nil {
			return err
		}
		return k.countChildren(ask.Threads, found)
	})
	if err != nil {
		return nil, fmt.Errorf("pass over the tasks: %w", err)
	}
	for _, p := range found {
		slices.SortFunc(p.Threads, func(a, b listener.Task) int {
			return cmp.Or(cmp.Compare(order(p, &a), order(p, &b)), cmp.Compare(a.TID, b.TID))
		})
	}
	return found, nil
}

// countChildren reads how many children the pass counted of processes whose threads were
// asked for.
func (k *Kernel) countChildren(pids []int, found map[int]*listener.Process) error {
	for _, pid := range pids {
		p := found[pid]
		if p == nil {
			continue
		}
		var q bpf.KernelQuestion
		if err := k.objs.maps.Maps[bpf.KernelMapAsked].Lookup(uint32(pid), &q); err != nil {
			return fmt.Errorf("read how many children process %d has: %w", pid, err)
		}
		p.Children = int(q.Children)
	}
	return nil
}

// order puts the leader first.
func order(p *listener.Process, t *listener.Task) int {
	if t.TID == p.PID {
		return 0
	}
	return 1
}

// asking runs a pass with the questions entered in the kernel side.
func (k *Kernel) asking(questions map[uint32]bpf.KernelAsk, all bool, pass func() error) (err error) {
	var everyProcess uint8
	if all {
		everyProcess = 1
	}
	if err := k.objs.maps.Variables[bpf.KernelVarTellAll].Set(everyProcess); err != nil {
		return fmt.Errorf("ask about every process: %w", err)
	}
	if err := k.objs.maps.Variables[bpf.KernelVarThreadsTold].Set(uint32(0)); err != nil {
		return fmt.Errorf("count the threads anew: %w", err)
	}
	asked := k.objs.maps.Maps[bpf.KernelMapAsked]
	pids, what := make([]uint32, 0, len(questions)), make([]bpf.KernelQuestion, 0, len(questions))
	for pid, q := range questions {
		pids, what = append(pids, pid), append(what, bpf.KernelQuestion{What: uint32(q)})
	}
	if len(pids) == 0 {
		return pass()
	}
	if _, err := asked.BatchUpdate(pids, what, nil); err != nil {
		return fmt.Errorf("ask about %d processes: %w", len(pids), err)
	}
	defer func() {
		if _, e := asked.BatchDelete(pids, nil); e != nil {
			err = errors.Join(err, fmt.Errorf("forget that %d processes were asked about: %w", len(pids), e))
		}
	}()
	return pass()
}

// eachTask reads the rows of tell_tasks: each is a header, with the number of frames that
// follow it.
func (k *Kernel) eachTask(each func(*bpf.KernelTask, []uint64) error) error {
	rd, err := k.iters[bpf.KernelProgTellTasks].Open()
	if err != nil {
		return fmt.Errorf("open iterator %s: %w", bpf.KernelProgTellTasks, err)
	}
	defer rd.Close()
	var row bpf.KernelTaskRow
	header := memoryOf(&row.Task)
	for records := bufio.NewReaderSize(onward{rd}, iterBuffer); ; {
		if _, err := io.ReadFull(records, header); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read iterator %s: %w", bpf.KernelProgTellTasks, err)
		}
		frames := row.Frames[:min(int(row.Task.Frames), len(row.Frames))]
		if len(frames) > 0 {
			memory := unsafe.Slice((*byte)(unsafe.Pointer(&frames[0])), len(frames)*int(unsafe.Sizeof(frames[0])))
			if _, err := io.ReadFull(records, memory); err != nil {
				return fmt.Errorf("read the frames of task %d: %w", row.Task.Tid, err)
			}
		}
		if err := each(&row.Task, frames); err != nil {
			return err
		}
	}
}

// addTask adds one row to its process.
func (k *Kernel) addTask(p *listener.Process, raw *bpf.KernelTask, frames []uint64, threads bool) error {
	t := listener.Task{
		TID: int(raw.Tid), Comm: comm(raw.Comm), State: state(raw.State), Tracer: int(raw.Tracer),
		Start: time.Duration(raw.StartNs), Used: used(&raw.Used, raw.IoKnown != 0),
	}
	if raw.SchedKnown != 0 {
		t.Sched = listener.Known(listener.Sched{Slices: raw.Slices, Wait: time.Duration(raw.WaitNs)})
	}
	if raw.Syscall >= 0 {
		t.Call = listener.Known(listener.Call{Number: int(raw.Syscall), Args: raw.Args, Compat: raw.Compat != 0})
	}
	if raw.On.Kind != 0 {
		t.On = listener.Known(thing(&raw.On))
	}
	if raw.StackRead != 0 {
		var err error
		if t.Stack, err = k.symbols.functions(frames); err != nil {
			return err
		}
		t.Wchan = wchan(t.Stack)
	}
	if threads {
		p.Threads = append(p.Threads, t)
	}
	if raw.Tid == raw.Pid {
		p.Comm, p.State, p.Wchan, p.Tracer = t.Comm, t.State, t.Wchan, t.Tracer
		// In ticks, as /proc has it.
		p.Start, p.Forked = uint64(t.Start/listener.Tick), t.Start
	}
	// A leader that has ended is in no namespace any more: another thread speaks for the process.
	if raw.Threads == 0 || raw.Tid != raw.Pid && p.NetNS != 0 {
		return nil
	}
	p.NSPID, p.PPID, p.Session = int(raw.NsPid), int(raw.Parent), int(raw.Session)
	p.UID, p.RealUID = raw.Uid, raw.RealUid
	p.Execs, p.Kernel, p.NeverExec = raw.Execs, raw.Flags&pfKThread != 0, raw.Flags&pfForkNoExec != 0
	p.ThreadCount, p.MemoryUsers = int(raw.Threads), int(raw.MmUsers)
	p.NetNS, p.PIDNS, p.MountNS, p.UserNS, p.Cgroup = raw.Netns, raw.Pidns, raw.Mntns, raw.Userns, raw.Cgroup
	p.Ended = used(&raw.Ended, raw.IoKnown != 0)
	p.Speaker = t.TID
	p.Running = listener.File{Dev: userDev(raw.RunningDev), Inode: raw.RunningInode}
	if raw.GuestKnown != 0 {
		p.Guest = listener.Known(raw.Guest)
	}
	if raw.FreezerKnown != 0 || raw.Frozen != 0 {
		p.Frozen = listener.Known(raw.Frozen != 0)
	}
	if raw.TimersKnown != 0 {
		p.Timers = listener.Known(raw.Timers != 0)
	}
	if raw.ThrottleKnown != 0 {
		p.Throttled = listener.Known(time.Duration(raw.ThrottledNs))
	}
	return nil
}

// userDev gives the number that stat() gives a device: new_encode_dev() of <linux/kdev_t.h>.
func userDev(kernel uint32) uint32 {
	const minorBits = 20
	major, minor := kernel>>minorBits, kernel&(1<<minorBits-1)
	return minor&0xff | major<<8 | minor&^0xff<<12
}

func used(raw *bpf.KernelUsed, ioKnown bool) listener.Used {
	u := listener.Used{
		Run: time.Duration(raw.RunNs), User: time.Duration(raw.UserNs), System: time.Duration(raw.SystemNs),
		MajorFaults: raw.MajorFaults,
	}
	if ioKnown {
		u.IO = listener.Known(listener.IO{
			ReadBytes: raw.ReadBytes, WrittenBytes: raw.WrittenBytes, ReadCalls: raw.ReadCalls, WriteCalls: raw.WriteCalls,
		})
	}
	return u
}

// The bits of task_struct.__state and exit_state, as in <linux/sched.h>.
const (
	taskReport  = 0x7f
	taskIdle    = 0x402
	taskRTLock  = 0x1000
	taskFrozen  = 0x8000
	stateLetter = "RSDTtXZP"
)

// state gives the letter of /proc for a state: get_task_state() of fs/proc/array.c.
func state(raw uint32) string {
	switch {
	case raw&taskIdle == taskIdle:
		return "I"
	case raw&(taskRTLock|taskFrozen) != 0:
		return "D"
	}
	return string(stateLetter[min(bits.Len32(raw&taskReport), len(stateLetter)-1)])
}
