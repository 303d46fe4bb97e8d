/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which file a process runs, and whose guest it is: no path is looked up, no file system asked. */
#ifndef REUSEWATCH_IDENTITY_H
#define REUSEWATCH_IDENTITY_H

#include "maps.h"
#include "task_row.h"

/* Also of a program whose file has been deleted, or lies in another mount namespace. */
static __always_inline void read_running(struct task *t, struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);

	if (!inode)
		return;
	t->running_dev = BPF_CORE_READ(inode, i_sb, s_dev);
	t->running_inode = BPF_CORE_READ(inode, i_ino);
}

/* The owner's uid is that in the initial user namespace, however deep this one is nested. */
static __always_inline void read_guest(struct task *t, struct task_struct *task)
{
	struct user_namespace *ns = BPF_CORE_READ(task, real_cred, user_ns);

	if (!BPF_CORE_READ(ns, level))
		return;
	t->guest = BPF_CORE_READ(ns, owner.val);
	t->guest_known = 1;
}

#endif
