//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Births and deaths of listeners: with the tick, all that a verdict needs. */
#include "maps.h"
#include "sample.h"
#include "count.h"

static __always_inline void announce(struct sock *sk, __u64 cookie, __u32 kind, __u64 now)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&lost_events, 1);
		return;
	}
	e->sk = (__u64)sk;
	e->cookie = cookie;
	e->ktime_ns = now;
	e->kind = kind;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = bpf_get_current_uid_gid();
	e->execs = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), self_exec_id);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->pad = 0;
	/* User space reads at its own tick: nobody need be woken. */
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/*
 * The tracepoint fires before listen() has succeeded: a failed one shows LISTEN
 * then CLOSE, so user space announces a birth only once a tick confirms it.
 */
static __always_inline void birth(struct sock *sk)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	__u64 now = bpf_ktime_get_ns();

	if (remember_listener(sk, cookie, now))
		announce(sk, cookie, EVENT_LISTEN_BEGAN, now);
}

static __always_inline void death(struct sock *sk)
{
	__u64 key = (__u64)sk;

	if (!bpf_map_delete_elem(&listeners, &key))
		announce(sk, sock_cookie(sk), EVENT_LISTEN_ENDED, bpf_ktime_get_ns());
}

/* A child goes LISTEN -> SYN_RECV: only LISTEN -> CLOSE ends a listener. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, struct sock *sk, int oldstate, int newstate)
{
	if (newstate != TCP_LISTEN && (oldstate != TCP_LISTEN || newstate != TCP_CLOSE))
		return 0;
	/* An MPTCP socket (262) fires here too, beside its TCP listener. */
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (newstate == TCP_LISTEN)
		birth(sk);
	else
		death(sk);
	return 0;
}

/* The same for the tracepoints tier, which counts children by their inherited key. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state_counting, struct sock *sk, int oldstate, int newstate)
{
	/* TFO: it may be accepted and closed, SYN_RECV -> FIN_WAIT1, before it is established. */
	if (oldstate == TCP_SYN_RECV && newstate != TCP_CLOSE) {
		count_child(sk);
		return 0;
	}
	if (newstate != TCP_LISTEN && (oldstate != TCP_LISTEN || newstate != TCP_CLOSE))
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (newstate == TCP_LISTEN) {
		birth(sk);
		if (count_all)
			count_children_of(sk);
	} else {
		death(sk);
	}
	return 0;
}
