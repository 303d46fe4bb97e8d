//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the system calls of suspects do: the bytes that no counter of a process has, and
 * why its accept() fails. It slows every system call of the host while it is attached,
 * which user space does only while somebody is watched.
 */
#include "maps.h"
#include "syscall.h"
#include "thing.h"
#include "wait.h"

#define CALLS_MAX 512

enum call_kind {
	CALL_OTHER,
	CALL_ACCEPT,
	CALL_RECEIVE,
	CALL_SEND,
};

/* What a system call is, by its number on this machine: written by user space before loading. */
const volatile __u8 call_kinds[CALLS_MAX];

const enum call_kind *call_kind_type __attribute__((unused));

struct calls {
	__u64 total;
	__u64 received; /* bytes; recvmmsg() adds messages */
	__u64 sent;
	__u64 accepted;
};

/*
 * What the calls of a process did since it is watched, by tgid. User space adds, reads and
 * removes the entries; watch_calls counts in them. There is room for as many processes as
 * can be suspected at once; what others call stays unknown. Not preallocated, for it is
 * mostly empty.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct calls);
} called SEC(".maps");

struct refused_key {
	__u64 sk; /* of the TCP listener */
	__u32 pid;
	__u32 pad;
};

struct refusal {
	__u64 n;
	__s32 error; /* of the last one */
	__u32 pad;
};

/*
 * How accept() failed, by process and listener: written by watch_calls, read by user
 * space, which removes the entries of processes that are no longer watched. There is room
 * for one listener of each process that can be; a failure that finds none is not counted.
 * Not preallocated, as `called`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct refused_key);
	__type(value, struct refusal);
} refused SEC(".maps");

const struct calls *calls_type __attribute__((unused));
const struct refused_key *refused_key_type __attribute__((unused));
const struct refusal *refusal_type __attribute__((unused));

enum {
	ERR_INTR = 4,
	ERR_AGAIN = 11,
	ERR_CONNABORTED = 103,
	ERR_RESTARTSYS = 512, /* this and the next few are the kernel's own: a signal came */
	ERR_RESTART_LAST = 516,
};

/* Errors of an accept() that works: nobody waited, or a signal or a reset came in between. */
static __always_inline bool no_refusal(long error)
{
	return error == ERR_AGAIN || error == ERR_INTR || error == ERR_CONNABORTED ||
	       (error >= ERR_RESTARTSYS && error <= ERR_RESTART_LAST);
}

/* The TCP socket of a descriptor, which is the key of a listener, as in the census. */
static __always_inline __u64 tcp_socket_at(struct task_struct *task, __u64 fd)
{
	struct socket *socket = file_socket(file_at(task, fd));
	struct sock *sk = BPF_CORE_READ(socket, sk);
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family != AF_INET && family != AF_INET6)
		return 0;
	switch (BPF_CORE_READ(sk, sk_protocol)) {
	case IPPROTO_TCP:
		return (__u64)sk;
	case IPPROTO_MPTCP:
		if (bpf_core_type_exists(struct mptcp_sock))
			return (__u64)BPF_CORE_READ((struct mptcp_sock *)sk, first);
		return 0;
	default:
		return 0;
	}
}

static __always_inline void count_refusal(struct task_struct *task, __u32 pid, __u64 fd, long error)
{
	struct refusal first = { .n = 1, .error = error }, *r;
	struct refused_key key = { .pid = pid };

	key.sk = tcp_socket_at(task, fd);
	if (!key.sk)
		return;
	r = bpf_map_lookup_elem(&refused, &key);
	if (!r) {
		if (!bpf_map_update_elem(&refused, &key, &first, BPF_NOEXIST))
			return;
		r = bpf_map_lookup_elem(&refused, &key); /* another thread was faster */
		if (!r)
			return;
	}
	__sync_fetch_and_add(&r->n, 1);
	r->error = error;
}

struct call {
	__u64 number;
	__u64 arg; /* the first */
};

static __always_inline bool read_call(struct call *c, void *regs)
{
	struct pt_regs___arm64 *arm64 = regs;
	struct pt_regs___x86 *x86 = regs;

	if (bpf_core_field_exists(x86->orig_ax)) {
		c->number = BPF_CORE_READ(x86, orig_ax);
		c->arg = BPF_CORE_READ(x86, di);
	} else if (bpf_core_field_exists(arm64->syscallno)) {
		c->number = BPF_CORE_READ(arm64, syscallno);
		c->arg = BPF_CORE_READ(arm64, orig_x0);
	} else {
		return false;
	}
	return c->number < CALLS_MAX;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(watch_calls, void *regs, long ret)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct calls *calls = bpf_map_lookup_elem(&called, &pid);
	struct task_struct *task;
	struct call c;

	if (!calls)
		return 0;
	__sync_fetch_and_add(&calls->total, 1);
	task = (void *)bpf_get_current_task();
	/* 32-bit programs have other numbers. */
	if (compat_call(task) || !read_call(&c, regs))
		return 0;
	switch (call_kinds[c.number]) {
	case CALL_ACCEPT:
		if (ret >= 0)
			__sync_fetch_and_add(&calls->accepted, 1);
		else if (!no_refusal(-ret))
			count_refusal(task, pid, c.arg, -ret);
		break;
	case CALL_RECEIVE:
		if (ret > 0)
			__sync_fetch_and_add(&calls->received, ret);
		break;
	case CALL_SEND:
		if (ret > 0)
			__sync_fetch_and_add(&calls->sent, ret);
		break;
	}
	return 0;
}
