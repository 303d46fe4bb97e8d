/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The row that user space gets of a thread and its process. */
#ifndef REUSEWATCH_TASK_ROW_H
#define REUSEWATCH_TASK_ROW_H

#include "maps.h"
#include "thing.h"

#define FRAMES_MAX 32

/* What threads used so far. */
struct used {
	__u64 run_ns;
	__u64 user_ns;
	__u64 system_ns;
	__u64 major_faults;
	__u64 read_bytes;
	__u64 written_bytes;
	__u64 read_calls;
	__u64 write_calls;
};

/*
 * One thread, and of a leader, or of a thread that stands in for one that has
 * ended, its process. Its frames follow: addresses of kernel code, innermost first.
 */
struct task {
	__u64 start_ns; /* since boot, time asleep included */
	__u64 wait_ns;  /* that it was runnable without a CPU; ended waits only */
	__u64 slices;
	__u64 execs;
	__u64 cgroup; /* id in the unified hierarchy */
	__u64 throttled_ns;
	__u64 running_inode; /* the file of its program; 0 = not known */
	struct used used;
	struct used ended; /* of the process: by threads that have ended */
	__u64 args[6];     /* of the system call */
	__s32 syscall;     /* -1: in none, or it runs */
	__u32 tid;
	__u32 pid;
	__u32 ns_pid;
	__u32 parent;
	__u32 session;
	__u32 tracer; /* of this thread */
	__u32 uid;    /* effective */
	__u32 real_uid;
	__u32 netns;
	__u32 pidns;
	__u32 mntns;
	__u32 userns;
	__u32 state;
	__u32 flags;
	__u32 mm_users;
	__u32 threads;
	__u32 running_dev; /* as the kernel numbers devices: 20 bits of minor */
	__u32 guest;       /* who owns its user namespace, unless that is the initial one */
	char comm[COMM_LEN];
	__u8 frozen;
	__u8 compat; /* the system call's number and arguments are of a 32-bit program */
	__u8 sched_known;
	__u8 io_known;
	__u8 throttle_known;
	__u8 freezer_known;
	__u8 stack_read;
	__u8 frames;
	__u8 timers; /* one is armed */
	__u8 timers_known;
	__u8 guest_known;
	__u8 pad[5];
	struct thing on; /* what the call's first argument is a descriptor of; kind 0: nothing */
};

const struct task *task_type __attribute__((unused));
const struct used *used_type __attribute__((unused));

struct task_row {
	struct task task;
	__u64 frames[FRAMES_MAX];
};

#endif
