package kernel

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
)

// symbols names addresses of kernel code. It asks the kernel once for each:
// /proc/kallsyms shows no addresses without CAP_SYSLOG.
type symbols struct {
	program *ebpf.Program
	names   map[uint64]string
}

// maxSymbols bounds how many names are remembered, for modules come and go. The processes
// of a host wait in a few hundred places.
const maxSymbols = 16384

// functions names the frames of a stack; those without a name are left out. It is
// never nil: a stack that was read is known, also where it is empty.
func (s *symbols) functions(frames []uint64) ([]string, error) {
	stack := make([]string, 0, len(frames))
	for _, addr := range frames {
		name, known := s.names[addr]
		if !known {
			io := bpf.KernelSymbolIo{Addr: addr}
			if _, err := s.program.Run(&ebpf.RunOptions{Context: &io, ContextOut: &io}); err != nil {
				return nil, fmt.Errorf("name a frame of a kernel stack: %w", err)
			}
			// "func+0x1/0x2 [module]"; an address without a name comes as a number.
			name, _, _ = strings.Cut(unix.ByteSliceToString(memoryOf(&io.Name)), "+0x")
			if strings.HasPrefix(name, "0x") {
				name = ""
			}
			if len(s.names) >= maxSymbols {
				clear(s.names)
			}
			s.names[addr] = name
		}
		if name != "" {
			stack = append(stack, name)
		}
	}
	return stack, nil
}

// wchan gives the function in which a thread with this stack sleeps, as /proc/PID/wchan
// does: the innermost one that is not of the scheduler. The kernel knows those by their
// section (__sched), we by their names.
func wchan(stack []string) string {
	for _, f := range stack {
		if !schedules(f) {
			return f
		}
	}
	return ""
}

func schedules(function string) bool {
	switch function {
	case "schedule", "__schedule", "schedule_idle", "schedule_user", "yield", "yield_to", "do_nanosleep", "io_schedule",
		"preempt_schedule", "preempt_schedule_common", "preempt_schedule_irq", "preempt_schedule_notrace",
		"__cond_resched", "__cond_resched_lock", "bit_wait", "bit_wait_io", "bit_wait_timeout", "bit_wait_io_timeout",
		"out_of_line_wait_on_bit", "out_of_line_wait_on_bit_lock", "out_of_line_wait_on_bit_timeout",
		"__wait_on_bit", "__wait_on_bit_lock", "rwsem_down_read_slowpath", "rwsem_down_write_slowpath",
		"usleep_range_state", "__down_common", "rtlock_slowlock_locked", "schedule_rtlock":
		return true
	}
	for _, family := range []string{
		"schedule_timeout", "schedule_hrtimeout", "io_schedule_", "schedule_preempt_", "mutex_lock", "__mutex_lock", "ww_mutex_lock",
		"__ww_mutex_lock", "down_read", "down_write", "__down_", "down_interruptible", "down_killable", "down_timeout",
		"wait_for_completion", "__wait_for_common", "rt_mutex_lock", "__rt_mutex_", "rt_mutex_slowlock", "console_conditional",
	} {
		if strings.HasPrefix(function, family) {
			return true
		}
	}
	return false
}
