/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading one listener: its queue, the head of it, and who waits. */
#ifndef REUSEWATCH_SAMPLE_H
#define REUSEWATCH_SAMPLE_H

#include "maps.h"

#define SLEEPERS_MAX 64

#define container_of_core(ptr, type, member) \
	((type *)((void *)(ptr) - bpf_core_field_offset(type, member)))

/*
 * From 6.2 on an address can be told to be of a type. Its fields are then plain
 * loads, as safe as bpf_probe_read_kernel and several times as fast.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

#define typed(addr, type)                                                                          \
	((type *)(bpf_rdonly_cast ? bpf_rdonly_cast((void *)(addr), bpf_core_type_id_kernel(type)) \
				  : (void *)(addr)))

/* A field of what typed() or a load by LOAD gave. */
#define LOAD(ptr, field) (bpf_rdonly_cast ? (ptr)->field : BPF_CORE_READ(ptr, field))

static __always_inline struct request_sock *accept_head(struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;

	return BPF_CORE_READ(icsk, icsk_accept_queue.rskq_accept_head);
}

static __always_inline __u64 sock_cookie(const struct sock *sk)
{
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

/* Whether the address is still of the same socket, and that listens. */
static __always_inline bool still_listens(const struct sock *sk, __u64 cookie)
{
	return sock_cookie(sk) == cookie && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN;
}

static __always_inline bool is_mptcp(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	return bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp);
}

/* Addresses go out as 16 bytes in network order; an IPv4 one fills the first four. */
static __always_inline void read_local(struct sample *s, struct sock *sk)
{
	s->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	s->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (s->family == AF_INET6)
		bpf_core_read(&s->addr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	else
		bpf_core_read(&s->addr, 4, &sk->__sk_common.skc_rcv_saddr);
}

/*
 * The child knows when it was established: lsndtime, set when it was created.
 * Unlike snt_synack it is right with SYN cookies and TCP_DEFER_ACCEPT.
 */
static __always_inline void read_head(struct sample *s, struct request_sock *req)
{
	struct tcp_request_sock *treq = (struct tcp_request_sock *)req;
	struct tcp_sock *child;
	struct head *h = &s->head;

	h->request = (__u64)req;
	h->snt_synack = BPF_CORE_READ(treq, snt_synack);
	h->rcv_isn = BPF_CORE_READ(treq, rcv_isn);
	h->snt_isn = BPF_CORE_READ(treq, snt_isn);
	h->port = __builtin_bswap16(BPF_CORE_READ(req, __req_common.skc_dport));
	if (BPF_CORE_READ(req, __req_common.skc_family) == AF_INET6)
		bpf_core_read(&h->addr, 16, &req->__req_common.skc_v6_daddr);
	else
		bpf_core_read(&h->addr, 4, &req->__req_common.skc_daddr);

	child = (struct tcp_sock *)BPF_CORE_READ(req, sk);
	if (child)
		s->head_age = (__u32)((__u32)bpf_jiffies64() - BPF_CORE_READ(child, lsndtime));
}

static __always_inline __u32 group_program(struct sock_reuseport *reuse)
{
	struct bpf_prog *prog = BPF_CORE_READ(reuse, prog);

	if (!prog)
		return 0;
	return BPF_CORE_READ(prog, aux, id) ?: PROGRAM_NAMELESS;
}

static __always_inline bool is_transparent(struct sock *sk)
{
	struct inet_sock___before_6_6 *old = (void *)sk;
	struct inet_sock *inet = (void *)sk;

	if (bpf_core_field_exists(old->transparent))
		return BPF_CORE_READ_BITFIELD_PROBED(old, transparent);
	return BPF_CORE_READ(inet, inet_flags) >> INET_FLAGS_TRANSPARENT & 1;
}

/* Only acts need these, so only complete looks read them. */
static __always_inline void read_settings(struct sample *s, struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	s->half_open = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
	s->settings.fastopen = BPF_CORE_READ(icsk, icsk_accept_queue.fastopenq.max_qlen);
	s->settings.defer_accept = BPF_CORE_READ(icsk, icsk_accept_queue.rskq_defer_accept);
	s->settings.incoming_cpu = BPF_CORE_READ(sk, __sk_common.skc_incoming_cpu);
	s->settings.save_syn = BPF_CORE_READ_BITFIELD_PROBED(tp, save_syn);
	s->settings.transparent = is_transparent(sk);
	s->settings.keys =
		(bpf_core_field_exists(tp->md5sig_info) && BPF_CORE_READ(tp, md5sig_info)) ||
		(bpf_core_field_exists(tp->ao_info) && BPF_CORE_READ(tp, ao_info));
	s->settings_read = 1;
}

static __always_inline void read_sample(struct sample *s, struct sock *sk, struct listener *l)
{
	struct sock_reuseport *reuse = BPF_CORE_READ(sk, sk_reuseport_cb);
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);
	struct request_sock *req;

	__builtin_memset(s, 0, sizeof(*s));
	/*
	 * The counters are read before the queue: they count after it has grown, so that
	 * nothing is counted that was neither accepted nor is seen to wait.
	 */
	if (l) {
		s->listened_ns = l->listened_ns;
		s->syns = l->syns;
		s->syns_full = l->syns_full;
		s->selected = l->selected;
		s->queued = l->queued;
		s->plain = l->plain;
		s->adopted = l->adopted;
		s->counting = l->counting;
	}
	s->sk = (__u64)sk;
	s->cookie = sock_cookie(sk);
	s->net_cookie = BPF_CORE_READ(sk, __sk_common.skc_net.net, net_cookie);
	s->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	s->ifindex = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	req = accept_head(sk);
	s->queue = BPF_CORE_READ(sk, sk_ack_backlog);
	s->backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
	s->drops = BPF_CORE_READ(sk, sk_drops.counter);
	s->reuseport = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuseport);
	s->v6only = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
	s->mptcp = is_mptcp(sk);
	read_local(s, sk);
	if (reuse) {
		s->reuse = (__u64)reuse;
		s->group_size = BPF_CORE_READ(reuse, num_socks);
		s->group_program = group_program(reuse);
	}
	if (socket)
		s->inode = BPF_CORE_READ(container_of_core(socket, struct socket_alloc, socket),
					 vfs_inode.i_ino);
	if (req)
		read_head(s, req);
}

