/*
 * count.h - counts what a function retires in user mode, by single stepping.
 *
 * Exact and repeatable, unlike a time: the processor traps after every instruction (the trap flag),
 * and the handler looks at the next one. The function runs in this process, with all its effects.
 *
 *   - Call it once before if it should be warm (lazy binding, first touch of pages).
 *   - A repeated string instruction counts once, as it retires.
 *   - Signal handlers and the kernel's work are not counted: system calls are. One thread; not
 *     reentrant.
 *   - A step takes about 10 us: keep to some 100,000 instructions.
 */
#ifndef TWZ_BENCH_COUNT_H
#define TWZ_BENCH_COUNT_H

#include <stdint.h>

struct count {
	uint64_t instructions;
	uint64_t locked;  /* with a lock prefix, or xchg with memory */
	uint64_t flushes; /* clwb, clflushopt, clflush */
	uint64_t fences;  /* sfence, mfence */
	uint64_t calls;   /* syscall */
};

/* Of fn(arg), from its first instruction to its return. */
struct count count_run(void (*fn)(void *), void *arg);

#endif
