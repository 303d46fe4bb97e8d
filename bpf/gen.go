// Package bpf holds the kernel side: the C sources, and the object and Go
// bindings generated from them.
package bpf

// Generation needs clang-19 and libbpf-dev, and the folder of the architecture's
// own <asm/types.h> in BPF2GO_CFLAGS: `make generate` brings all of it.
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -type sample -type event -type event_kind -type held -type held_kind -type served -type tick_io -type waiters_io -type one_io -type client -type clients_io -type walk_end -type rescued -type waiter_kind -type task -type used -type task_row -type question -type ask -type symbol_io -type thing -type thing_kind -type call_kind -type calls -type refused_key -type refusal Kernel reusewatch.bpf.c -- -O2 -g -Wall -Werror -mcpu=v3 -I../headers
