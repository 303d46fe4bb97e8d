//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who holds what: listeners, their connections, epoll sets, and whatever else is sought. */
#include "maps.h"
#include "descriptors.h"

enum held_kind {
	HELD_LISTENER = 1,
	HELD_CONNECTION = 2,
	HELD_EPOLL = 3,
	HELD_SOUGHT = 4,
};

/*
 * The process made this listener itself, in the program that it still runs. A file keeps the
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

/* Reports an object whose holders are sought, beside the row that its descriptor gets anyway. */
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
 * The census: one pass over all descriptors of all processes. Threads that share
 * their files come once. An MPTCP descriptor (262) holds its TCP listener as msk->first;
 * the key of an MPTCP connection, or of one that is sought, is its own socket.
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
	    told_before(&census_told, ctx->meta, task->tgid, ctx->fd, file))
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
