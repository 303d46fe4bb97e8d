/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes of which user space asks for more than a row of the leader. */
#ifndef REUSEWATCH_ASKED_H
#define REUSEWATCH_ASKED_H

#include "maps.h"

enum ask {
	ASK_STACK = 1,   /* of the leader */
	ASK_THREADS = 2, /* a row of each thread, with its stack */
	ASK_HELD = 4,    /* what its descriptors are of (held.bpf.c) */
};

struct question {
	__u32 what;
	__u32 threads; /* rows so far in this pass */
	__u32 stacks;
	__u32 children; /* that live, where threads are asked about; read after the pass */
};

/*
 * What is asked of a process, by tgid: written by user space before a pass, which
 * counts in it, and emptied after it. There is room for as many processes as there
 * may be (pid_max of most hosts); not preallocated, for it is mostly empty.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct question);
} asked SEC(".maps");

const struct question *question_type __attribute__((unused));
const enum ask *ask_type __attribute__((unused));

#endif
