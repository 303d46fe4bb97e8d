//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What else the owners of a suspected listener hold: how far each thing has got. */
#include "maps.h"
#include "asked.h"
#include "descriptors.h"
#include "thing.h"

SEC("iter/task_file")
int tell_held(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct thing t = {};
	struct question *ask;

	if (!task || !file)
		return 0;
	t.pid = task->tgid;
	ask = bpf_map_lookup_elem(&asked, &t.pid);
	if (!ask || !(ask->what & ASK_HELD) || copied(task, ctx->fd, file) ||
	    told_before(&held_told, ctx->meta, t.pid, ctx->fd, file))
		return 0;
	t.fd = ctx->fd;
	if (read_file(&t, file))
		bpf_seq_write(ctx->meta->seq, &t, sizeof(t));
	return 0;
}
