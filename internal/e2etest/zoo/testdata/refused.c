/* accept() that fails for ever, and what burns CPU. */
#include "zoo.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/epoll.h>

static void deny(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept4, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = {sizeof(f) / sizeof(*f), f};

	checked(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	checked(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p), "seccomp");
}

/* A level-triggered loop, and what it does after each error. */
static void denied(int l, void (*after)(void))
{
	struct epoll_event e = {.events = EPOLLIN};
	int ep = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

	checked(epoll_ctl(ep, EPOLL_CTL_ADD, l, &e), "epoll_ctl");
	deny();
	for (;;)
		if (epoll_wait(ep, &e, 1, -1) == 1 && accept_client(l) < 0)
			after();
}

static void nothing(void) {}
static void sleeps(void) { nap(1); }
static void logs(void) { fprintf(stderr, "accept: %s\n", strerror(errno)); }

static void denied_tight(int l) { denied(l, nothing); }
static void denied_backoff(int l) { denied(l, sleeps); }

static void denied_logs(int l)
{
	if (!freopen("/dev/null", "w", stderr))
		fail("freopen");
	denied(l, logs);
}

static void spins(int l)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

const struct mode refused_modes[] = {
	{"denied-tight", denied_tight},
	{"denied-backoff", denied_backoff},
	{"denied-logs", denied_logs},
	{"spin", spins},
	{}
};
