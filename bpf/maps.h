/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What user space and the programs share: the maps and the records in them. */
#ifndef REUSEWATCH_MAPS_H
#define REUSEWATCH_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "kernel.h"

#define COMM_LEN 16
#define WAITERS_MAX 8
#define PROGRAM_NAMELESS 0xffffffff

/*
 * What makes two heads of an accept queue the same request. Slabs hand out the
 * same address at once, and with SYN cookies snt_synack is 0: without the
 * sequence numbers a prober with a fixed port looks like one unmoving head.
 */
struct head {
	__u64 request;
	__u64 snt_synack;
	__u32 rcv_isn;
	__u32 snt_isn;
	__u8 addr[16];
	__u16 port;
	__u16 pad[3];
};

enum waiter_kind {
	WAITER_OTHER,
	WAITER_ACCEPT,
	WAITER_POLL,
	WAITER_EPOLL,
	WAITER_IO_URING,
};

struct waiter {
	enum waiter_kind kind;
	__u32 pid;      /* tgid of who sleeps; for epoll of its first sleeper; 0 = none */
	__u32 events;   /* epoll: the armed events */
	__u16 sleepers; /* epoll: threads asleep behind the set */
	__u8 ready;     /* epoll: an event that nobody fetched */
	__u8 pad;
	__u64 epoll; /* the set; an address, joined with the census and never shown */
};

/* What members of a group must agree on before one may inherit another's clients. */
struct settings {
	__u32 fastopen; /* the most half-open ones */
	__s32 incoming_cpu;
	__u8 defer_accept; /* in times that the SYN-ACK is sent */
	__u8 save_syn;
	__u8 transparent;
	__u8 keys; /* MD5 or AO */
};

/* One listener as one look saw it. */
struct sample {
	__u64 sk;
	__u64 cookie;
	__u64 listened_ns; /* ktime of listen(); 0 = it was there before us */
	__u64 inode;
	__u64 net_cookie;
	__u64 reuse; /* the kernel's group; an address, compared within one tick only */

	__u64 syns;
	__u64 syns_full;
	__u64 selected;
	__u64 queued;
	__u64 plain; /* of queued, those that are no MPTCP joins for sure */
	__u64 adopted;

	struct head head; /* request 0 = the queue is empty */
	__u64 head_age;   /* jiffies since the head was established */

	__u32 netns;
	__u32 ifindex;
	__u32 queue;
	__u32 backlog;
	__u32 drops;
	__u32 group_size;
	__u8 addr[16];
	__u16 port;
	__u16 family;
	__u8 reuseport;
	__u8 v6only;
	__u8 mptcp;
	__u8 counting;       /* the counters above are being kept */
	__u8 waiters_walked; /* else waiters are unknown, not none */
	__u8 waiters_seen;   /* may exceed WAITERS_MAX */
	__u8 settings_read;
	__u8 pad;
	__u32 group_program; /* id of the program that chooses the member */
	__u32 half_open;     /* requests in the SYN queue */
	struct settings settings;
	struct waiter waiters[WAITERS_MAX];
};

/* One listener as the kernel side remembers it. */
struct listener {
	__u64 cookie;
	__u64 listened_ns;

	/* Added to atomically by the counting programs. */
	__u64 syns;
	__u64 syns_full;
	__u64 selected;
	__u64 queued;
	__u64 plain;
	__u64 adopted;

	/* The tick's own memory: what it saw last, to skip what stands idle. */
	__u64 last_head;
	__u64 last_reuse;
	__u64 last_counts;
	__u32 last_queue;
	__u32 last_backlog;
	__u32 last_drops;
	__u32 last_group_size;
	__u32 counting;
	__u64 seen; /* number of the last look that gave a row of it; 0 = none has */
};

/*
 * Written by set_state (births, deaths), by the iterators (what was there before
 * us) and by the counting programs; read by the tick. Keyed by the address of
 * the listening socket. Preallocated: the tick's program sleeps. User space
 * sizes it for what there is and a quarter more, up to the next power of two:
 * an empty bucket costs the tick as much as a full one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct listener);
} listeners SEC(".maps");

/*
 * Written by the tick, one row a listener that is not idle; read by user space
 * through mmap after the tick. User space runs the tick again for listeners whose row
 * found no room, and makes this a fraction of `listeners`: all of it is always in memory.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sample);
} samples SEC(".maps");

/* One connection in an accept queue. */
struct client {
	__u8 addr[16];
	__u32 age;    /* jiffies since it was established */
	__u32 unread; /* bytes that it sent and nobody read */
	__u16 port;
	__u16 family;
	__u8 state; /* of the child: ESTABLISHED, CLOSE_WAIT after a FIN, CLOSE after a RST */
	__u8 unread_known; /* an MPTCP subflow hands its bytes on unaccepted */
	__u16 pad;
};

