/* zoo: small servers, each of a kind of its own, for the corpus of kinds of servers. */
#ifndef ZOO_H
#define ZOO_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * A mode is what a server does once it listens and, if it was told so, has served. The
 * listener is -1 for a bare mode, which makes its own, or none; 2: it outlives its parent.
 */
struct mode {
	const char *name;
	void (*run)(int listener);
	int bare;
};

/* The tables of the files, each ended by a mode without a name. */
extern const struct mode dead_ends[], thread_modes[], wait_modes[], lock_modes[], limit_modes[],
	refused_modes[], busy_modes[], pool_modes[], family_modes[], helper_modes[], member_modes[], many_modes[];

/* What the command line says. */
extern int port;	/* to listen on, of 127.0.0.1 */
extern const char *arg; /* a path or a number, as the mode has it; "" for none */
extern char letter;	/* what it answers: who served a client */
extern int served;	/* it is to serve until a client tells it to stop */

/* net.c */
int listen_on(int at);
int dial(int to);
int accept_client(int listener);
int answer(int client);
void serve(int listener);
void serve_until_told(int listener);
void set_serving(int listener);

/* zoo.c */
void say(const char *format, ...);
void fail(const char *what);
int checked(int result, const char *what);
void die_with_parent(void);
pid_t spawn(void (*child)(void *), void *data);
void nap(double seconds);
void stay(void);
void thread(void *(*run)(void *), void *data);

#endif
