//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Iterators that find what was there before us, by its sockets or by its descriptors. */
#include "maps.h"
#include "sample.h"
#include "count.h"

/* A listener of the namespace that the iterator was opened in; NULL for any other socket. */
static __always_inline struct tcp_sock *iter_listener(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;

	if (!skc || skc->skc_state != TCP_LISTEN)
		return NULL;
	return bpf_skc_to_tcp_sock(skc);
}

static __always_inline int write_listener(struct seq_file *seq, struct sock *sk, struct listener *l,
					  __u64 cookie)
{
	__u32 zero = 0;
	struct sample *s = bpf_map_lookup_elem(&scratch, &zero);

	if (!s)
		return 0;
	read_sample(s, sk, l);
	read_waiters(s, sk);
	read_settings(s, sk);
	s->cookie = cookie;
	bpf_seq_write(seq, s, sizeof(*s));
	return 0;
}

/* Writes a row of each listener and remembers none: this is what `list` and the queues tier see. */
SEC("iter/tcp")
int look_tcp(struct bpf_iter__tcp *ctx)
{
	struct tcp_sock *tp = iter_listener(ctx);

	if (!tp)
		return 0;
	return write_listener(ctx->meta->seq, (struct sock *)tp, NULL, bpf_get_socket_cookie(tp));
}

/*
 * Remembers the listeners that were there before us, so that the tick watches and
 * reports them like any other. It writes nothing itself.
 */
SEC("iter/tcp")
int enter_tcp(struct bpf_iter__tcp *ctx)
{
	struct tcp_sock *tp = iter_listener(ctx);

	if (tp)
		remember_listener((struct sock *)tp, bpf_get_socket_cookie(tp), 0);
	return 0;
}

/*
 * The listener that a descriptor is of; NULL for anything else, and for one that
 * speaks MPTCP: from its socket no way that the verifier trusts leads to its TCP
 * listener, and only for a trusted one can a cookie be made.
 */
static __always_inline struct tcp_sock *file_listener(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!file)
		return NULL;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return NULL;
	sk = socket->sk;
	if (!sk || sk->__sk_common.skc_state != TCP_LISTEN)
		return NULL;
	return bpf_skc_to_tcp_sock(sk);
}

/*
 * Does the same by way of descriptors, in all network namespaces at once, also in those
 * that may not be entered: that takes CAP_SYS_ADMIN.
 */
SEC("iter/task_file")
int enter_file(struct bpf_iter__task_file *ctx)
{
	struct tcp_sock *tp = file_listener(ctx);

	if (tp)
		remember_listener((struct sock *)tp, bpf_get_socket_cookie(tp), 0);
	return 0;
}

static __always_inline void count_listener(struct tcp_sock *tp)
{
	struct listener *l = lookup_listener((struct sock *)tp);
	__u64 key = (__u64)tp;

	if (!l)
		return;
	if (count_all || bpf_map_lookup_elem(&counted, &key)) {
		if (count_children)
			count_children_of((struct sock *)tp);
		if (!l->counting) {
			/* What an earlier suspicion counted says nothing of what came since. */
			l->queued = l->plain = l->adopted = 0;
			l->syns = l->syns_full = l->selected = 0;
			l->counting = 1;
		}
	} else {
		if (count_children)
			bpf_sk_storage_delete(&parents, (struct sock *)tp);
		l->counting = 0;
	}
}

/*
 * Starts and ends the counting of listeners as `counted` says, and the children's
 * inheritance that it needs in the tracepoints tier.
 */
SEC("iter/tcp")
int count_tcp(struct bpf_iter__tcp *ctx)
{
	struct tcp_sock *tp = iter_listener(ctx);

	if (tp)
		count_listener(tp);
	return 0;
}

/* Does the same by way of descriptors. */
SEC("iter/task_file")
int count_file(struct bpf_iter__task_file *ctx)
{
	struct tcp_sock *tp = file_listener(ctx);

	if (tp)
		count_listener(tp);
	return 0;
}
