/*
 * lock.h - the kernel's one lock.
 *
 * All of the kernel's state is under it, but for what says otherwise. It is taken on entry and given
 * back before leaving; nothing sleeps or waits for a program with it. Whoever waits for it has
 * interrupts off, and so answers requests to flush translations while it spins. Not by ticket: in
 * an emulator the processor whose turn it is may be the one that the host does not run.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/stretch.h"

struct lock {
	uint32_t taken;
};
extern struct lock kernel_lock;

/* Saves what it uses: so whoever takes the lock need not save anything for the rare wait. */
__attribute__((no_caller_saved_registers)) void lock_wait(void);

/* The call is out of the compiler's sight, who would save registers on every way for it. */
static inline void lock_take(void)
{
	uint32_t taken = 1;

	__asm__ volatile("xchg %[taken], %[lock]\n\t"
			 "test %[taken], %[taken]\n\t"
			 "jne 2f\n"
			 "1:\n\t"
			 ".subsection 1\n"
			 "2: call lock_wait\n\t"
			 "jmp 1b\n\t"
			 ".previous"
			 : [taken] "+r"(taken), [lock] "+m"(kernel_lock.taken)
			 :
			 : "memory", "cc");
	cpu_note_locked();
	stretch_is(STRETCH_IDLE);
}

/*
 * The lock is given back within STRETCH_MAX instructions (stretch.h). So what can take long is done in
 * parts, and looks at this before each next one: a part may take as long as what is left of them then.
 */
#define LOCK_CYCLES 3500u
static inline bool lock_time_within(uint64_t most)
{
	return cpu_locked_for() < most;
}

static inline bool lock_time_left(void)
{
	return lock_time_within(LOCK_CYCLES);
}

static inline void lock_give(void)
{
	stretch_end();
	__atomic_store_n(&kernel_lock.taken, 0, __ATOMIC_RELEASE);
}

#endif
