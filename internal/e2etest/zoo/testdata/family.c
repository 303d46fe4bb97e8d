/* Listeners that went to a child, by fork or by exec. */
#include "zoo.h"

/* Executes the program ARG as a mode, with the listener as descriptor 4. */
static void become(int l, const char *mode)
{
	char at[16];

	checked(dup2(l, 4), "dup2");
	snprintf(at, sizeof(at), "%d", port);
	execl(arg, arg, mode, at, "o", "fresh", arg, NULL);
	fail(arg);
}

/*
 * Goes on in a child, whose parent ends. Who outlives its parent is a keeper's (see
 * helpers.c), and can ask to end with it only once it is.
 */
static void orphan(void)
{
	pid_t parent = getpid();

	if (checked(fork(), "fork"))
		exit(0);
	while (getppid() == parent)
		nap(0.01);
	die_with_parent();
	say("worker %d\n", getpid());
}

/* A server that started a helper without closing its listener there, and ended. */
static void leaks(int l, const char *mode)
{
	orphan();
	become(l, mode);
}

static void leaks_pause(int l) { leaks(l, "child-pause"); }
static void leaks_read(int l) { leaks(l, "child-read"); }

static void leaks_serve(int l) { leaks(l, "child-serve"); }

static void child_pause(int l)
{
	say("set\n");
	stay();
}

/* A helper that reads its orders from a pipe, and holds the other end itself. */
static void child_read(int l)
{
	char byte;
	int p[2];

	checked(pipe(p), "pipe");
	say("set\n");
	read(p[0], &byte, 1);
}

/* A daemon that its start script's listener came to: it serves on a port of its own. */
static void child_serve(int l)
{
	say("set\n");
	serve(listen_on(port + 1));
}

/* What inetd or a shell leaves: the listener was made before the program was executed. */
static void activated(int l) { become(l, "child-fifo"); }

static void child_fifo(int l)
{
	const char *fifo = getenv("ZOO_FIFO");

	say("set\n");
	checked(open(fifo ? fifo : "", O_WRONLY), "open");
}

/* A daemon: it listened, forked, its parent ended, and its pidfile is a FIFO. */
static void daemonised(int l)
{
	orphan();
	checked(open(arg, O_WRONLY), "open");
}

/* The parent listened, gave the listener to its child and goes on as a supervisor. */
static void handed(int l)
{
	pid_t worker = fork();

	if (worker) {
		close(l);
		say("worker %d\n", worker);
		waitpid(worker, NULL, 0);
		exit(0);
	}
	die_with_parent();
	checked(open(arg, O_WRONLY), "open");
}

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *holds(void *data)
{
	pthread_mutex_lock(&a);
	pthread_barrier_wait(&both);
	stay();
	return NULL;
}

/* A thread of the parent held a lock at the fork: in the child nobody ever lets it go. */
static void fork_lock(int l)
{
	pid_t worker;

	pthread_barrier_init(&both, NULL, 2);
	thread(holds, NULL);
	pthread_barrier_wait(&both);
	worker = fork();
	if (worker) {
		say("worker %d\n", worker);
		waitpid(worker, NULL, 0);
		exit(0);
	}
	die_with_parent();
	listen_on(port);
	say("set\n");
	pthread_mutex_lock(&a);
}

const struct mode family_modes[] = {
	{"leaks-pause", leaks_pause},
	{"leaks-read", leaks_read},
	{"leaks-serve", leaks_serve},
	{"child-serve", child_serve, 1},
	{"child-pause", child_pause, 1},
	{"child-read", child_read, 1},
	{"activated", activated},
	{"child-fifo", child_fifo, 1},
	{"daemonised", daemonised},
	{"handed", handed},
	{"fork-lock", fork_lock, 1},
	{}
};
