/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a descriptor refers to, and how far that has been read and written. */
#ifndef REUSEWATCH_THING_H
#define REUSEWATCH_THING_H

#include "maps.h"
#include "sample.h"

#define S_IFMT 0170000
#define S_IFIFO 0010000
#define ANON_INODE_FS_MAGIC 0x09041934
#define SOCKFS_MAGIC 0x534f434b
#define O_ASYNC 020000

enum thing_kind {
	THING_LISTENER = 1, /* TCP and MPTCP */
	THING_CONNECTION,   /* of TCP and MPTCP */
	THING_UDP,
	THING_UNIX,
	THING_PIPE,
	THING_EPOLL,
	THING_RING,   /* io_uring */
	THING_OTHER,  /* reported only where it has O_ASYNC */
	THING_SOCKET, /* of any other family or protocol */
};

/* What one descriptor of one process refers to. */
struct thing {
	__u64 object; /* address of the socket, pipe or set, which identifies it */
	__u64 file;   /* address of the open file: descriptors that were duplicated have one */
	__u64 peer;   /* of a unix socket: the other one */
	__u64 inode;
	__u64 read;  /* bytes that the owner took: copied_seq; of a pipe: see read_pipe() */
	__u64 wrote; /* bytes that the owner gave: write_seq; of a pipe: buffers */
	enum thing_kind kind;
	__u32 pid;
	__u32 fd;
	__u32 netns;
	__u32 readers; /* of a pipe: open ends, in whatever process */
	__u32 writers;
	__u32 mode; /* FMODE_READ 1, FMODE_WRITE 2 */
	__u16 port;
	__u16 remote_port;
	__u16 type;        /* of a unix socket: SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5 */
	__u8 state;        /* of a socket, as TCP names them */
	__u8 known;        /* read and wrote are known */
	__u8 locked;       /* of an epoll set: a reader of its fdinfo would wait */
	__u8 async;        /* the open file has O_ASYNC */
	__u8 timed_reads;  /* SO_RCVTIMEO */
	__u8 timed_writes; /* SO_SNDTIMEO */
};

#define NO_TIMEOUT 0x7fffffffffffffffL /* MAX_SCHEDULE_TIMEOUT */

const struct thing *thing_type __attribute__((unused));

static __always_inline bool read_inet(struct thing *t, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;

	t->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	t->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	switch (BPF_CORE_READ(sk, sk_protocol)) {
	case IPPROTO_UDP:
		t->kind = THING_UDP;
		return true;
	case IPPROTO_TCP:
		t->known = 1;
		t->read = BPF_CORE_READ(tp, copied_seq);
		t->wrote = BPF_CORE_READ(tp, write_seq);
		break;
	case IPPROTO_MPTCP:
		if (bpf_core_type_exists(struct mptcp_sock) &&
		    bpf_core_field_exists(msk->bytes_consumed)) {
			t->known = 1;
			t->read = BPF_CORE_READ(msk, bytes_consumed);
			t->wrote = BPF_CORE_READ(msk, write_seq);
		}
		break;
	default:
		t->kind = THING_SOCKET;
		return true;
	}
	t->kind = t->state == TCP_LISTEN ? THING_LISTENER : THING_CONNECTION;
	return true;
}

static __always_inline bool read_socket(struct thing *t, struct socket *socket)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);

	if (!sk)
		return false;
	t->object = (__u64)sk;
	t->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	t->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	t->timed_reads = BPF_CORE_READ(sk, sk_rcvtimeo) != NO_TIMEOUT;
	t->timed_writes = BPF_CORE_READ(sk, sk_sndtimeo) != NO_TIMEOUT;
	switch (BPF_CORE_READ(sk, __sk_common.skc_family)) {
	case AF_INET:
	case AF_INET6:
		return read_inet(t, sk);
	case AF_UNIX:
		t->kind = THING_UNIX;
		t->type = BPF_CORE_READ(sk, sk_type);
		t->peer = (__u64)BPF_CORE_READ((struct unix_sock *)sk, peer);
		return true;
	default:
		t->kind = THING_SOCKET;
		return true;
	}
}

/* A read that took part of a buffer shows in its offset, one that emptied it in the tail. */
static __always_inline void read_pipe(struct thing *t, struct pipe_inode_info *pipe)
{
	__u32 tail = BPF_CORE_READ(pipe, tail);
	struct pipe_buffer *buf = BPF_CORE_READ(pipe, bufs);

	buf = (void *)buf + bpf_core_type_size(struct pipe_buffer) *
				    (tail & (BPF_CORE_READ(pipe, ring_size) - 1));
	t->kind = THING_PIPE;
	t->object = (__u64)pipe;
	t->known = 1;
	t->read = (__u64)tail << 32 | BPF_CORE_READ(buf, offset);
	t->wrote = BPF_CORE_READ(pipe, head);
	t->readers = BPF_CORE_READ(pipe, readers);
	t->writers = BPF_CORE_READ(pipe, writers);
}

static const char name_epoll[] = "[eventpoll]";
static const char name_ring[] = "[io_uring]";

/* Its lock is held: for ever by somebody who polls a member that hangs, else for a moment. */
static __always_inline bool set_locked(struct eventpoll *ep)
{
	return bpf_core_field_exists(ep->mtx.owner) && BPF_CORE_READ(ep, mtx.owner.counter);
}

/* A file without an inode of its own has a name; not every kernel lets us name its f_op. */
static __always_inline bool read_anonymous(struct thing *t, struct file *file)
{
	char name[16] = {};

	t->object = (__u64)BPF_CORE_READ(file, private_data);
	if (!t->object || BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel_str(name, sizeof(name),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (!bpf_strncmp(name, sizeof(name_epoll), name_epoll)) {
		t->kind = THING_EPOLL;
		t->locked = set_locked((struct eventpoll *)t->object);
	} else if (!bpf_strncmp(name, sizeof(name_ring), name_ring)) {
		t->kind = THING_RING;
	}
	return t->kind;
}

/*
 * The socket of a file, NULL for any other file. One that was opened with O_PATH has no
 * private data. bpf_sock_from_file takes no file that was found by reading memory.
 */
static __always_inline struct socket *file_socket(struct file *file)
{
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != SOCKFS_MAGIC)
		return NULL;
	return BPF_CORE_READ(file, private_data);
}

/* The same of a pipe or FIFO. */
static __always_inline struct pipe_inode_info *file_pipe(struct file *file)
{
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFIFO)
		return NULL;
	return BPF_CORE_READ(file, private_data);
}

/* Reads what a file is; false of what user space does not ask about. */
static __always_inline bool read_file(struct thing *t, struct file *file)
{
	struct socket *socket = file_socket(file);
	struct pipe_inode_info *pipe;
	bool known;

	t->file = (__u64)file;
	t->mode = BPF_CORE_READ(file, f_mode) & 3;
	t->inode = BPF_CORE_READ(file, f_inode, i_ino);
	t->async = !!(BPF_CORE_READ(file, f_flags) & O_ASYNC);
	if (socket) {
		known = read_socket(t, socket);
	} else if ((pipe = file_pipe(file))) {
		read_pipe(t, pipe);
		known = true;
	} else {
		known = read_anonymous(t, file);
	}
	if (!known && t->async) {
		t->kind = THING_OTHER;
		t->object = (__u64)file;
		t->state = 0;
		known = true;
	}
	return known;
}

#endif
