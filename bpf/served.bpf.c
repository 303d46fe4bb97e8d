//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The queues tier's witness that members of suspected groups are served. */
#include "maps.h"
#include "sample.h"

/* A connection that somebody accepted, by one look at its port. */
struct served {
	__u32 netns;
	__u16 port;
	__u16 family;
	__u8 local[16];
	__u8 remote[16];
	__u16 remote_port;
	__u16 pad[3];
};

const struct served *served_type __attribute__((unused));

static __always_inline bool in_time_wait(struct sock_common *skc)
{
	struct inet_timewait_sock *tw = (struct inet_timewait_sock *)skc;

	return skc->skc_state == TCP_TIME_WAIT && BPF_CORE_READ(tw, tw_substate) == TCP_TIME_WAIT;
}

/*
 * accept() gives a connection its struct socket: in the queue it has none. One in
 * TIME_WAIT was closed by our side, so somebody had accepted it.
 */
static __always_inline bool was_accepted(struct sock_common *skc)
{
	struct sock *sk;

	switch (skc->skc_state) {
	case TCP_LISTEN:
	case TCP_NEW_SYN_RECV:
	case TCP_SYN_SENT:
		return false;
	case TCP_TIME_WAIT:
		return in_time_wait(skc);
	default:
		sk = (struct sock *)skc;
		return BPF_CORE_READ(sk, sk_socket) != NULL;
	}
}

/* Nothing redirects a connection within this namespace to another port than it asked for. */
static __always_inline bool nothing_redirects(struct net *net)
{
	if (!bpf_core_field_exists(net->nf))
		return true;
	return !BPF_CORE_READ(net, nf.hooks_ipv4[NF_INET_PRE_ROUTING]) &&
	       !BPF_CORE_READ(net, nf.hooks_ipv4[NF_INET_LOCAL_OUT]) &&
	       !BPF_CORE_READ(net, nf.hooks_ipv6[NF_INET_PRE_ROUTING]) &&
	       !BPF_CORE_READ(net, nf.hooks_ipv6[NF_INET_LOCAL_OUT]);
}

/* Both ends have one address, or the remote one is a loopback address. */
static __always_inline bool is_local(struct sock_common *skc)
{
	__u64 here[2] = {}, there[2] = {};

	if (skc->skc_family == AF_INET)
		return skc->skc_daddr == skc->skc_rcv_saddr || (skc->skc_daddr & 0xff) == 127;
	bpf_core_read(here, sizeof(here), &skc->skc_v6_rcv_saddr);
	bpf_core_read(there, sizeof(there), &skc->skc_v6_daddr);
	return (here[0] == there[0] && here[1] == there[1]) ||
	       (!there[0] && there[1] == __builtin_bswap64(1));
}

/*
 * The client's end of a connection that the client closed first, and its server after it.
 * Nobody closes a connection that is still in a queue, so this one had been accepted. The
 * server's own end leaves no trace.
 */
static __always_inline bool was_accepted_here(struct sock_common *skc)
{
	return in_time_wait(skc) && is_local(skc) &&
	       nothing_redirects(BPF_CORE_READ(skc, skc_net.net));
}

static __always_inline void read_addr(__u8 *to, struct sock_common *skc, bool local)
{
	if (skc->skc_family == AF_INET6)
		bpf_core_read(to, 16, local ? &skc->skc_v6_rcv_saddr : &skc->skc_v6_daddr);
	else
		bpf_core_read(to, 4, local ? &skc->skc_rcv_saddr : &skc->skc_daddr);
}

/*
 * Accepted connections of suspected groups, described from the server's end. User space
 * finds out which of them are new, and who can have accepted them.
 */
SEC("iter/tcp")
int served_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct local_port port = {};
	struct served s = {};
	bool ours = true;

	if (!skc)
		return 0;
	port.netns = BPF_CORE_READ(skc, skc_net.net, ns.inum);
	port.port = skc->skc_num;
	if (!bpf_map_lookup_elem(&ports, &port)) {
		ours = false;
		port.port = __builtin_bswap16(skc->skc_dport);
		if (!bpf_map_lookup_elem(&ports, &port))
			return 0;
	}
	if (ours ? !was_accepted(skc) : !was_accepted_here(skc))
		return 0;
	s.netns = port.netns;
	s.port = port.port;
	s.family = skc->skc_family;
	s.remote_port = ours ? skc->skc_dport : __builtin_bswap16(skc->skc_num);
	read_addr(s.local, skc, ours);
	read_addr(s.remote, skc, !ours);
	bpf_seq_write(ctx->meta->seq, &s, sizeof(s));
	return 0;
}
