//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counting in the functions tier: rates, shares, how many clients are affected. No verdict
 * rests on it alone.
 */
#include "maps.h"
#include "sample.h"
#include "count.h"

#define MAX_ERRNO 4095

SEC("fentry/tcp_conn_request")
int BPF_PROG(count_syn, void *rsk_ops, void *af_ops, struct sock *sk)
{
	struct listener *l = counted_listener(sk);

	if (!l)
		return 0;
	__sync_fetch_and_add(&l->syns, 1);
	if (sk->sk_ack_backlog > sk->sk_max_ack_backlog)
		__sync_fetch_and_add(&l->syns_full, 1);
	return 0;
}

/* reuseport_select_sock runs for more than SYNs: UDP, and every packet that finds a listener. */
static __always_inline bool is_syn(struct sk_buff *skb)
{
	struct tcphdr *th = typed(skb->head + skb->transport_header, struct tcphdr);

	if (bpf_rdonly_cast)
		return BPF_CORE_READ_BITFIELD(th, syn) && !BPF_CORE_READ_BITFIELD(th, ack);
	return BPF_CORE_READ_BITFIELD_PROBED(th, syn) && !BPF_CORE_READ_BITFIELD_PROBED(th, ack);
}

SEC("fexit/reuseport_select_sock")
int BPF_PROG(count_selected, struct sock *sk, __u32 hash, struct sk_buff *skb, int hdr_len,
	     struct sock *ret)
{
	struct listener *l;

	/* It returns NULL, or an error where a program of the group said drop. */
	if (!ret || (unsigned long)ret >= (unsigned long)-MAX_ERRNO || !skb)
		return 0;
	l = counted_listener(ret);
	if (l && is_syn(skb))
		__sync_fetch_and_add(&l->selected, 1);
	return 0;
}

SEC("fexit/inet_csk_complete_hashdance")
int BPF_PROG(count_queued, struct sock *sk, struct sock *child, struct request_sock *req,
	     bool own_req, struct sock *ret)
{
	struct listener *l;

	if (!ret)
		return 0;
	l = counted_listener(sk);
	if (l)
		__sync_fetch_and_add(&l->queued, 1);
	return 0;
}

/*
 * Requests of SYN cookies and TFO come into the queue without the hashdance. Where that
 * calls this function without inlining it (arm64), its requests pass here too: they have
 * a listener and are no TFO.
 */
static __always_inline bool skips_hashdance(struct request_sock *req)
{
	struct tcp_request_sock *treq = (struct tcp_request_sock *)req;

	if (!req->__req_common.skc_listener || BPF_CORE_READ(treq, tfo_listener))
		return true;
	return bpf_core_field_exists(req->syncookie) &&
	       BPF_CORE_READ_BITFIELD_PROBED(req, syncookie);
}

SEC("fexit/inet_csk_reqsk_queue_add")
int BPF_PROG(count_queue_add, struct sock *sk, struct request_sock *req, struct sock *child,
	     struct sock *ret)
{
	struct listener *l;

	if (!ret || !skips_hashdance(req))
		return 0;
	l = counted_listener(sk);
	if (l)
		__sync_fetch_and_add(&l->queued, 1);
	return 0;
}

/* A half-open request that migrates is counted once it is queued; only children are adopted. */
SEC("fexit/reuseport_migrate_sock")
int BPF_PROG(count_adopted, struct sock *sk, struct sock *migrating_sk, struct sk_buff *skb,
	     struct sock *ret)
{
	struct listener *l;

	if (!ret || migrating_sk->__sk_common.skc_state == TCP_NEW_SYN_RECV)
		return 0;
	l = counted_listener(ret);
	if (l)
		__sync_fetch_and_add(&l->adopted, 1);
	return 0;
}
