/* Waits for time, for children and for peers. */
#include "zoo.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#define GIVEN 3

/* A child that does not hold the listener. */
static pid_t child(int l)
{
	pid_t pid = checked(fork(), "fork");

	if (!pid) {
		die_with_parent();
		close(l);
		stay();
	}
	return pid;
}

static void pause_child(int l)
{
	child(l);
	stay();
}

static void wait_child(int l) { waitpid(child(l), NULL, 0); }

/* The child of a vfork uses its parent's memory, so it only sleeps. */
static void vfork_child(int l)
{
	struct timespec t = {3600, 0};

	if (!vfork()) {
		syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_close, l);
		syscall(SYS_nanosleep, &t, 0);
		_exit(0);
	}
}

static void alarmed(int sig) {}

static void interval_timer(int l)
{
	struct itimerval t = {.it_value = {3600, 0}};

	signal(SIGALRM, alarmed);
	checked(setitimer(ITIMER_REAL, &t, NULL), "setitimer");
	stay();
}

static void posix_timer(int l)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	struct itimerspec t = {.it_value = {3600, 0}};
	timer_t id;

	signal(SIGALRM, alarmed);
	checked(timer_create(CLOCK_MONOTONIC, &e, &id), "timer_create");
	checked(timer_settime(id, 0, &t, NULL), "timer_settime");
	stay();
}

/* A signal is to tell it of what comes by a socket, but not of its clients. */
static void async(int l)
{
	int p[2];

	signal(SIGIO, alarmed);
	checked(socketpair(AF_UNIX, SOCK_STREAM, 0, p), "socketpair");
	checked(fcntl(p[0], F_SETOWN, getpid()), "F_SETOWN");
	checked(fcntl(p[0], F_SETFL, O_ASYNC), "O_ASYNC");
	stay();
}

static char stack[1 << 16];

static uint64_t no_signals;

static int in_memory(void *listener)
{
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_close, *(int *)listener);
	for (;;)
		syscall(SYS_rt_sigsuspend, &no_signals, sizeof(no_signals));
	return 0;
}

/* Another process, no child of its own, uses its memory, and could write what it waits for. */
static void shares_memory(int l)
{
	static int listener;
	int pid;

	listener = l;
	pid = clone(in_memory, stack + sizeof(stack), CLONE_VM | CLONE_PARENT | SIGCHLD, &listener);

	say("pid %d\n", checked(pid, "clone"));
	stay();
}

static void naps(int l) { nap(3600); }

static void short_naps(int l)
{
	for (;;)
		nap(0.05);
}

static void poll_nothing(int l) { poll(NULL, 0, 3600 * 1000); }
static void poll_ever(int l) { poll(NULL, 0, -1); }

static void poll_one(int l)
{
	struct pollfd one = {GIVEN, POLLIN};

	poll(&one, 1, -1);
}

static void read_given(int l)
{
	char byte;

	read(GIVEN, &byte, 1);
}

/* An answer that does not come: of a database, an upstream, a lock server. */
static void asks_peer(int l)
{
	int s = dial(atoi(arg));
	char byte;

	send(s, "?", 1, 0);
	recv(s, &byte, 1, 0);
}

static void dials_peer(int l) { dial(atoi(arg)); }

/* It shakes hands with one client before it accepts the next. */
static void reads_client(int l)
{
	int c = checked(accept4(l, NULL, NULL, SOCK_CLOEXEC), "accept");
	char hello[64];

	recv(c, hello, sizeof(hello), 0);
}

/* A name server that does not answer is asked again every 5 s. */
static void resolves(int l)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(arg))};
	struct pollfd reply = {socket(AF_INET, SOCK_DGRAM, 0), POLLIN};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connect(reply.fd, (void *)&to, sizeof(to));
	for (;;) {
		send(reply.fd, "name", 4, 0);
		poll(&reply, 1, 5000);
	}
}

static void timer_fd(int l)
{
	struct itimerspec t = {.it_value = {3600, 0}};
	int fd = checked(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd");
	uint64_t n;

	checked(timerfd_settime(fd, 0, &t, NULL), "timerfd_settime");
	read(fd, &n, sizeof(n));
}

static void event_fd(int l)
{
	uint64_t n;

	read(checked(eventfd(0, 0), "eventfd"), &n, sizeof(n));
}

/* It waits for its configuration to appear. */
static void watches_file(int l)
{
	int fd = checked(inotify_init1(0), "inotify");
	char event[4096];

	checked(inotify_add_watch(fd, arg, IN_CREATE), "inotify_add_watch");
	read(fd, event, sizeof(event));
}

/* Its log goes by datagrams to who does not read them. */
static void logs_datagrams(int l)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int s = checked(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");

	strncpy(to.sun_path, arg, sizeof(to.sun_path) - 1);
	checked(connect(s, (void *)&to, sizeof(to)), "connect");
	for (;;)
		checked(send(s, "line", 4, 0), "send");
}

/* A worker asks its main process for a connection; that polls, and does not answer. */
static void asks_main(int l)
{
	int p[2];
	char byte;
	struct msghdr m = {.msg_iov = &(struct iovec){&byte, 1}, .msg_iovlen = 1};

	checked(socketpair(AF_UNIX, SOCK_STREAM, 0, p), "socketpair");
	if (fork()) {
		struct pollfd workers = {p[0], POLLIN | POLLRDHUP};

		close(p[1]);
		for (;;)
			poll(&workers, 1, -1);
	}
	die_with_parent();
	close(p[0]);
	l = listen_on(port);
	say("worker %d\n", getpid());
	say("set\n");
	recvmsg(p[1], &m, 0);
}

static void read_child(int l)
{
	int p[2];
	char byte;

	checked(pipe(p), "pipe");
	child(l); /* it has the write end too */
	close(p[1]);
	read(p[0], &byte, 1);
}

const struct mode wait_modes[] = {
	{"pause-child", pause_child},
	{"wait-child", wait_child},
	{"vfork-child", vfork_child},
	{"interval-timer", interval_timer},
	{"posix-timer", posix_timer},
	{"async", async},
	{"shares-memory", shares_memory},
	{"nap", naps},
	{"short-naps", short_naps},
	{"poll-nothing", poll_nothing},
	{"poll-ever", poll_ever},
	{"poll-one", poll_one},
	{"read-given", read_given},
	{"asks-peer", asks_peer},
	{"dials-peer", dials_peer},
	{"reads-client", reads_client},
	{"resolves", resolves},
	{"timerfd", timer_fd},
	{"eventfd", event_fd},
	{"inotify", watches_file},
	{"logs-datagrams", logs_datagrams},
	{"asks-main", asks_main, 1},
	{"read-child", read_child},
	{}
};
