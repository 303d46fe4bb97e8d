/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The system call that a thread is in. */
#ifndef REUSEWATCH_SYSCALL_H
#define REUSEWATCH_SYSCALL_H

#include "maps.h"
#include "task_row.h"

static __always_inline bool compat_call(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.status))
		return BPF_CORE_READ(task, thread_info.status) & X86_TS_COMPAT;
	return BPF_CORE_READ(task, thread_info.flags) >> ARM64_TIF_32BIT & 1;
}

/* Reads the call of a thread that sleeps; bpf_task_pt_regs came with 5.15. */
static __always_inline void read_syscall(struct task *t, struct task_struct *task)
{
	struct pt_regs___x86 *x86;
	struct pt_regs___arm64 *arm64;
	void *regs;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return;
	regs = (void *)bpf_task_pt_regs(task);
	if (!regs)
		return;
	x86 = regs;
	arm64 = regs;
	t->compat = compat_call(task);
	if (bpf_core_field_exists(x86->orig_ax)) {
		t->syscall = BPF_CORE_READ(x86, orig_ax);
		t->args[0] = BPF_CORE_READ(x86, di);
		t->args[1] = BPF_CORE_READ(x86, si);
		t->args[2] = BPF_CORE_READ(x86, dx);
		t->args[3] = BPF_CORE_READ(x86, r10);
		t->args[4] = BPF_CORE_READ(x86, r8);
		t->args[5] = BPF_CORE_READ(x86, r9);
	} else if (bpf_core_field_exists(arm64->syscallno)) {
		t->syscall = BPF_CORE_READ(arm64, syscallno);
		t->args[0] = BPF_CORE_READ(arm64, orig_x0);
		t->args[1] = BPF_CORE_READ(arm64, regs[1]);
		t->args[2] = BPF_CORE_READ(arm64, regs[2]);
		t->args[3] = BPF_CORE_READ(arm64, regs[3]);
		t->args[4] = BPF_CORE_READ(arm64, regs[4]);
		t->args[5] = BPF_CORE_READ(arm64, regs[5]);
	}
}

#endif
