/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the counting programs share, and how children count themselves in the tracepoints tier. */
#ifndef REUSEWATCH_COUNT_H
#define REUSEWATCH_COUNT_H

#include "maps.h"
#include "sample.h"

static __always_inline struct listener *counted_listener(const struct sock *sk)
{
	struct listener *l = lookup_listener(sk);

	return l && l->counting ? l : NULL;
}

/*
 * Counts MPTCP joins too, which are never queued: a verdict may rest on `plain`
 * alone. A client that speaks plain TCP to an MPTCP listener, or fell back to
 * it, has lost the mark by now; MPTCP's first subflows and its joins have it.
 */
static __always_inline void count_child(struct sock *child)
{
	__u64 *parent = bpf_sk_storage_get(&parents, child, NULL, 0);
	struct listener *l;

	if (!parent)
		return;
	l = bpf_map_lookup_elem(&listeners, parent);
	if (!l)
		return;
	__sync_fetch_and_add(&l->queued, 1);
	if (!is_mptcp(child))
		__sync_fetch_and_add(&l->plain, 1);
}

static __always_inline void count_children_of(struct sock *sk)
{
	__u64 *parent = bpf_sk_storage_get(&parents, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (parent)
		*parent = (__u64)sk;
	else
		__sync_fetch_and_add(&lost_storage, 1);
}

#endif
