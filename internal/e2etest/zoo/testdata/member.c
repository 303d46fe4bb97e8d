/*
 * A member of a group that a test drives while clients come. It gets a command a line on
 * stdin, which it reads in the loop in which it accepts, and says "did COMMAND" once it is
 * in the state that was asked for. SIGUSR1 ends the state, and it says "back".
 */
#include "zoo.h"

#define KEPT 64 /* connections at a time, all that it has */

static volatile sig_atomic_t ended;

static void end_state(int sig) { ended = 1; }

/* Sleeps in short naps: a signal that comes between two calls is not lost. */
static void nap_until_told(void)
{
	while (!ended)
		nap(0.2);
}

static void job(void *listener) { nap_until_told(); }

/* Has a child that inherits the listener. It ends by SIGUSR1 of its own. */
static pid_t has_job(void)
{
	pid_t pid = spawn(job, NULL);

	say("job %d\n", pid);
	return pid;
}

/* A child without CLOEXEC: it executes something, and has the listener as descriptor 4. */
static void leaks_to(void *listener)
{
	dup2(*(int *)listener, 4);
	execl("/proc/self/exe", "zoo", "child-pause", "0", "l", "fresh", NULL);
	fail("exec");
}

static void did(const char *command) { say("did %s\n", command); }

/*
 * Has room for so many connections: as long as they stay it serves them, and takes its
 * listener out of what it polls. Who leaves makes room for another.
 */
static void at_limit(int l, int most)
{
	struct pollfd has[KEPT + 1];
	int n = 0, said = 0;
	char byte;

	while (!ended) {
		has[n] = (struct pollfd){l, POLLIN};
		if (poll(has, n < most ? n + 1 : n, -1) < 0)
			continue;
		for (int i = n - 1; i >= 0; i--) {
			if (!has[i].revents)
				continue;
			if (recv(has[i].fd, &byte, 1, 0) > 0) {
				send(has[i].fd, &letter, 1, MSG_NOSIGNAL);
				continue;
			}
			close(has[i].fd);
			has[i] = has[--n];
			has[n] = (struct pollfd){-1};
		}
		if (n < most && has[n].fd == l && has[n].revents && (has[n].fd = accept4(l, NULL, NULL, SOCK_CLOEXEC)) >= 0)
			has[n++].events = POLLIN;
		if (n == most && !said++)
			did("limit");
	}
	while (n-- > 0)
		close(has[n].fd);
}

/* Executes itself anew in the same process, with the same listener, as a reload in place. */
static void anew(int l)
{
	char at[16], fd[16], name[2] = {letter};

	checked(fcntl(l, F_SETFD, 0), "F_SETFD");
	snprintf(at, sizeof(at), "%d", port);
	snprintf(fd, sizeof(fd), "%d", l);
	execl("/proc/self/exe", "zoo", "member-again", at, name, "fresh", fd, NULL);
	fail("exec");
}

static void obey(int l, char *command)
{
	char *rest = strchr(command, ' ');
	int fd;

	ended = 0;
	if (rest)
		*rest++ = 0;
	if (!strcmp(command, "job-beside")) {
		has_job();
		did(command);
		return;
	} else if (!strcmp(command, "leak")) {
		say("job %d\n", spawn(leaks_to, &l));
		did(command);
		return;
	} else if (!strcmp(command, "anew")) {
		anew(l);
	} else if (!strcmp(command, "job-child")) {
		pid_t pid = has_job();

		did(command);
		waitpid(pid, NULL, 0);
	} else if (!strcmp(command, "job-after")) {
		did(command);
		nap_until_told();
	} else if (!strcmp(command, "fifo")) {
		did(command);
		fd = open(rest, O_WRONLY); /* until somebody reads it */
		close(fd);
	} else if (!strcmp(command, "limit")) {
		at_limit(l, atoi(rest));
	} else {
		fail(command);
	}
	say("back\n");
}

static void loop(int l)
{
	struct pollfd both[2] = {{l, POLLIN}, {STDIN_FILENO, POLLIN}};
	struct sigaction end = {.sa_handler = end_state}; /* without SA_RESTART */
	char line[256];
	int n = 0, c;

	sigaction(SIGUSR1, &end, NULL);
	fcntl(l, F_SETFL, O_NONBLOCK);
	say("serves\n");
	for (;;) {
		if (poll(both, 2, -1) < 0)
			continue;
		if (both[0].revents && (c = accept4(l, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
			answer(c);
			close(c);
		}
		if (!both[1].revents)
			continue;
		while (n < (int)sizeof(line) - 1 && read(STDIN_FILENO, line + n, 1) == 1)
			if (line[n++] == '\n')
				break;
		if (!n || line[n - 1] != '\n')
			_exit(0); /* nobody will tell it anything any more */
		line[n - 1] = 0;
		n = 0;
		obey(l, line);
	}
}

/* ARG is what it does before it serves, behind its open port: nothing, or a migration. */
static void member(int l)
{
	struct sigaction end = {.sa_handler = end_state};
	char byte;

	sigaction(SIGUSR1, &end, NULL);
	if (!strcmp(arg, "nap"))
		nap_until_told();
	else if (!strcmp(arg, "read")) /* what another process writes, on descriptor 3 */
		while (read(3, &byte, 1) < 0 && !ended)
			;
	loop(l);
}

static void member_again(int l)
{
	l = atoi(arg);
	checked(fcntl(l, F_SETFD, FD_CLOEXEC), "F_SETFD");
	loop(l);
}

const struct mode member_modes[] = {
	{"member", member},
	{"member-again", member_again, 1},
	{}
};
