/* Locks between processes: those who wait, and those who hold and wait for something else. */
#include "zoo.h"
#include <sys/file.h>
#include <sys/sem.h>

static int lock_file(void) { return checked(open(arg, O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open"); }

static void flocks(int l) { flock(lock_file(), LOCK_EX); }

static void fcntls(int l)
{
	struct flock whole = {.l_type = F_WRLCK};

	fcntl(lock_file(), F_SETLKW, &whole);
}

#ifndef F_OFD_SETLKW
#define F_OFD_SETLKW 38
#endif

static void ofd_locks(int l)
{
	struct flock whole = {.l_type = F_WRLCK};

	fcntl(lock_file(), F_OFD_SETLKW, &whole);
}

/* A semaphore of an IPC namespace of its own, so that it goes with it. */
static void semaphores(int l)
{
	struct sembuf down = {0, -1, 0};
	int id;

	checked(unshare(CLONE_NEWIPC), "unshare");
	id = checked(semget(IPC_PRIVATE, 1, 0600), "semget");
	checked(semop(id, &down, 1), "semop");
}

static void hold_flock(int l)
{
	checked(flock(lock_file(), LOCK_EX), "flock");
	say("set\n");
	stay();
}

static void hold_flock_nap(int l)
{
	checked(flock(lock_file(), LOCK_EX), "flock");
	say("set\n");
	nap(3600);
}

static void hold_fcntl_nap(int l)
{
	struct flock whole = {.l_type = F_WRLCK};

	checked(fcntl(lock_file(), F_SETLKW, &whole), "F_SETLKW");
	say("set\n");
	nap(3600);
}

static void hold_ofd(int l)
{
	struct flock whole = {.l_type = F_WRLCK};

	checked(fcntl(lock_file(), F_OFD_SETLKW, &whole), "F_OFD_SETLKW");
	say("set\n");
	stay();
}

const struct mode lock_modes[] = {
	{"flock", flocks},
	{"fcntl", fcntls},
	{"ofd", ofd_locks},
	{"semop", semaphores},
	{"hold-flock", hold_flock, 1},
	{"hold-flock-nap", hold_flock_nap, 1},
	{"hold-fcntl-nap", hold_fcntl_nap, 1},
	{"hold-ofd", hold_ofd, 1},
	{}
};
