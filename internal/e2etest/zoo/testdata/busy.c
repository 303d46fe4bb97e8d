/* Healthy servers, and such as do something else that somebody needs. */
#include "zoo.h"
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/un.h>

#define GIVEN 3

static void serves(int l) { serve(l); }

static void serves_slowly(int l)
{
	for (;;) {
		int c = accept_client(l);

		answer(c);
		close(c);
		nap(1);
	}
}

/* Takes all that have come, every ARG seconds. */
static void batch(int l)
{
	fcntl(l, F_SETFL, O_NONBLOCK);
	for (;;) {
		int c = accept_client(l);

		if (c < 0) {
			nap(atoi(arg));
			continue;
		}
		answer(c);
		close(c);
	}
}

/* All its threads stand still for ARG seconds of ten, as in a full collection. */
static void collects(int l)
{
	struct timespec now;
	time_t next = 0;

	fcntl(l, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd p = {l, POLLIN};
		int c;

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= next) {
			next = now.tv_sec + 10;
			nap(atoi(arg));
		}
		if (poll(&p, 1, 200) == 1 && (c = accept_client(l)) >= 0) {
			answer(c);
			close(c);
		}
	}
}

static void serves_udp(int l)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)}, from;
	int s = checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	char b[64];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	checked(bind(s, (void *)&at, sizeof(at)), "bind");
	for (;;) {
		socklen_t size = sizeof(from);

		recvfrom(s, b, sizeof(b), 0, (void *)&from, &size);
		sendto(s, &letter, 1, 0, (void *)&from, size);
	}
}

static void serves_unix(int l)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	strncpy(at.sun_path, arg, sizeof(at.sun_path) - 1);
	checked(bind(s, (void *)&at, sizeof(at)), "bind");
	checked(listen(s, 64), "listen");
	serve(s);
}

static void serves_port(int l) { serve(listen_on(atoi(arg))); }

/* Its other listener is in the network namespace whose file is ARG. */
static void serves_netns(int l)
{
	int ns = checked(open(arg, O_RDONLY | O_CLOEXEC), "open");

	checked(setns(ns, CLONE_NEWNET), "setns");
	port = 0;
	serve(listen_on(81));
}

/* A worker of a queue: it takes what comes by descriptor 3. */
static void takes_jobs(int l)
{
	char job;

	while (read(GIVEN, &job, 1) == 1)
		;
	stay();
}

/* A download that goes on: it accepts one client and feeds it. */
static void feeds(int l)
{
	int c = checked(accept4(l, NULL, NULL, SOCK_CLOEXEC), "accept");
	char b[512] = {};

	for (;;) {
		if (send(c, b, sizeof(b), MSG_NOSIGNAL) < 0)
			stay();
		nap(0.1);
	}
}

/* It will end by itself, when its drain time is over. */
static void lame_duck(int l)
{
	nap(600);
	exit(0);
}

static void sigio(int l)
{
	sigset_t io;
	int c;

	sigemptyset(&io);
	sigaddset(&io, SIGRTMIN);
	sigaddset(&io, SIGIO);
	sigprocmask(SIG_BLOCK, &io, NULL);
	fcntl(l, F_SETOWN, getpid());
	fcntl(l, F_SETSIG, SIGRTMIN);
	fcntl(l, F_SETFL, O_ASYNC | O_NONBLOCK);
	for (;;) {
		while ((c = accept_client(l)) >= 0) {
			answer(c);
			close(c);
		}
		sigwaitinfo(&io, NULL);
	}
}

struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *array, *cq_head, *cq_tail;
	struct io_uring_sqe *sqes;
};

static void *map(int fd, size_t size, off_t at)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, at);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static void ring_init(struct ring *r)
{
	struct io_uring_params p = {};
	char *sq, *cq;

	r->fd = checked(syscall(SYS_io_uring_setup, 8, &p), "io_uring_setup");
	sq = map(r->fd, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	cq = map(r->fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	r->sqes = map(r->fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	r->sq_tail = (unsigned *)(sq + p.sq_off.tail);
	r->sq_mask = (unsigned *)(sq + p.sq_off.ring_mask);
	r->array = (unsigned *)(sq + p.sq_off.array);
	r->cq_head = (unsigned *)(cq + p.cq_off.head);
	r->cq_tail = (unsigned *)(cq + p.cq_off.tail);
}

/* Puts one request in, if there is one, and waits for one to be done. */
static void ring_wait(struct ring *r, const struct io_uring_sqe *sqe)
{
	if (sqe) {
		unsigned at = *r->sq_tail & *r->sq_mask;

		r->sqes[at] = *sqe;
		r->array[at] = at;
		__atomic_store_n(r->sq_tail, *r->sq_tail + 1, __ATOMIC_RELEASE);
	}
	checked(syscall(SYS_io_uring_enter, r->fd, sqe ? 1 : 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
	__atomic_store_n(r->cq_head, __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

static void ring_serves(int l)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_POLL_ADD, .fd = l, .poll32_events = POLLIN};
	struct ring r;

	ring_init(&r);
	for (;;) {
		int c;

		ring_wait(&r, &sqe);
		c = accept_client(l);
		answer(c);
		close(c);
	}
}

/* Its accept request has ended with an error, and it does not put it in again. */
static void ring_silent(int l)
{
	struct ring r;

	ring_init(&r);
	ring_wait(&r, NULL);
}

const struct mode busy_modes[] = {
	{"serve", serves},
	{"slow", serves_slowly},
	{"batch", batch},
	{"collects", collects},
	{"udp", serves_udp},
	{"unix", serves_unix},
	{"other-port", serves_port},
	{"other-netns", serves_netns},
	{"takes-jobs", takes_jobs},
	{"feeds", feeds},
	{"lame-duck", lame_duck},
	{"sigio", sigio},
	{"ring-serves", ring_serves},
	{"ring-silent", ring_silent},
	{}
};
