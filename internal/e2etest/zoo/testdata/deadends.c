/* Waits that nothing alive will end. */
#include "zoo.h"

/* Descriptor 3 is what the test gave it. */
#define GIVEN 3

static void fifo_read(int l) { checked(open(arg, O_RDONLY), "open"); }
static void fifo_write(int l) { checked(open(arg, O_WRONLY), "open"); }

/* Who reads the pipe, and whether, is the row's affair. */
static void pipe_write(int l)
{
	static char page[4096];

	for (;;)
		checked(write(GIVEN, page, sizeof(page)), "write");
}

/* Wakes its own event loop by a pipe whose both ends it has, once too often. */
static void own_pipe_full(int l)
{
	static char page[4096];
	int p[2];

	checked(pipe(p), "pipe");
	for (;;)
		checked(write(p[1], page, sizeof(page)), "write");
}

static void own_pipe_read(int l)
{
	char byte;
	int p[2];

	checked(pipe(p), "pipe");
	checked(read(p[0], &byte, 1), "read");
}

static void own_pair(int l)
{
	char byte;
	int p[2];

	checked(socketpair(AF_UNIX, SOCK_STREAM, 0, p), "socketpair");
	checked(recv(p[0], &byte, 1, 0), "recv");
}

static pthread_mutex_t arena = PTHREAD_MUTEX_INITIALIZER;

static void logs(int sig) { pthread_mutex_lock(&arena); }

/* A handler takes the lock that the interrupted code holds, as malloc in a handler does. */
static void handler_lock(int l)
{
	signal(SIGUSR1, logs);
	pthread_mutex_lock(&arena);
	raise(SIGUSR1);
}

static void pauses(int l) { stay(); }

static void suspends(int l)
{
	sigset_t none;

	sigemptyset(&none);
	for (;;)
		sigsuspend(&none);
}

static void waits_signal(int l)
{
	sigset_t term;
	int sig;

	sigemptyset(&term);
	sigaddset(&term, SIGUSR1);
	sigprocmask(SIG_BLOCK, &term, NULL);
	for (;;)
		sigwait(&term, &sig);
}

static void says_sigterm(int sig) { say("sigterm\n"); }

/*
 * It hangs until somebody reads its FIFO, serves then, and says of each client and of each
 * SIGTERM when it came. SIGTERM does not end it.
 */
static void recovers(int l)
{
	struct sigaction says = {.sa_handler = says_sigterm, .sa_flags = SA_RESTART};

	sigaction(SIGTERM, &says, NULL);
	checked(open(arg, O_WRONLY), "open");
	for (;;) {
		int c = accept4(l, NULL, NULL, SOCK_CLOEXEC);

		if (c < 0) { /* it was shut down */
			say("closed\n");
			stay();
		}
		say("accepted\n");
		answer(c);
		close(c);
	}
}

/* Its log folder is on a FUSE mount whose server died. */
static void fuse_dir(int l) { checked(chdir(arg), "chdir"); }

const struct mode dead_ends[] = {
	{"fifo-read", fifo_read},
	{"fifo-write", fifo_write},
	{"pipe-write", pipe_write},
	{"own-pipe-full", own_pipe_full},
	{"own-pipe-read", own_pipe_read},
	{"own-pair", own_pair},
	{"handler-lock", handler_lock},
	{"pause", pauses},
	{"sigsuspend", suspends},
	{"sigwait", waits_signal},
	{"recovers", recovers},
	{"fuse-dir", fuse_dir},
	{}
};