#define CLIENTS_MAX 4096

/*
 * Written by walk_clients, oldest first; read by user space through mmap after
 * it ran. User space makes it with that program, when somebody asks.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLIENTS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct client);
} clients SEC(".maps");

/*
 * Scratch of the iterator over sockets, of walk_waiters and of look_at, whose row is too
 * big for their stack: one element, because user space runs one of them at a time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample);
} scratch SEC(".maps");

/*
 * Which listeners to count where counting is not always on: written by user
 * space when a group is suspected, read by the iterator that starts and ends
 * the counting. As large as `listeners`; not preallocated, for it is mostly
 * empty.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} counted SEC(".maps");

/*
 * The epoll sets that suspected listeners are in: written by every walk of the
 * waiters, read by the census, which finds their holders; emptied by user space
 * after each census. There is room for as many as can be suspected at once; a set
 * that finds none has no known holder.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} epolls SEC(".maps");

#define SOUGHT_MAX 4096

/*
 * The pipes, sockets and anonymous inodes whose holders are sought: written by user space
 * before the census that is to find them, and emptied after it. There is room for all that
 * the suspects of one look can wait on: user space refuses to seek more. Not preallocated,
 * for it is mostly empty.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOUGHT_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} sought SEC(".maps");

/* A local port of a network namespace. */
struct local_port {
	__u32 netns;
	__u16 port;
	__u16 pad;
};

/*
 * The ports of suspected groups in the queues tier: written by user space, read by
 * the iterator over their connections. There is room for as many groups as can be
 * suspected at once; whether others are served stays unknown.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct local_port);
	__type(value, __u8);
} ports SEC(".maps");

/*
 * The key of the listener that a child was born from: put on the listener,
 * inherited by its children through BPF_F_CLONE (5.11 for tracing programs).
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, __u64);
} parents SEC(".maps");

enum event_kind {
	EVENT_LISTEN_BEGAN = 1,
	EVENT_LISTEN_ENDED = 2,
};

struct event {
	__u64 sk;
	__u64 cookie;
	__u64 ktime_ns;
	__u64 execs; /* of whoever was current: self_exec_id */
	enum event_kind kind;
	__u32 pid; /* who was current: for a birth the caller of listen() */
	__u32 uid;
	char comm[COMM_LEN];
	__u32 pad;
};

/* Keeps the type in the BTF that the Go bindings are made from. */
const struct event *event_type __attribute__((unused));

/*
 * Births and deaths, for user space: 80 bytes each with their header, so that
 * 3,000 fit between two ticks. What does not fit is counted in lost_events, and user
 * space then compares everything.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

/* How often something found no room: written by the programs, read by the tick. */
__u64 lost_events;
__u64 lost_listeners;
__u64 lost_storage;

/* Count every listener from its first day on, not only the suspected ones. */
const volatile __u8 count_all;
/* tracepoints tier: children inherit the key of their listener, and count themselves by it. */
const volatile __u8 count_children;
/* `queued` is exact: a listener that queued nothing need not be read. */
const volatile __u8 counts_exact;

static __always_inline struct listener *lookup_listener(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&listeners, &key);
}

/* Begin to remember sk, unless it is known already. */
static __always_inline struct listener *remember_listener(struct sock *sk, __u64 cookie,
							  __u64 listened_ns)
{
	__u64 key = (__u64)sk;
	struct listener fresh = {
		.cookie = cookie,
		.listened_ns = listened_ns,
		.counting = count_all,
	};
	struct listener *l = lookup_listener(sk);

	/* The same address with another cookie: a death that we missed. */
	if (l && l->cookie == cookie)
		return l;
	if (bpf_map_update_elem(&listeners, &key, &fresh, BPF_ANY)) {
		__sync_fetch_and_add(&lost_listeners, 1);
		return NULL;
	}
	return lookup_listener(sk);
}

#endif
