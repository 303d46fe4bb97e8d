//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the clients of a closing member go: attached to its group for one act. */
#include "maps.h"

/* What became of the requests of the members that were closed. */
struct rescued {
	__u64 moved;     /* connections sent on to a sibling */
	__u64 half_open; /* handshakes sent on to a sibling */
	__u64 gone;      /* left to be reset: their client had gone */
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
 * The members that may get clients. Written by user space before the program is attached,
 * and by the kernel, which removes members that close; read by reusewatch_move. User space
 * makes it with that program, with as much room as there are heirs.
 */
struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} heirs SEC(".maps");

/* Set before the program is loaded, for its act. */
const volatile __u32 heirs_len;
/* Nobody but heirs gets clients: there are strangers in the group. */
const volatile __u8 heirs_only;

/* How many heirs are tried for one client: one that has closed takes none. */
#define HEIR_TRIES 16

/*
 * Set before the program is loaded, for its act: handshakes are moved as well. Kernels had
 * faults in that (reqsk_timer_handler, MPTCP joins and tokens); clients in the accept queue
 * do not pass that code.
 */
const volatile __u8 move_half_open;

/*
 * Chooses one of the heirs by the client's hash, as the kernel chooses among all members.
 * Where no heir is left, the kernel chooses.
 */
static __always_inline int choose_heir(struct sk_reuseport_md *md)
{
	__u32 i, at;

	for (i = 0; heirs_len && i < HEIR_TRIES; i++) {
		at = (md->hash + i) % heirs_len;
		if (!bpf_sk_select_reuseport(md, &heirs, &at, 0))
			return SK_PASS;
	}
	return heirs_only ? SK_DROP : SK_PASS;
}

/*
 * By its name the next run finds what an earlier one left attached. A program of this kind
 * turns migration on for its group alone, while net.ipv4.tcp_migrate_req does so for every
 * group of the namespace. It may also refuse a client that has gone: a sibling would execute
 * what it sent. New connections are left to the hash.
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
		if (choose_heir(md) == SK_DROP)
			return SK_DROP;
		__sync_fetch_and_add(&r->half_open, 1);
		return SK_PASS;
	default:
		if (choose_heir(md) == SK_DROP)
			return SK_DROP;
		__sync_fetch_and_add(&r->moved, 1);
		return SK_PASS;
	}
}
