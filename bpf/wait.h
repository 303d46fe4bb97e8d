/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What could still wake a process: descriptors that it waits on, timers, children. */
#ifndef REUSEWATCH_WAIT_H
#define REUSEWATCH_WAIT_H

#include "maps.h"
#include "task_row.h"
#include "thing.h"

/* The open file of a descriptor in the thread's own table, or NULL. */
static __always_inline struct file *file_at(struct task_struct *task, __u64 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL, **files;

	if (!table || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd))
		return NULL;
	return file;
}

/*
 * Reads what the first argument of the system call that it sleeps in is a descriptor of.
 * Whether that argument is a descriptor, user space knows by the number of the call.
 */
static __always_inline void read_on(struct task *t, struct task_struct *task)
{
	__u64 fd = t->args[0];
	struct file *file;

	/* The registers of such a worker are those of whoever started it. */
	if (t->syscall < 0 || t->compat || t->flags & (PF_IO_WORKER | PF_USER_WORKER))
		return;
	file = file_at(task, fd);
	if (!file)
		return;
	t->on.pid = t->pid;
	t->on.fd = fd;
	/* It was closed meanwhile, and what was read may be of anything. */
	if (!read_file(&t->on, file) || file_at(task, fd) != file)
		t->on.kind = 0;
}

#define TIMERS_MAX 64

/* Walks the POSIX timers of a process, whose list ends at NULL, or where it began. */
struct timers {
	__u64 end;
	__u64 at;
	bool armed;
};

/* CPU time passes for nobody who stands still: clockid_t of <linux/posix-timers_types.h>. */
static __always_inline bool cpu_clock(int clock)
{
	if (clock >= 0)
		return clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
	return (clock & 7) != CLOCKFD;
}

static long look_timer(__u32 i, struct timers *ts)
{
	struct k_itimer *timer;
	__u64 next = 0;

	if (!ts->at || ts->at == ts->end)
		return 1;
	timer = (void *)ts->at - bpf_core_field_offset(struct k_itimer, list);
	if (i + 1 == TIMERS_MAX || !cpu_clock(BPF_CORE_READ(timer, it_clock))) {
		ts->armed = true;
		return 1;
	}
	/* The link to the next one comes first in both kinds of lists. */
	bpf_probe_read_kernel(&next, sizeof(next), (void *)ts->at);
	ts->at = next;
	return 0;
}

/*
 * A periodic timer whose signal nobody took stands still, and is armed all the same:
 * it_real_incr. A POSIX timer that is there counts as armed, unless it counts CPU time,
 * as a watchdog's does.
 */
static __always_inline void read_timers(struct task *t, struct task_struct *task)
{
	struct signal_struct *sig = BPF_CORE_READ(task, signal);
	struct signal_struct___before_6_12 *old = (void *)sig;
	struct hrtimer *timer = (void *)sig + bpf_core_field_offset(sig->real_timer);
	struct hrtimer___before_7_1 *old_timer = (void *)timer;
	struct timers ts = {};

	if (!bpf_core_field_exists(sig->real_timer) || !bpf_core_field_exists(sig->it_real_incr))
		return;
	t->timers = BPF_CORE_READ(sig, it_real_incr) != 0;
	if (bpf_core_field_exists(timer->is_queued))
		t->timers |= BPF_CORE_READ(timer, is_queued);
	else if (bpf_core_field_exists(old_timer->state))
		t->timers |= BPF_CORE_READ(old_timer, state) & HRTIMER_STATE_ENQUEUED;
	else
		return;
	if (bpf_core_field_exists(sig->posix_timers.first)) {
		ts.at = (__u64)BPF_CORE_READ(sig, posix_timers.first);
	} else if (bpf_core_field_exists(old->posix_timers.next)) {
		ts.at = (__u64)BPF_CORE_READ(old, posix_timers.next);
		ts.end = (__u64)old + bpf_core_field_offset(old->posix_timers);
	} else {
		return;
	}
	bpf_loop(TIMERS_MAX, look_timer, &ts, 0);
	t->timers |= ts.armed;
	t->timers_known = 1;
}

#endif
