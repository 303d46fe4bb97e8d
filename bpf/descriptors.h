/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A pass over the descriptors of all processes reports an open file once a process. */
#ifndef REUSEWATCH_DESCRIPTORS_H
#define REUSEWATCH_DESCRIPTORS_H

#include "maps.h"

/*
 * A thread may have a descriptor table of its own, which began as a copy of the leader's.
 * A file that both have in one place is reported with the leader.
 */
static __always_inline bool copied(struct task_struct *task, __u32 fd, struct file *file)
{
	struct task_struct *leader = task->group_leader;
	struct file *there = NULL;
	struct fdtable *fdt;

	if (task == leader)
		return false;
	fdt = BPF_CORE_READ(leader, files, fdt);
	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return false;
	bpf_probe_read_kernel(&there, sizeof(there), BPF_CORE_READ(fdt, fd) + fd);
	return there == file;
}

/*
 * The files that a pass over the descriptors reported last, by inode number: a process that
 * has duplicated a descriptor a million times needs one row. A file whose place another has
 * taken is reported again, and user space drops the repetition. One pass at a time writes
 * and reads this; its session number tells its own entries from those of earlier passes.
 */
#define TOLD_PLACES 4096

struct told {
	__u64 file;
	__u64 session;
	__u32 tgid;
	__u32 fd;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TOLD_PLACES);
	__type(key, __u32);
	__type(value, struct told);
} census_told SEC(".maps"), held_told SEC(".maps");

/*
 * That a descriptor comes itself once more is no repetition: its row found no room before,
 * so bpf_seq_read dropped it, and shows the descriptor again once the others were read.
 */
static __always_inline bool told_before(void *places, struct bpf_iter_meta *meta, __u32 tgid,
					__u32 fd, struct file *file)
{
	/* Sockets and pipes have numbers of their own, given out one after the other. */
	__u32 at = BPF_CORE_READ(file, f_inode, i_ino) % TOLD_PLACES;
	struct told *t = bpf_map_lookup_elem(places, &at);

	if (!t)
		return false;
	if (t->file == (__u64)file && t->tgid == tgid && t->session == meta->session_id)
		return t->fd != fd;
	t->file = (__u64)file;
	t->tgid = tgid;
	t->fd = fd;
	t->session = meta->session_id;
	return false;
}

#endif
