/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the cgroups of a process do to it, read without their file system. */
#ifndef REUSEWATCH_CGROUP_H
#define REUSEWATCH_CGROUP_H

#include "sample.h"
#include "task_row.h"

#define CGROUPS_MAX 32

/*
 * Whether cgroup v1 (its freezer's state) or v2 (what was asked of the cgroup) freezes a
 * process, or has begun to: one thread in state D keeps its cgroup from being called frozen,
 * while all others stand still. task->frozen does not tell: stopped and traced tasks have it.
 */
static __always_inline void read_freezer(struct task *t, struct task_struct *task)
{
	struct css_set *cgroups = BPF_CORE_READ(task, cgroups);
	struct cgroup *v2 = BPF_CORE_READ(cgroups, dfl_cgrp);
	void *subsys = (void *)cgroups + bpf_core_field_offset(struct css_set, subsys);
	struct cgroup_subsys_state *css = NULL;

	t->cgroup = BPF_CORE_READ(v2, kn, id);
	t->frozen = !!(t->state & TASK_FROZEN);
	if (bpf_core_field_exists(v2->freezer.e_freeze)) {
		t->freezer_known = 1;
		t->frozen |= !!BPF_CORE_READ_BITFIELD_PROBED(v2, freezer.e_freeze);
	}
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, freezer_cgrp_id) ||
	    !bpf_core_type_exists(struct freezer))
		return;
	t->freezer_known = 1;
	subsys += sizeof(css) * bpf_core_enum_value(enum cgroup_subsys_id, freezer_cgrp_id);
	if (bpf_probe_read_kernel(&css, sizeof(css), subsys) || !css)
		return;
	t->frozen |= !!(BPF_CORE_READ(container_of_core(css, struct freezer, css), state) &
			~FREEZER_ONLINE);
}

/* How long quotas held back its cgroup and those above it, over all CPUs. */
static __always_inline void read_throttle(struct task *t, struct task_struct *task)
{
	struct task_group *tg = NULL;

	if (!bpf_core_field_exists(task->sched_task_group) ||
	    !bpf_core_field_exists(tg->cfs_bandwidth.throttled_time))
		return;
	t->throttle_known = 1;
	tg = BPF_CORE_READ(task, sched_task_group);
	for (int i = 0; i < CGROUPS_MAX && tg; i++) {
		t->throttled_ns += BPF_CORE_READ(tg, cfs_bandwidth.throttled_time);
		tg = BPF_CORE_READ(tg, parent);
	}
}

#endif
