//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one object that all programs are in: a file has the programs of one subject, a header
 * what several of them share.
 */
#include "count.bpf.c"
#include "enter.bpf.c"
#include "census.bpf.c"
#include "served.bpf.c"
#include "tasks.bpf.c"
#include "held.bpf.c"
#include "calls.bpf.c"
#include "clients.bpf.c"
#include "migration.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What always runs, and all that a verdict needs. */
#include "births.bpf.c"
#include "tick.bpf.c"
