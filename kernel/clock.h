/*
 * clock.h - time, and alarms: what is to be done at a time.
 *
 * Times are time stamps (cycles). Lock: the kernel's.
 */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/machine.h"

#define CLOCK_NEVER (~0ull)

/* In a pairing heap by `at`. All zero: not set. */
struct alarm {
	uint64_t at;
	struct alarm *child, *next, **link; /* link: what leads to it */
	void (*ring)(struct alarm *alarm);  /* called with the alarm not set any more */
};

void alarm_set(struct alarm *alarm, uint64_t at, void (*ring)(struct alarm *alarm));
void alarm_cancel(struct alarm *alarm); /* also if it is not set */
/* Rings all that are due. */
void alarm_run(uint64_t now);

/* Sets this processor's timer for the next thing that it must not miss, not after `at`. */
void clock_arm(struct cpu *cpu, uint64_t at);
/* The timer's interrupt. */
void clock_tick(struct cpu *cpu);

void clock_init(void);              /* once the time stamp counter is measured */
uint64_t clock_cycles(uint64_t ns); /* saturates */
uint64_t clock_ns(uint64_t cycles);
uint64_t clock_wall_ns(void); /* since 1970, UTC */

#endif
