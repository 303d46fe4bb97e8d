//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tick: one pass over all listeners, and the programs that sample a single one. */
#include "maps.h"
#include "sample.h"

#define TICK_FULL 1 /* look at every socket, also where counts_exact calls it idle */
#define TICK_ALL 2  /* and give a row of each, changed or not */

struct tick_io {
	__u64 flags;
	__u64 number; /* of the look, from 1 on: a listener gets one row in it */
	__u64 ktime_ns;
	__u64 lost_events;
	__u64 lost_listeners;
	__u64 lost_storage;
	__u32 listeners;
	__u32 rows;
	__u32 looks;
	__u32 more; /* there was no room for all rows: the same look is to be run again */
};

struct walk {
	__u64 flags;
	__u64 number;
	__u32 listeners;
	__u32 rows;
	__u32 looks;
	__u32 more;
};

static __always_inline __u64 counts(const struct listener *l)
{
	return l->syns + l->selected + l->queued + l->adopted;
}

static long look(struct bpf_map *map, __u64 *key, struct listener *l, struct walk *w)
{
	__u32 queue, backlog, drops, group_size = 0, row = w->rows;
	struct inet_connection_sock *icsk;
	struct sock_reuseport *reuse;
	struct request_sock *req;
	__u64 sum = counts(l);
	struct sample *s;
	struct sock *sk;
	bool same_head;

	w->listeners++;
	if (l->seen == w->number)
		return 0;
	if (counts_exact && !w->flags && l->seen && !l->last_queue && sum == l->last_counts)
		return 0;

	w->looks++;
	sk = typed(*key, struct sock);
	/* Gone, or another socket at the same address: we missed its death. */
	if ((__u64)LOAD(sk, __sk_common.skc_cookie.counter) != l->cookie) {
		bpf_map_delete_elem(&listeners, key);
		return 0;
	}
	if (LOAD(sk, __sk_common.skc_state) != TCP_LISTEN)
		return 0;

	queue = LOAD(sk, sk_ack_backlog);
	backlog = LOAD(sk, sk_max_ack_backlog);
	drops = LOAD(sk, sk_drops.counter);
	reuse = LOAD(sk, sk_reuseport_cb);
	if (reuse)
		group_size = LOAD(reuse, num_socks);
	icsk = typed(*key, struct inet_connection_sock);
	req = LOAD(icsk, icsk_accept_queue.rskq_accept_head);
	same_head = req && (__u64)req == l->last_head;
	if (!(w->flags & TICK_ALL) && l->seen && !req && !queue && !l->last_queue &&
	    sum == l->last_counts && backlog == l->last_backlog && drops == l->last_drops &&
	    (__u64)reuse == l->last_reuse && group_size == l->last_group_size)
		return 0;

	s = bpf_map_lookup_elem(&samples, &row);
	if (!s) {
		w->more = 1;
		return 1;
	}
	read_sample(s, sk, l);
	/* Who waits matters only where the head stands still. */
	if (same_head)
		read_waiters(s, sk);
	if (w->flags & TICK_ALL)
		read_settings(s, sk);
	l->last_head = s->head.request;
	l->last_queue = s->queue;
	l->last_reuse = s->reuse;
	l->last_counts = sum;
	l->last_backlog = s->backlog;
	l->last_drops = s->drops;
	l->last_group_size = s->group_size;
	l->seen = w->number;
	w->rows++;
	return 0;
}

struct waiters_io {
	__u64 sk;
	__u64 cookie;
};

/* Who waits on one listener, whatever its queue; user space reads the row in `scratch`. */
SEC("syscall")
int walk_waiters(struct waiters_io *ctx)
{
	struct sock *sk = (struct sock *)ctx->sk;
	__u32 zero = 0;
	struct sample *s = bpf_map_lookup_elem(&scratch, &zero);

	if (!s)
		return 0;
	__builtin_memset(s, 0, sizeof(*s));
	if (still_listens(sk, ctx->cookie))
		read_waiters(s, sk);
	return 0;
}

struct one_io {
	__u64 sk;
	__u64 cookie;
	__u64 ktime_ns;
	__u32 there;
	__u32 pad;
};

/*
 * One listener and no other, without its waiters and settings; user space reads the row
 * in `scratch`. The tick's own memory is left alone: what it is to tell next stays news.
 */
SEC("syscall")
int look_at(struct one_io *ctx)
{
	struct sock *sk = (struct sock *)ctx->sk;
	__u32 zero = 0;
	struct sample *s = bpf_map_lookup_elem(&scratch, &zero);
	struct listener *l;

	ctx->there = 0;
	ctx->ktime_ns = bpf_ktime_get_ns();
	if (!s || !still_listens(sk, ctx->cookie))
		return 0;
	l = lookup_listener(sk);
	if (l && l->cookie != ctx->cookie)
		l = NULL;
	read_sample(s, sk, l);
	/* It may have gone, and its memory been given away, while it was read. */
	ctx->there = still_listens(sk, ctx->cookie);
	return 0;
}

/* One pass over every listener of the host, in all network namespaces. */
SEC("syscall")
int tick(struct tick_io *ctx)
{
	struct walk w = { .flags = ctx->flags, .number = ctx->number };

	ctx->ktime_ns = bpf_ktime_get_ns();
	bpf_for_each_map_elem(&listeners, look, &w, 0);
	ctx->listeners = w.listeners;
	ctx->rows = w.rows;
	ctx->looks = w.looks;
	ctx->more = w.more;
	ctx->lost_events = lost_events;
	ctx->lost_listeners = lost_listeners;
	ctx->lost_storage = lost_storage;
	return 0;
}
