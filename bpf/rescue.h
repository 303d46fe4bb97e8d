/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the clients of a closing member go: attached to its group for one act. */
#ifndef REUSEWATCH_RESCUE_H
#define REUSEWATCH_RESCUE_H

#include "listeners.h"

/* What became of the requests of the members that were closed. */
struct rescued {
	__u64 moved; /* connections sent on to a sibling */
	__u64 half_open; /* handshakes sent on to a sibling */
	__u64 gone; /* left to be reset: their client had gone */
};

/*
 * Written by reusewatch_move, read by user space after the act. User space makes it with
 * that program, one for each act.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rescued);
} rescues SEC(".maps");

/*
 * Set before the program is loaded, for its act: handshakes are moved as well. Kernels had faults in that
 * (reqsk_timer_handler, MPTCP joins and tokens); who waits in the accept queue does not pass that code.
 */
const volatile __u8 move_half_open;

/*
 * Its name tells what an earlier run left behind. A program of this kind turns migration on for its group alone, while
 * net.ipv4.tcp_migrate_req does so for every group of the namespace. It may also
 * say no: a sibling would execute what a client sent that has long gone. To
 * choose nobody leaves the choice to the hash, for new connections too.
 */
SEC("sk_reuseport/migrate")
int reusewatch_move(struct sk_reuseport_md *md)
{
	struct bpf_sock *leaving = md->migrating_sk;
	struct rescued *r;
	__u32 zero = 0;

	if (!leaving)
		return SK_PASS;
	r = bpf_map_lookup_elem(&rescues, &zero);
	if (!r)
		return SK_PASS;
	switch (leaving->state) {
	case BPF_TCP_CLOSE:
	case BPF_TCP_CLOSE_WAIT:
		__sync_fetch_and_add(&r->gone, 1);
		return SK_DROP;
	case BPF_TCP_NEW_SYN_RECV:
		if (!move_half_open)
			return SK_DROP;
		__sync_fetch_and_add(&r->half_open, 1);
		return SK_PASS;
	default:
		__sync_fetch_and_add(&r->moved, 1);
		return SK_PASS;
	}
}

#endif
