/*
 * stretch.h - how long the kernel's lock is held at a stretch, and what for. In that time interrupts are
 * off, and so is preemption: the longest stretch is what everything can be late by.
 *
 * Measured in cycles by kernels that are made for it (TWZ_KERNEL_STRETCH): `kernel-stretch`, which else
 * is the one that ships, and `kernel-check`. Where instructions are counted (vm --icount) a cycle is
 * one, and with one processor nothing else is in the figure; else it holds the host's moods too. It
 * begins with the first thread: who starts the machine waits for it anyhow.
 *
 * The longest, and each kind that is longer than may be, go to the log when the machine is switched off:
 * "stretch: longest 8922 object_copy", "stretch: 10794 object_copy".
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_STRETCH_H
#define KERNEL_STRETCH_H

#include "abi/syscall.h"

#define STRETCH_MAX 10000u /* cycles */

/* Kinds: calls, by their place in the table; then traps and interrupts, by vector; the rest is idle's. */
#define STRETCH_TRAP TWZ_SYS_COUNT
#define STRETCH_IDLE (STRETCH_TRAP + 256)
#define STRETCH_KINDS (STRETCH_IDLE + 1)

#if TWZ_KERNEL_STRETCH
/* What the lock, which was just taken, is held for. */
void stretch_is(uint64_t kind);
/* It is about to be given back. */
void stretch_end(void);
void stretch_log(void);
extern uint64_t stretch_longest; /* cycles */
#else
static inline void stretch_is(uint64_t kind)
{
	(void)kind;
}
static inline void stretch_end(void)
{
}
static inline void stretch_log(void)
{
}
#endif

#endif
