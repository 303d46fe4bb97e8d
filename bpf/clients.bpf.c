//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who waits in the accept queue of one listener: asked for by hand, never by the tick. */
#include "maps.h"
#include "sample.h"

/* A walk ends here, whatever it found: 32 times the longest default backlog. */
#define CLIENTS_WALKED 131072

#define ERR_EPIPE 32

enum walk_end {
	WALK_DONE,
	WALK_NOT_LISTENING, /* gone, or another socket at the same address */
	WALK_BROKEN,        /* the queue moved under the walk */
	WALK_CUT,           /* more than CLIENTS_WALKED */
};

struct clients_io {
	__u64 sk;
	__u64 cookie;
	__u32 rows_max;
	__u32 rows;
	__u32 total;
	__u32 gone;
	enum walk_end end;
	__u32 pad;
};

struct queue_walk {
	struct sock *sk;
	struct net *net;
	struct request_sock *at;
	__u32 rows_max;
	__u32 rows;
	__u32 total;
	__u32 gone;
	__u32 broken;
};

/*
 * A child that is reset gives its local port back (skc_num 0) and stays queued.
 * Ports are compared within one request: sk_lookup programs and TPROXY bring a
 * listener connections of ports that are not its own. A request without a listener
 * came by a SYN cookie.
 */
static __always_inline bool queued_here(struct queue_walk *q, struct request_sock *req,
					struct sock *child)
{
	struct sock *of = BPF_CORE_READ(req, __req_common.skc_listener);
	__u16 port = BPF_CORE_READ(child, __sk_common.skc_num);

	if (of && of != q->sk)
		return false;
	if (BPF_CORE_READ(child, __sk_common.skc_net.net) != q->net)
		return false;
	return port == BPF_CORE_READ(req, __req_common.skc_num) ||
	       (!port && BPF_CORE_READ(child, __sk_common.skc_state) == TCP_CLOSE);
}

static __always_inline void read_client(struct client *c, struct request_sock *req,
					struct sock *child, __u8 state)
{
	struct tcp_sock *tp = (struct tcp_sock *)child;

	__builtin_memset(c, 0, sizeof(*c));
	c->state = state;
	c->family = BPF_CORE_READ(req, __req_common.skc_family);
	c->port = __builtin_bswap16(BPF_CORE_READ(req, __req_common.skc_dport));
	if (c->family == AF_INET6)
		bpf_core_read(&c->addr, 16, &req->__req_common.skc_v6_daddr);
	else
		bpf_core_read(&c->addr, 4, &req->__req_common.skc_daddr);
	/* lsndtime: when the child was made, see read_head(); nothing was sent since. */
	c->age = (__u32)((__u32)bpf_jiffies64() - BPF_CORE_READ(tp, lsndtime));
	if (is_mptcp(child))
		return;
	c->unread = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);
	/* A FIN takes a sequence number; tcp_reset() tells by EPIPE that one had come. */
	if (c->unread && (state == TCP_CLOSE_WAIT || BPF_CORE_READ(child, sk_err) == ERR_EPIPE))
		c->unread--;
	c->unread_known = 1;
}

static long next_client(__u32 i, struct queue_walk *q)
{
	struct request_sock *req = q->at; /* a local: CO-RE would relocate our own struct too */
	struct client *c;
	struct sock *child;
	__u32 row = q->rows;
	__u8 state;

	if (!req)
		return 1;
	child = BPF_CORE_READ(req, sk);
	if (!child || !queued_here(q, req, child)) {
		q->broken = 1;
		return 1;
	}
	state = BPF_CORE_READ(child, __sk_common.skc_state);
	q->total++;
	if (state == TCP_CLOSE_WAIT || state == TCP_CLOSE)
		q->gone++;
	if (row < q->rows_max) {
		c = bpf_map_lookup_elem(&clients, &row);
		if (c) {
			read_client(c, req, child, state);
			q->rows++;
		}
	}
	q->at = BPF_CORE_READ(req, dl_next);
	return 0;
}

/*
 * The accept queue of one listener, from its head. Lockless, like every read
 * here. New clients come in at the tail, which does no harm. An accept() during
 * the walk takes the head, and may free the request that we stand on, whose link then
 * leads elsewhere. A request that belongs to another listener, or does not agree with
 * its child, ends the walk, and a head that has changed by the end makes it void: the
 * caller walks again. A request whose memory was reused at once for a SYN cookie request
 * of the same namespace would pass, but that takes an accept too, which changes the head.
 */
SEC("syscall")
int walk_clients(struct clients_io *ctx)
{
	struct sock *sk = (struct sock *)ctx->sk;
	struct request_sock *head = accept_head(sk);
	struct queue_walk q = { .sk = sk, .at = head, .rows_max = ctx->rows_max };

	ctx->end = WALK_NOT_LISTENING;
	if (!still_listens(sk, ctx->cookie))
		return 0;
	q.net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	bpf_loop(CLIENTS_WALKED, next_client, &q, 0);
	ctx->rows = q.rows;
	ctx->total = q.total;
	ctx->gone = q.gone;
	if (!still_listens(sk, ctx->cookie))
		return 0;
	if (q.broken || accept_head(sk) != head)
		ctx->end = WALK_BROKEN;
	else
		ctx->end = q.at ? WALK_CUT : WALK_DONE;
	return 0;
}
