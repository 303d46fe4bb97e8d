/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The types that tell of processes, cut as those in kernel.h are. */
#ifndef REUSEWATCH_KERNEL_TASK_H
#define REUSEWATCH_KERNEL_TASK_H

#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010   /* of io_uring: it is in no system call of its own */
#define PF_USER_WORKER 0x00004000 /* 6.4: those and vhost's */
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD 0x00200000

#define TASK_FROZEN 0x00008000 /* 6.1 (f5d39b020809); before, a frozen task is in state D */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_entity {
	__u64 sum_exec_runtime;
};

/* All of it is 0 without CONFIG_SCHED_INFO. */
struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
};

struct task_io_accounting {
	__u64 rchar; /* these four: with CONFIG_TASK_XACCT */
	__u64 wchar;
	__u64 syscr;
	__u64 syscw;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[];
};

struct mnt_namespace {
	struct ns_common ns;
};

typedef struct {
	__u32 val;
} kuid_t;

struct user_namespace {
	int level; /* 0: the initial one */
	kuid_t owner;
	struct ns_common ns;
};

struct cred {
	kuid_t uid;
	kuid_t euid;
	struct user_namespace *user_ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
};

struct mm_struct {
	atomic_t mm_users;
	struct file *exe_file;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hrtimer {
	bool is_queued; /* 7.1 */
};

struct hrtimer___before_7_1 {
	__u8 state; /* 7.1 (22f011be7aaa): is_queued */
};

#define HRTIMER_STATE_ENQUEUED 1

struct signal_struct {
	atomic_t live; /* threads that have not begun to end */
	int nr_threads;
	struct hlist_head posix_timers; /* 6.12; this and the next two with CONFIG_POSIX_TIMERS */
	struct hrtimer real_timer;
	__s64 it_real_incr;
	struct pid *pids[4];
	/* What threads that have ended used. */
	__u64 utime;
	__u64 stime;
	unsigned long maj_flt;
	struct task_io_accounting ioac;
	unsigned long long sum_sched_runtime;
};

struct signal_struct___before_6_12 {
	struct list_head posix_timers; /* 6.12 (52dea0a15cc8): a hlist_head */
};

struct k_itimer {
	/* 6.12 (52dea0a15cc8): a list_head before, whose next comes first, too */
	struct hlist_node list;
	int it_clock;
};

/* Of <linux/time.h> and <linux/posix-timers_types.h>; the latter is that of a device. */
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCKFD 3

/* The enum pid_type of signal_struct.pids, the same since 5.0. */
enum { PIDTYPE_TGID = 1, PIDTYPE_SID = 3 };

struct kernfs_node {
	__u64 id; /* 5.5 */
};

struct cgroup_freezer_state {
	bool e_freeze; /* an int before 6.18 or so: read by its size */
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_freezer_state freezer;
};

struct cgroup_subsys_state;

struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* as many as there are controllers */
	struct cgroup *dfl_cgrp;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

enum cgroup_subsys_id {
	freezer_cgrp_id, /* its number is the kernel's own */
};

struct freezer {
	struct cgroup_subsys_state css;
	unsigned int state;
};

/* All but the first bit of its state say that it is or will be frozen. */
#define FREEZER_ONLINE 1

struct cfs_bandwidth {
	__u64 throttled_time;
};

struct task_group {
	struct task_group *parent;
	struct cfs_bandwidth cfs_bandwidth; /* with CONFIG_CFS_BANDWIDTH */
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 */
};

#define X86_TS_COMPAT 0x2
#define ARM64_TIF_32BIT 22

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state; /* 5.14 (2f064a59a11f) */
	unsigned int flags;
	unsigned int ptrace;
	struct sched_entity se;
	struct task_group *sched_task_group; /* with CONFIG_CGROUP_SCHED */
	struct sched_info sched_info;
	struct mm_struct *mm;
	int exit_state;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 utime;
	__u64 stime;
	__u64 start_boottime;
	unsigned long maj_flt;
	const struct cred *real_cred;
	char comm[16];
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	__u64 self_exec_id; /* 64 bits since 5.7 (d1e7fd6462ca) */
	struct task_io_accounting ioac;
	struct css_set *cgroups;
};

/* The registers at the way into the kernel, of the two architectures. */
struct pt_regs___x86 {
	unsigned long r10, r9, r8, dx, si, di, orig_ax;
};

struct pt_regs___arm64 {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};

#pragma clang attribute pop

#endif
