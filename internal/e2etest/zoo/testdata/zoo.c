/*
 * zoo MODE PORT LETTER fresh|served [ARG]: see zoo.h. It prints "listens COOKIE" once it
 * listens, "set" before it goes into its state, "pid N" of who outlives it.
 */
#include "zoo.h"
#include <stdarg.h>

int port;
const char *arg = "";
char letter;
int served;

void say(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (write(STDOUT_FILENO, line, n) != n)
		_exit(1);
}

void fail(const char *what)
{
	fprintf(stderr, "zoo: %s: %s\n", what, strerror(errno));
	_exit(1);
}

int checked(int result, const char *what)
{
	if (result < 0)
		fail(what);
	return result;
}

/* Nobody outlives the test: who is orphaned on purpose asks for it again after that. */
void die_with_parent(void)
{
	checked(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
}

/* A child that ends with its parent. The signal may not come if that has gone already. */
pid_t spawn(void (*child)(void *), void *data)
{
	pid_t parent = getpid(), pid = checked(fork(), "fork");

	if (pid)
		return pid;
	die_with_parent();
	if (getppid() != parent)
		_exit(0);
	child(data);
	_exit(0);
}

void nap(double seconds)
{
	struct timespec t = {(time_t)seconds, (seconds - (time_t)seconds) * 1e9};

	while (syscall(SYS_nanosleep, &t, &t) < 0 && errno == EINTR)
		;
}

/* Sleeps for ever in the way that needs no timer. */
void stay(void)
{
	for (;;)
		pause();
}

void thread(void *(*run)(void *), void *data)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, data))
		fail("pthread_create");
	pthread_detach(t);
}

static const struct mode *find(const char *name)
{
	const struct mode *const tables[] = {
		dead_ends, thread_modes, wait_modes, lock_modes, limit_modes, refused_modes,
		busy_modes, pool_modes, family_modes, helper_modes, member_modes, many_modes,
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct mode *m = tables[i]; m->name; m++)
			if (!strcmp(m->name, name))
				return m;
	fprintf(stderr, "zoo: no mode %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	const struct mode *mode;
	int listener = -1;

	if (argc < 5)
		return 2;
	mode = find(argv[1]);
	port = atoi(argv[2]);
	letter = argv[3][0];
	served = !strcmp(argv[4], "served");
	if (argc > 5)
		arg = argv[5];
	if (mode->bare < 2)
		die_with_parent();
	signal(SIGPIPE, SIG_IGN);
	if (!mode->bare) {
		listener = listen_on(port);
		set_serving(listener);
	}
	mode->run(listener);
	return 0;
}
