/*
 * lock.h - the kernel's one lock.
 *
 * All of the kernel's state is under it, but for what says otherwise. It is taken on entry and given
 * back before leaving; nothing sleeps or waits for a program with it. Whoever waits for it has
 * interrupts off, and so answers requests to flush translations while it spins. Fair: by ticket.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "kernel/arch/x86_64/cpu.h"

struct lock {
	uint32_t next, owner;
};
extern struct lock kernel_lock;

void lock_wait(uint32_t ticket);
#if TWZ_KERNEL_CHECK
void lock_note(bool taken);
extern uint64_t lock_longest; /* cycles that it was held at most */
#else
#define lock_note(taken) ((void)0)
#endif

static inline void lock_take(void)
{
	uint32_t ticket = __atomic_fetch_add(&kernel_lock.next, 1, __ATOMIC_ACQUIRE);

	if (__builtin_expect(__atomic_load_n(&kernel_lock.owner, __ATOMIC_ACQUIRE) != ticket, 0))
		lock_wait(ticket);
	lock_note(true);
}

static inline void lock_give(void)
{
	lock_note(false);
	__atomic_store_n(&kernel_lock.owner, kernel_lock.owner + 1, __ATOMIC_RELEASE);
}

#endif
