/* Who is no server: peers, readers, tracers, and a keeper of orphans. */
#include "zoo.h"
#include <sys/ptrace.h>

/* Holds descriptor 3 and does nothing with it. */
static void holds(int l)
{
	say("set\n");
	stay();
}

/* Answers nobody, and waits for more. */
static void peer(int l)
{
	l = listen_on(port);
	say("set\n");
	for (;;)
		accept4(l, NULL, NULL, SOCK_CLOEXEC);
}

/* Works on the question of its one client for an hour. */
static void peer_naps(int l)
{
	l = listen_on(port);
	say("set\n");
	checked(accept4(l, NULL, NULL, SOCK_CLOEXEC), "accept");
	nap(3600);
}

/* Has one thread of another process stopped, as a debugger at a breakpoint. */
static void traces(int l)
{
	pid_t thread = atoi(arg);

	checked(ptrace(PTRACE_SEIZE, thread, NULL, NULL), "PTRACE_SEIZE");
	checked(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), "PTRACE_INTERRUPT");
	checked(waitpid(thread, NULL, __WALL), "waitpid");
	say("set\n");
	stay();
}


/*
 * Adopts the orphans of the mode that ARG names, in place of init, so that they end with
 * it and so with the test.
 */
static void keeper(int l)
{
	char *rest = strchr(arg, ' ');
	char at[16];
	pid_t pid;

	checked(prctl(PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER");
	snprintf(at, sizeof(at), "%d", port);
	pid = fork();
	if (!pid) {
		char mode[32] = {};

		memcpy(mode, arg, rest - arg < 31 ? rest - arg : 31);
		execl("/proc/self/exe", "zoo", mode, at, "o", served ? "served" : "fresh", rest + 1, NULL);
		fail("exec");
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

/*
 * Ends the process group ARG once the test has gone, or lets go of descriptor 3: workers
 * of a server that is no part of the zoo do not end with their master.
 */
static void guard(int l)
{
	char byte;

	while (read(3, &byte, 1) > 0 || errno == EINTR)
		;
	kill(-atoi(arg), SIGKILL);
}

const struct mode helper_modes[] = {
	{"holds", holds, 1},
	{"peer", peer, 1},
	{"peer-naps", peer_naps, 1},
	{"traces", traces, 1},
	{"keeper", keeper, 1},
	{"guard", guard, 2},
	{}
};
