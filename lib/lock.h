/*
 * lock.h - a lock among the threads of one program. Not to be held while objects are touched: the
 * program's fault handler may run then, and call libtwz.
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include "abi/rt.h"

struct lock {
	uint32_t word; /* 0 free, 1 held, 2 held and somebody waits */
};

static inline void lock_take(struct lock *lock)
{
	uint32_t seen = 0;

	if (__atomic_compare_exchange_n(&lock->word, &seen, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE))
		twz_rt_wait(&lock->word, 2, ~0ull);
}

static inline void lock_give(struct lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
		twz_rt_wake(&lock->word, 1);
}

#endif
