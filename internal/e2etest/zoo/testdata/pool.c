/* Several processes, or threads, that serve together. */
#include "zoo.h"
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/uio.h>

static int listener;

static void polls(void *data)
{
	struct epoll_event e = {.events = EPOLLIN};
	int ep = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

	fcntl(listener, F_SETFL, O_NONBLOCK);
	checked(epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e), "epoll_ctl");
	for (;;) {
		int c;

		epoll_wait(ep, &e, 1, -1);
		if ((c = accept_client(listener)) < 0)
			continue; /* another worker was faster */
		answer(c);
		close(c);
	}
}

static void hangs(void *data) { checked(open(arg, O_WRONLY), "open"); }

static void master_two(int l)
{
	listener = l;
	spawn(polls, NULL);
	spawn(polls, NULL);
	stay();
}

static void one_of_three(int l)
{
	listener = l;
	spawn(hangs, NULL);
	spawn(polls, NULL);
	spawn(polls, NULL);
	stay();
}

static void all_hang(int l)
{
	listener = l;
	spawn(hangs, NULL);
	spawn(hangs, NULL);
	stay();
}

/* Workers accept in turns, by a lock on a file. */
static void takes_turns(void *data)
{
	int lock = checked(open(arg, O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open");

	for (;;) {
		int c;

		flock(lock, LOCK_EX);
		c = accept_client(listener);
		flock(lock, LOCK_UN);
		answer(c);
		close(c);
	}
}

static void turns(int l)
{
	listener = l;
	spawn(takes_turns, NULL);
	spawn(takes_turns, NULL);
	stay();
}

/*
 * Its own listener is dead; beside that it serves one, on port ARG, that a child serves
 * too, so that nobody can tell by the listener alone who accepted.
 */
static void serves_shared(void *data) { serve(*(int *)data); }

static void shared_port(int l)
{
	int shared = listen_on(atoi(arg));

	fcntl(l, F_SETFD, FD_CLOEXEC);
	if (!fork()) {
		die_with_parent();
		close(l);
		serves_shared(&shared);
	}
	serve(shared);
}

/* Passes its clients on to two workers, and accepts for one that asks for work. */
static void hand_over(int through, int client)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 'c';
	struct msghdr m = {
		.msg_iov = &(struct iovec){&byte, 1}, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &client, sizeof(int));
	sendmsg(through, &m, 0);
}

static int taken(int from)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct msghdr m = {
		.msg_iov = &(struct iovec){&byte, 1}, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int client = -1;

	if (recvmsg(from, &m, 0) > 0 && CMSG_FIRSTHDR(&m))
		memcpy(&client, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return client;
}

static void passes(int l)
{
	int clients[2], wants[2];
	char byte;

	checked(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, clients), "socketpair");
	checked(pipe(wants), "pipe");
	for (int i = 0; i < 2; i++) {
		if (fork())
			continue;
		die_with_parent();
		close(l);
		close(clients[0]);
		for (int n = 0;; n++) {
			int c;

			checked(write(wants[1], "w", 1), "write");
			c = taken(clients[1]);
			answer(c);
			close(c);
			if (n == 2)
				nap(3600); /* each of the two has got a long job */
		}
	}
	for (;;) {
		int c;

		checked(read(wants[0], &byte, 1), "read");
		c = accept_client(l);
		hand_over(clients[0], c);
		close(c);
	}
}

/* The acceptor goes on; the pool that it feeds has lost a wakeup. */
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;

static void *sleeps(void *data)
{
	pthread_mutex_lock(&m);
	for (;;)
		pthread_cond_wait(&work, &m);
	return NULL;
}

static void pool_asleep(int l)
{
	for (int i = 0; i < 4; i++)
		thread(sleeps, NULL);
	for (;;) {
		int c = accept_client(l);

		if (c >= 1000) /* keep what nobody serves, but not for ever */
			close(c);
	}
}

const struct mode pool_modes[] = {
	{"master-two", master_two},
	{"one-of-three", one_of_three},
	{"all-hang", all_hang},
	{"turns", turns},
	{"shared-port", shared_port},
	{"passes", passes},
	{"pool-asleep", pool_asleep},
	{}
};
