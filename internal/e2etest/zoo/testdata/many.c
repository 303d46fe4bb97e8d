/* Listeners by the thousand: some that stay, and some that come and go. */
#include "zoo.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>

/* A listener of nobody else's, on 127.NET.HOST.1. */
static int listen_alone(int net, int host, int at)
{
	int s = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(at)};

	a.sin_addr.s_addr = htonl(127 << 24 | net << 16 | host << 8 | 1);
	checked(bind(s, (void *)&a, sizeof(a)), "bind");
	checked(listen(s, 16), "listen");
	return s;
}

static void many_files(void)
{
	struct rlimit many;

	checked(getrlimit(RLIMIT_NOFILE, &many), "getrlimit");
	many.rlim_cur = many.rlim_max;
	checked(setrlimit(RLIMIT_NOFILE, &many), "setrlimit");
}

/* ARG is "HOST COUNT": so many listeners from its port on, to which nobody comes. */
static void idle(int l)
{
	int host, count;

	if (sscanf(arg, "%d %d", &host, &count) != 2)
		fail(arg);
	many_files();
	for (int i = 0; i < count; i++)
		listen_alone(1, host, port + i);
	say("set\n");
	stay();
}

#define PORTS 8192

/*
 * ARG is how many listeners are born a second, evenly: every other ends at once, the others
 * after a second. It says each second how many there were.
 */
static void births(int l)
{
	static int open[PORTS];
	int rate = atoi(arg), live = rate / 2;
	struct timespec next;

	many_files();
	checked(clock_gettime(CLOCK_MONOTONIC, &next), "clock_gettime");
	for (long n = 1;; n++) {
		int s = listen_alone(2, 0, port + n % PORTS), *slot = &open[n / 2 % live];

		if (n % 2) {
			close(s);
		} else {
			if (*slot)
				close(*slot);
			*slot = s;
		}
		if (n % rate == 0)
			say("born %ld\n", n);
		next.tv_nsec += 1000000000 / rate;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

const struct mode many_modes[] = {
	{"idle", idle, 1},
	{"births", births, 1},
	{}
};
