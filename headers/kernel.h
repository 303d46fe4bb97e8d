/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types we read, cut by hand to the fields we use. CO-RE moves the
 * offsets to those of the running kernel; it does not resize loads, so every
 * field has its kernel width. All of it is stable from 5.14 to 7.3 except
 * where a comment names the version that changed it.
 */
#ifndef REUSEWATCH_KERNEL_H
#define REUSEWATCH_KERNEL_H

#include <linux/types.h>

typedef _Bool bool;
enum { false = 0, true = 1 };

struct bpf_map;

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	__s64 counter;
} atomic64_t;

enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10 };
enum { IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_MPTCP = 262 };
enum {
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LISTEN = 10,
	TCP_NEW_SYN_RECV = 12,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next, *prev;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct ns_common {
	unsigned int inum; /* moved within the struct in 7.3 */
};

struct nf_hook_entries;

/* Of <linux/netfilter.h>. */
enum { NF_INET_PRE_ROUTING = 0, NF_INET_LOCAL_OUT = 3 };

struct netns_nf {
	struct nf_hook_entries *hooks_ipv4[5]; /* NULL where none is registered */
	struct nf_hook_entries *hooks_ipv6[5];
};

struct net {
	struct ns_common ns;
	struct netns_nf nf; /* with CONFIG_NETFILTER */
	__u64 net_cookie;   /* 5.12; inode numbers of namespaces are given out again at once */
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock;

struct sock_common {
	union {
		struct {
			__be32 skc_daddr;
			__be32 skc_rcv_saddr;
		};
	};
	union {
		struct {
			__be16 skc_dport;
			__u16 skc_num;
		};
	};
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4;
	unsigned char skc_reuseport : 1;
	unsigned char skc_ipv6only : 1;
	unsigned char skc_net_refcnt : 1;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	union {
		struct sock *skc_listener;
	};
	union {
		int skc_incoming_cpu;
	};
};

struct bpf_prog_aux {
	__u32 id; /* 0 for one that setsockopt(SO_ATTACH_REUSEPORT_CBPF) brought */
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct sock_reuseport {
	__u16 num_socks;
	struct bpf_prog *prog;
};

struct wait_queue_head {
	struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;

struct wait_queue_entry {
	void *private;
	int (*func)(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key);
	struct list_head entry;
};
typedef struct wait_queue_entry wait_queue_entry_t;

struct socket_wq {
	wait_queue_head_t wait;
};

struct socket {
	struct sock *sk;
};

struct super_block;

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sock {
	struct sock_common __sk_common;
	atomic_t sk_drops;
	union {
		struct socket_wq *sk_wq;
	};
	struct socket *sk_socket;
	int sk_err;
	__u16 sk_type;
	__u16 sk_protocol;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	long sk_rcvtimeo;
	long sk_sndtimeo;
	struct sock_reuseport *sk_reuseport_cb;
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	volatile unsigned char tw_substate;
};

struct request_sock {
	struct sock_common __req_common;
	struct request_sock *dl_next;
	__u8 syncookie : 1; /* 6.8: SYN cookie requests taken over from BPF carry a listener */
	struct sock *sk;
};

struct inet_request_sock {
	struct request_sock req;
};

struct tcp_request_sock {
	struct inet_request_sock req;
	__u64 snt_synack;
	bool tfo_listener;
	__u32 rcv_isn;
	__u32 snt_isn;
};

struct fastopen_queue {
	int max_qlen;
};

struct request_sock_queue {
	__u8 rskq_defer_accept;
	atomic_t qlen;
	struct request_sock *rskq_accept_head;
	struct fastopen_queue fastopenq;
};

struct inet_sock {
	struct sock sk;
	unsigned long inet_flags; /* 6.6 */
};

struct inet_sock___before_6_6 {
	__u8 transparent : 1; /* 6.6 (4bd0623f04ee): a bit of inet_flags */
} __attribute__((preserve_access_index));

/* Of an enum without a name, which CO-RE cannot find. */
#define INET_FLAGS_TRANSPARENT 15

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 lsndtime;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 write_seq;
	__u8 save_syn : 2;
	void *md5sig_info; /* absent without CONFIG_TCP_MD5SIG */
	void *ao_info;     /* 6.7, absent without CONFIG_TCP_AO */
	bool is_mptcp;     /* absent without CONFIG_MPTCP */
};

struct mptcp_sock {
	struct sock *first;
	__u64 write_seq;
	__u64 bytes_consumed; /* absent on 6.1: what was read is not known there */
};

struct unix_sock {
	struct sock *peer;
};

struct task_struct; /* its fields are in kernel_task.h */

struct poll_wqueues {
	struct task_struct *polling_task;
};

struct epoll_event {
	__u32 events;
	__u64 data;
} __attribute__((packed)); /* EPOLL_PACKED, x86-64 only: `events` is first everywhere */

struct mutex {
	struct {
		__s64 counter;
	} owner; /* a task and three flags; CONFIG_PREEMPT_RT has another kind of mutex */
};

struct eventpoll {
	struct mutex mtx;
	wait_queue_head_t wq;
};

struct epitem {
	struct list_head rdllink;
	struct eventpoll *ep;
	struct epoll_event event;
};

struct eppoll_entry {
	struct epitem *base;
	wait_queue_entry_t wait;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct inode *f_inode;
	const struct cred *f_cred;
	void *private_data;
	struct path f_path;
};

struct pipe_buffer {
	unsigned int offset;
};

struct pipe_inode_info {
	unsigned int head; /* 6.14: in an anonymous union with head_tail */
	unsigned int tail;
	unsigned int ring_size;
	unsigned int readers;
	unsigned int writers;
	struct pipe_buffer *bufs;
};

struct sk_buff {
	__u16 transport_header;
	unsigned char *head;
};

struct tcphdr {
	__u16 syn : 1, ack : 1;
};

struct seq_file {
	unsigned long size;
	unsigned long count;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	__u32 uid;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#include "kernel_task.h"

#endif
