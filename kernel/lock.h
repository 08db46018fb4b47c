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

struct lock {
	uint32_t taken;
};
extern struct lock kernel_lock;

/* Saves what it uses: so whoever takes the lock need not save anything for the rare wait. */
__attribute__((no_caller_saved_registers)) void lock_wait(void);
#if TWZ_KERNEL_CHECK
void lock_note(bool taken);
extern uint64_t lock_longest; /* cycles that it was held at most */
#else
#define lock_note(taken) ((void)0)
#endif

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
	lock_note(true);
}

static inline void lock_give(void)
{
	lock_note(false);
	__atomic_store_n(&kernel_lock.taken, 0, __ATOMIC_RELEASE);
}

#endif
