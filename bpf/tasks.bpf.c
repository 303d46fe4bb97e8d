//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reports processes and their threads, and waits for nobody: a file of /proc can block
 * for ever on a process that hangs in exec or holds a lock that hangs.
 */
#include "maps.h"
#include "sample.h"
#include "task_row.h"
#include "cgroup.h"
#include "wait.h"
#include "identity.h"
#include "asked.h"
#include "syscall.h"

/*
 * How many threads and stacks one pass reports of one process, and how many threads of all
 * processes together, not counting the first few of each. Any more are only counted.
 */
#define THREADS_MAX 4096
#define STACKS_MAX 512
#define THREADS_FREE 64
#define THREADS_ALL 16384

/* Set by user space before a pass: whether it reports the leader of every process. */
__u8 tell_all;

/* Set to 0 by user space before a pass, which counts the threads beyond THREADS_FREE. */
__u32 threads_told;

/* Scratch of tell_tasks, whose row is too big for its stack; one runs at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct task_row);
} task_scratch SEC(".maps");

static __always_inline struct upid *upid_at(struct pid *pid, __u32 level)
{
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
}

static __always_inline void read_pids(struct task *t, struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
	struct upid *innermost = upid_at(pid, BPF_CORE_READ(pid, level));

	t->ns_pid = BPF_CORE_READ(innermost, nr);
	t->pidns = BPF_CORE_READ(innermost, ns, ns.inum);
	pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID]);
	t->session = BPF_CORE_READ(upid_at(pid, 0), nr);
}

static __always_inline void read_used(struct task *t, struct task_struct *task)
{
	t->used.run_ns = BPF_CORE_READ(task, se.sum_exec_runtime);
	t->used.user_ns = BPF_CORE_READ(task, utime);
	t->used.system_ns = BPF_CORE_READ(task, stime);
	t->used.major_faults = BPF_CORE_READ(task, maj_flt);
	if (bpf_core_field_exists(task->ioac.rchar)) {
		t->io_known = 1;
		t->used.read_bytes = BPF_CORE_READ(task, ioac.rchar);
		t->used.written_bytes = BPF_CORE_READ(task, ioac.wchar);
		t->used.read_calls = BPF_CORE_READ(task, ioac.syscr);
		t->used.write_calls = BPF_CORE_READ(task, ioac.syscw);
	}
	if (bpf_core_field_exists(task->sched_info.pcount)) {
		t->sched_known = 1;
		t->slices = BPF_CORE_READ(task, sched_info.pcount);
		t->wait_ns = BPF_CORE_READ(task, sched_info.run_delay);
	}
}

static __always_inline void read_ended(struct used *u, struct task_struct *task)
{
	struct signal_struct *sig = BPF_CORE_READ(task, signal);

	u->run_ns = BPF_CORE_READ(sig, sum_sched_runtime);
	u->user_ns = BPF_CORE_READ(sig, utime);
	u->system_ns = BPF_CORE_READ(sig, stime);
	u->major_faults = BPF_CORE_READ(sig, maj_flt);
	if (bpf_core_field_exists(sig->ioac.rchar)) {
		u->read_bytes = BPF_CORE_READ(sig, ioac.rchar);
		u->written_bytes = BPF_CORE_READ(sig, ioac.wchar);
		u->read_calls = BPF_CORE_READ(sig, ioac.syscr);
		u->write_calls = BPF_CORE_READ(sig, ioac.syscw);
	}
}

static __always_inline void read_process(struct task *t, struct task_struct *task)
{
	read_pids(t, task);
	t->parent = BPF_CORE_READ(task, real_parent, tgid);
	t->uid = BPF_CORE_READ(task, real_cred, euid.val);
	t->real_uid = BPF_CORE_READ(task, real_cred, uid.val);
	t->userns = BPF_CORE_READ(task, real_cred, user_ns, ns.inum);
	t->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	t->mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	t->mm_users = BPF_CORE_READ(task, mm, mm_users.counter);
	t->threads = BPF_CORE_READ(task, signal, nr_threads);
	t->execs = BPF_CORE_READ(task, self_exec_id);
	read_ended(&t->ended, task);
	read_freezer(t, task);
	read_throttle(t, task);
	read_timers(t, task);
	read_running(t, task);
	read_guest(t, task);
}

static __always_inline void read_task(struct task *t, struct task_struct *task)
{
	t->tid = task->pid;
	t->pid = task->tgid;
	t->start_ns = BPF_CORE_READ(task, start_boottime);
	t->state = BPF_CORE_READ(task, __state) | BPF_CORE_READ(task, exit_state);
	t->flags = BPF_CORE_READ(task, flags);
	t->syscall = -1;
	BPF_CORE_READ_STR_INTO(&t->comm, task, comm);
	if (BPF_CORE_READ(task, ptrace))
		t->tracer = BPF_CORE_READ(task, parent, tgid);
	read_used(t, task);
}

/*
 * Whether a thread speaks for its process: the leader does, and all others once that has
 * ended, for it is in no namespace any more.
 */
