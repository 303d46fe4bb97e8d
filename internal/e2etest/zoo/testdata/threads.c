/* Locks among the threads of one process, and futexes that no rule can follow. */
#include "zoo.h"
#include <linux/futex.h>
#include <sys/mman.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t signalled = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t both;

static void *lock_a(void *data)
{
	pthread_mutex_lock(&a);
	return NULL;
}

/* All its threads, the acceptor among them, want a lock that was never let go. */
static void crowd(int l)
{
	pthread_mutex_lock(&a);
	for (int i = 0; i < 8; i++)
		thread(lock_a, NULL);
	pthread_mutex_lock(&a);
}

static void *lock_ba(void *data)
{
	pthread_mutex_lock(&b);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&a);
	return NULL;
}

static void abba(int l)
{
	pthread_barrier_init(&both, NULL, 2);
	thread(lock_ba, NULL);
	pthread_mutex_lock(&a);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&b);
}

static void *awaits(void *data)
{
	pthread_mutex_lock(&a);
	for (;;)
		pthread_cond_wait(&signalled, &a);
	return NULL;
}

/* A pool whose wakeup was lost, and an acceptor that waits for room in its queue. */
static void cond(int l)
{
	for (int i = 0; i < 4; i++)
		thread(awaits, NULL);
	awaits(NULL);
}

static void cond_timed(int l)
{
	struct timespec t;

	pthread_mutex_lock(&a);
	for (;;) {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec += 3600;
		pthread_cond_timedwait(&signalled, &a, &t);
	}
}

static void *opens(void *data)
{
	open(arg, O_WRONLY);
	return NULL;
}

static void *stays(void *data)
{
	stay();
	return NULL;
}

/* Each thread at another dead end. */
static void mixed(int l)
{
	pthread_mutex_lock(&a);
	thread(lock_a, NULL);
	thread(opens, NULL);
	stay();
}

/* The C library joins by a futex that other processes could wake. */
static void joins(int l)
{
	pthread_t t;

	if (pthread_create(&t, NULL, stays, NULL))
		fail("pthread_create");
	pthread_join(t, NULL);
}

static pthread_mutex_t inheriting;

static void *holds(void *data)
{
	pthread_mutex_lock(&inheriting);
	pthread_barrier_wait(&both);
	stay();
	return NULL;
}

static void pi(int l)
{
	pthread_mutexattr_t how;

	pthread_barrier_init(&both, NULL, 2);
	pthread_mutexattr_init(&how);
	pthread_mutexattr_setprotocol(&how, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inheriting, &how);
	thread(holds, NULL);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&inheriting);
}

/* A lock in a shared file, which the process of mode hold-shared holds. */
static pthread_mutex_t *shared(void)
{
	int fd = checked(open(arg, O_RDWR), "open");
	void *at = mmap(NULL, sizeof(pthread_mutex_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

static void shared_lock(int l) { pthread_mutex_lock(shared()); }

static void hold_shared(int l)
{
	pthread_mutexattr_t how;
	pthread_mutex_t *lock = shared();

	pthread_mutexattr_init(&how);
	pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(lock, &how);
	pthread_mutex_lock(lock);
	say("set\n");
	stay();
}

static void waits_many(int l)
{
	static uint32_t words[2];
	struct {
		uint64_t val, uaddr;
		uint32_t flags, reserved;
	} of[2];

	for (int i = 0; i < 2; i++) {
		of[i].val = of[i].reserved = 0;
		of[i].uaddr = (uintptr_t)&words[i];
		of[i].flags = 2 | FUTEX_PRIVATE_FLAG; /* of 32 bits */
	}
	checked(syscall(SYS_futex_waitv, of, 2, 0, NULL, 0), "futex_waitv");
}

const struct mode thread_modes[] = {
	{"crowd", crowd},
	{"abba", abba},
	{"cond", cond},
	{"cond-timed", cond_timed},
	{"mixed", mixed},
	{"join", joins},
	{"pi", pi},
	{"shared-lock", shared_lock},
	{"hold-shared", hold_shared, 1},
	{"futex-waitv", waits_many},
	{}
};