struct sleepers {
	struct list_head *head, *at;
	__u32 n;
	__u32 pid;
};

static long count_sleeper(__u32 i, struct sleepers *sl)
{
	struct list_head *at = sl->at; /* a local: CO-RE would relocate our own struct too */
	struct wait_queue_entry *entry;
	struct task_struct *task;

	if (!at || at == sl->head)
		return 1;
	if (!sl->n) {
		entry = container_of_core(at, struct wait_queue_entry, entry);
		task = BPF_CORE_READ(entry, private);
		sl->pid = BPF_CORE_READ(task, tgid);
	}
	sl->n++;
	sl->at = BPF_CORE_READ(at, next);
	return 0;
}

static __always_inline void read_epoll(struct waiter *w, struct wait_queue_entry *entry)
{
	struct eppoll_entry *pwq = container_of_core(entry, struct eppoll_entry, wait);
	struct epitem *epi = BPF_CORE_READ(pwq, base);
	struct eventpoll *ep = BPF_CORE_READ(epi, ep);
	struct sleepers sl = {};
	__u64 rdllink = (__u64)epi + bpf_core_field_offset(struct epitem, rdllink);
	__u64 set = (__u64)ep;
	__u8 wanted = 1;

	w->epoll = set;
	bpf_map_update_elem(&epolls, &set, &wanted, BPF_ANY);
	w->events = BPF_CORE_READ(epi, event.events);
	/* An item that is on no ready list points at itself. */
	w->ready = (__u64)BPF_CORE_READ(epi, rdllink.next) != rdllink;
	sl.head = (void *)ep + bpf_core_field_offset(struct eventpoll, wq.head);
	sl.at = BPF_CORE_READ(ep, wq.head.next);
	bpf_loop(SLEEPERS_MAX, count_sleeper, &sl, 0);
	w->sleepers = sl.n;
	w->pid = sl.pid;
}

/* The kernel's names of the wake functions; %ps gives them without /proc/kallsyms. */
static const char wake_accept[] = "autoremove_wake_function";
static const char wake_poll[] = "pollwake";
static const char wake_epoll[] = "ep_poll_callback";
static const char wake_io_uring[] = "io_poll_wake";

struct waiters {
	struct list_head *head, *at;
	struct sample *s;
};

static long read_waiter(__u32 i, struct waiters *ws)
{
	struct list_head *at = ws->at;
	struct wait_queue_entry *entry;
	struct poll_wqueues *pwq;
	void *func;
	struct task_struct *task;
	struct waiter *w;
	char name[32] = {};

	if (!at || at == ws->head)
		return 1;
	ws->s->waiters_seen = i + 1;
	if (i >= WAITERS_MAX)
		return 1;
	w = &ws->s->waiters[i];
	entry = container_of_core(at, struct wait_queue_entry, entry);
	func = BPF_CORE_READ(entry, func);
	BPF_SNPRINTF(name, sizeof(name), "%ps", func);

	if (!bpf_strncmp(name, sizeof(wake_epoll) - 1, wake_epoll)) {
		w->kind = WAITER_EPOLL;
		read_epoll(w, entry);
	} else if (!bpf_strncmp(name, sizeof(wake_accept) - 1, wake_accept)) {
		w->kind = WAITER_ACCEPT;
		task = BPF_CORE_READ(entry, private);
		w->pid = BPF_CORE_READ(task, tgid);
	} else if (!bpf_strncmp(name, sizeof(wake_poll) - 1, wake_poll)) {
		w->kind = WAITER_POLL;
		pwq = BPF_CORE_READ(entry, private);
		w->pid = BPF_CORE_READ(pwq, polling_task, tgid);
	} else if (!bpf_strncmp(name, sizeof(wake_io_uring) - 1, wake_io_uring)) {
		w->kind = WAITER_IO_URING;
	}
	ws->at = BPF_CORE_READ(at, next);
	return 0;
}

/*
 * Who waits on the socket: blocked accept, poll, epoll, io_uring. Lockless, so
 * one look may miss an entry: absence counts only over several looks.
 */
static __always_inline void read_waiters(struct sample *s, struct sock *sk)
{
	struct socket_wq *wq = BPF_CORE_READ(sk, sk_wq);
	struct waiters ws = { .s = s };

	if (!wq)
		return;
	ws.head = (void *)wq + bpf_core_field_offset(struct socket_wq, wait.head);
	ws.at = BPF_CORE_READ(wq, wait.head.next);
	bpf_loop(WAITERS_MAX + 1, read_waiter, &ws, 0);
	s->waiters_walked = 1;
}

#endif