static __always_inline bool speaks(struct task_struct *task)
{
	return task->pid == task->tgid || BPF_CORE_READ(task, group_leader, exit_state);
}

static __always_inline bool room(struct question *ask)
{
	if (ask->threads < THREADS_FREE)
		return true;
	return ask->threads < THREADS_MAX && threads_told < THREADS_ALL;
}

/*
 * Whether the row of a task found no room, as seq_has_overflowed() has it. Then bpf_seq_read
 * drops it, and shows the task again once the rows before it were read: what is counted of
 * a task is counted only if this is false.
 */
static __always_inline bool overflowed(struct seq_file *seq)
{
	return BPF_CORE_READ(seq, count) == BPF_CORE_READ(seq, size);
}

static __always_inline void count_told(struct question *ask, bool thread, bool stack)
{
	if (thread && ask->threads++ >= THREADS_FREE)
		threads_told++;
	if (stack)
		ask->stacks++;
}

/*
 * A living process is counted with its leader, also where that has ended before other
 * threads: several of those may speak for the process.
 */
static __always_inline void count_living(struct task_struct *task)
{
	struct question *ask;
	__u32 parent;

	if (task->pid != task->tgid ||
	    (BPF_CORE_READ(task, exit_state) && BPF_CORE_READ(task, signal, live.counter) <= 0))
		return;
	parent = BPF_CORE_READ(task, real_parent, tgid);
	if (parent == task->tgid)
		return;
	ask = bpf_map_lookup_elem(&asked, &parent);
	if (ask && ask->what & ASK_THREADS)
		ask->children++;
}

/* Reports a task, with its stack if there is an answer to give that to. */
static __always_inline bool tell_task(struct seq_file *seq, struct task_struct *task,
				      struct question *ask, bool first, bool whole)
{
	__u32 zero = 0, len = sizeof(struct task);
	struct task_row *row = bpf_map_lookup_elem(&task_scratch, &zero);
	bool stack = false;
	long size;

	if (!row)
		return false;
	__builtin_memset(&row->task, 0, sizeof(row->task));
	read_task(&row->task, task);
	if (first)
		read_process(&row->task, task);
	/*
	 * A thread that runs waits in no system call, and its stack does not stand still. One
	 * that has ended has no stack any more, on which its registers were.
	 */
	if (ask && row->task.state && !(row->task.flags & PF_KTHREAD) &&
	    !BPF_CORE_READ(task, exit_state)) {
		read_syscall(&row->task, task);
		if (whole)
			read_on(&row->task, task);
		stack = ask->what & (ASK_STACK | ASK_THREADS) && ask->stacks < STACKS_MAX;
		if (stack) {
			size = bpf_get_task_stack(task, row->frames, sizeof(row->frames), 0);
			row->task.stack_read = size >= 0;
			if (size > 0 && size <= (long)sizeof(row->frames)) {
				row->task.frames = size / sizeof(row->frames[0]);
				len += size;
			}
		}
	}
	if (len <= sizeof(*row))
		bpf_seq_write(seq, row, len);
	return stack;
}

SEC("iter/task")
int tell_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	bool first, whole, told, stack = false;
	struct question *ask;
	__u32 pid;

	if (!task)
		return 0;
	pid = task->tgid;
	first = speaks(task);
	ask = bpf_map_lookup_elem(&asked, &pid);
	whole = ask && ask->what & ASK_THREADS;
	told = first ? tell_all || ask : whole && room(ask);
	if (told)
		stack = tell_task(ctx->meta->seq, task, ask, first, whole);
	if (overflowed(ctx->meta->seq))
		return 0;
	count_living(task);
	if (told && ask)
		count_told(ask, !first, stack);
	return 0;
}

struct symbol_io {
	__u64 addr;
	char name[120];
};

/* Names a frame, without /proc/kallsyms: "func+0x1/0x2 [module]". */
SEC("syscall")
int name_symbol(struct symbol_io *ctx)
{
	char name[sizeof(ctx->name)] = {};
	void *addr = (void *)ctx->addr;

	BPF_SNPRINTF(name, sizeof(name), "%pB", addr);
	__builtin_memcpy(ctx->name, name, sizeof(name));
	return 0;
}
