/* Servers that have all the clients they take, and loops that leave their listener alone. */
#include "zoo.h"
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/resource.h>

/* No descriptor is left, and what was there is not closed. */
static void use_up(void)
{
	struct rlimit few = {64, 64};

	checked(setrlimit(RLIMIT_NOFILE, &few), "setrlimit");
	while (open("/dev/null", O_RDONLY) >= 0)
		;
}

static void files_tight(int l)
{
	use_up();
	for (;;)
		accept_client(l);
}

static void files_backoff(int l)
{
	use_up();
	for (;;)
		if (accept_client(l) < 0)
			nap(1);
}

/* It keeps a descriptor back, by which it turns clients away: each leaves the queue. */
static void files_spare(int l)
{
	int spare = open("/dev/null", O_RDONLY);

	use_up();
	for (;;) {
		int c = accept_client(l);

		if (c >= 0 || errno != EMFILE)
			continue;
		close(spare);
		close(accept_client(l));
		spare = open("/dev/null", O_RDONLY);
	}
}

static sem_t slots;

static void *converse(void *data)
{
	int c = (intptr_t)data;
	char byte;

	for (;;)
		if (recv(c, &byte, 1, 0) <= 0)
			break;
		else
			send(c, &letter, 1, MSG_NOSIGNAL);
	close(c);
	sem_post(&slots);
	return NULL;
}

/* A thread for each of four connections at the most, as many as the row opens. */
static void thread_slots(int l)
{
	sem_init(&slots, 0, 4);
	for (;;) {
		intptr_t c;

		sem_wait(&slots);
		c = checked(accept4(l, NULL, NULL, SOCK_CLOEXEC), "accept");
		thread(converse, (void *)c);
	}
}

static int loop_of(int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	int ep = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

	checked(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), "epoll_ctl");
	return ep;
}

/* What a loop does that serves the connections it has, and never the listener. */
static void serve_others(int ep, int l)
{
	struct epoll_event e;
	char byte;

	for (;;) {
		if (epoll_wait(ep, &e, 1, -1) != 1 || e.data.fd == l)
			continue;
		if (recv(e.data.fd, &byte, 1, 0) > 0)
			send(e.data.fd, &letter, 1, MSG_NOSIGNAL);
		else
			close(e.data.fd);
	}
}

/*
 * Accepts as many connections as ARG says, then takes the listener out of its loop, as
 * who drains, is suspended, or has as many as it wants.
 */
static void epoll_out(int l)
{
	int ep = loop_of(l, EPOLLIN);

	for (int i = atoi(arg); i > 0; i--) {
		int c = checked(accept4(l, NULL, NULL, SOCK_CLOEXEC), "accept");
		struct epoll_event e = {.events = EPOLLIN, .data.fd = c};

		checked(epoll_ctl(ep, EPOLL_CTL_ADD, c, &e), "epoll_ctl");
	}
	checked(epoll_ctl(ep, EPOLL_CTL_DEL, l, NULL), "epoll_ctl");
	serve_others(ep, l);
}

/* Edge-triggered: it fetches the event of each client and forgets to accept. */
static void epoll_ignores(int l) { serve_others(loop_of(l, EPOLLIN | EPOLLET), l); }

static pthread_mutex_t sessions = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *recovers(void *data)
{
	char byte;

	pthread_mutex_lock(&sessions);
	pthread_barrier_wait(&both);
	recv((intptr_t)data, &byte, 1, 0);
	return NULL;
}

/* A returning client is read from under the lock that the acceptor needs. */
static void lock_over_client(int l)
{
	intptr_t c = checked(accept4(l, NULL, NULL, SOCK_CLOEXEC), "accept");

	pthread_barrier_init(&both, NULL, 2);
	thread(recovers, (void *)c);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&sessions);
}

/* Two threads: one burns a CPU, one polls what is not the listener. */
static void *burns(void *data)
{
	for (volatile unsigned long n = 0;; n++)
		;
	return NULL;
}

static void spin_beside(int l)
{
	int p[2];

	checked(pipe(p), "pipe");
	thread(burns, NULL);
	serve_others(loop_of(p[0], EPOLLIN), l);
}

const struct mode limit_modes[] = {
	{"files-tight", files_tight},
	{"files-backoff", files_backoff},
	{"files-spare", files_spare},
	{"thread-slots", thread_slots},
	{"epoll-out", epoll_out},
	{"epoll-ignores", epoll_ignores},
	{"lock-over-client", lock_over_client},
	{"spin-beside", spin_beside},
	{}
};
