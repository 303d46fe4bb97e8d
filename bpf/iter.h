/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The iterators: what was there before us, and who holds it (served.h has one more). */
#ifndef REUSEWATCH_ITER_H
#define REUSEWATCH_ITER_H

#include "listeners.h"
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

/* Looks only: what `list` and the queues tier see, a row a listener. */
SEC("iter/tcp")
int look_tcp(struct bpf_iter__tcp *ctx)
{
	struct tcp_sock *tp = iter_listener(ctx);

	if (!tp)
		return 0;
	return write_listener(ctx->meta->seq, (struct sock *)tp, NULL, bpf_get_socket_cookie(tp));
}

/*
 * Remembers what was there before us, so that it is watched like any other, and
 * writes nothing; the tick gives the rows.
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
 * The same by way of descriptors, in all network namespaces at once: also where
 * the namespace may not be entered, which takes CAP_SYS_ADMIN.
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

/* The same by way of descriptors. */
SEC("iter/task_file")
int count_file(struct bpf_iter__task_file *ctx)
{
	struct tcp_sock *tp = file_listener(ctx);

	if (tp)
		count_listener(tp);
	return 0;
}

enum held_kind {
	HELD_LISTENER = 1,
	HELD_CONNECTION = 2,
	HELD_EPOLL = 3,
	HELD_SOUGHT = 4,
};

/*
 * Of a listener: who holds it made it, in the program that it runs. A file keeps the
 * credentials of whoever opened it, and so their address; a fork and an exec get others,
 * and only threads share them (copy_creds, prepare_exec_creds).
 */
#define HELD_MADE 4

/*
 * One descriptor of one process: a listener, a connection that a listener may
 * have accepted, an epoll set that a suspected listener is in, or what was sought.
 */
struct held {
	__u64 sk;
	__u64 inode;
	__u64 file; /* of what was sought: the open file */
	enum held_kind kind;
	__u32 pid;
	__u32 fd;
	__u32 netns;
	__u32 mode; /* of what was sought: FMODE_READ 1, FMODE_WRITE 2; or HELD_MADE */
	__u16 port;
	__u16 peer; /* of a connection: its remote port */
};

const struct held *held_type __attribute__((unused));

/* An object that is sought, beside whatever else the descriptor is of. */
static __always_inline void census_sought(struct seq_file *seq, struct held *h, struct file *file)
{
	struct held found = { .sk = h->sk, .kind = HELD_SOUGHT, .pid = h->pid, .fd = h->fd };

	if (!h->sk || !bpf_map_lookup_elem(&sought, &h->sk))
		return;
	found.file = (__u64)file;
	found.mode = BPF_CORE_READ(file, f_mode) & 3;
	bpf_seq_write(seq, &found, sizeof(found));
}

/*
 * A thread that has left the table of its process has a copy of it: what stands in both at
 * one place comes with the leader.
 */
static __always_inline bool copied(struct task_struct *task, __u32 fd, struct file *file)
{
	struct task_struct *leader = task->group_leader;
	struct file *there = NULL;
	struct fdtable *fdt;

	if (task == leader)
		return false;
	fdt = BPF_CORE_READ(leader, files, fdt);
	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return false;
	bpf_probe_read_kernel(&there, sizeof(there), BPF_CORE_READ(fdt, fd) + fd);
	return there == file;
}

/*
 * What a pass over the descriptors told of last, by the number of the inode: of who has
 * duplicated a descriptor a million times one row is enough. One that another has pushed out
 * of its place is told of again, and user space leaves it out. Written and read by one pass
 * at a time, whose number tells its own from those of passes before.
 */
#define TOLD_PLACES 4096

struct told {
	__u64 file;
	__u64 session;
	__u32 tgid;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TOLD_PLACES);
	__type(key, __u32);
	__type(value, struct told);
} census_told SEC(".maps"), held_told SEC(".maps");

static __always_inline bool told_before(void *places, struct bpf_iter_meta *meta, __u32 tgid,
					struct file *file)
{
	/* Sockets and pipes have numbers of their own, given out one after the other. */
	__u32 at = BPF_CORE_READ(file, f_inode, i_ino) % TOLD_PLACES;
	struct told *t = bpf_map_lookup_elem(places, &at);

	if (!t)
		return false;
	if (t->file == (__u64)file && t->tgid == tgid && t->session == meta->session_id)
		return true;
	t->file = (__u64)file;
	t->tgid = tgid;
	t->session = meta->session_id;
	return false;
}

/*
 * The census: one pass over all descriptors of all processes. Threads that share
 * their files come once. An MPTCP descriptor (262) holds its TCP listener as
 * msk->first; sought, and as a connection, it is known by its own socket.
 */
SEC("iter/task_file")
int census(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct held h = {};
	struct socket *socket;
	struct sock *sk;
	__u8 state;

	if (!task || !file || copied(task, ctx->fd, file) ||
	    told_before(&census_told, ctx->meta, task->tgid, file))
		return 0;
	h.pid = task->tgid;
	h.fd = ctx->fd;
	socket = bpf_sock_from_file(file);
	if (!socket) {
		/* A pipe, and an eventpoll, is the private data of its file. */
		h.sk = (__u64)file->private_data;
		census_sought(ctx->meta->seq, &h, file);
		if (h.sk && bpf_map_lookup_elem(&epolls, &h.sk)) {
			h.kind = HELD_EPOLL;
			bpf_seq_write(ctx->meta->seq, &h, sizeof(h));
		}
		return 0;
	}
	sk = socket->sk;
	if (!sk)
		return 0;
	h.sk = (__u64)sk;
	census_sought(ctx->meta->seq, &h, file);
	state = sk->__sk_common.skc_state;
	if (state == TCP_LISTEN) {
		h.kind = HELD_LISTENER;
		h.mode = file->f_cred == task->real_cred ? HELD_MADE : 0;
	} else if (state != TCP_SYN_SENT && sk->__sk_common.skc_dport) {
		h.kind = HELD_CONNECTION;
	} else {
		return 0;
	}

	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
		break;
	case IPPROTO_MPTCP:
		if (!bpf_core_type_exists(struct mptcp_sock))
			return 0;
		if (h.kind == HELD_LISTENER)
			h.sk = (__u64)BPF_CORE_READ((struct mptcp_sock *)sk, first);
		break;
	default:
		return 0;
	}
	h.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (h.kind == HELD_CONNECTION)
		h.peer = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	h.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	h.inode = BPF_CORE_READ(container_of_core(socket, struct socket_alloc, socket),
				vfs_inode.i_ino);
	bpf_seq_write(ctx->meta->seq, &h, sizeof(h));
	return 0;
}

#endif
