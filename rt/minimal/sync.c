/* sync.c - waiting on words, transactions' locks, the medium, time, random numbers. */
#include "core/pmem.h"
#include "core/ptr.h"
#include "core/tx.h"
#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"

#define LOOK_FIRST_NS (500ull * 1000) /* then the kernel is asked whether the owner lives */
#define LOOK_LAST_NS (32 * LOOK_FIRST_NS)
#define RANDOM_CHUNK 4096u                   /* the kernel gives at a time */
#define LOCK_TIMEOUT_NS (10ull * 1000000000) /* then a transaction gets TWZ_E_TIMEOUT */

/* Of a call that sleeps: after a signal it is to be looked again, as after a waking. */
static int slept(int64_t result)
{
	return result < 0 && result != TWZ_E_INTERRUPTED ? (int)result : 0;
}

int twz_rt_wait(const uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	struct twz_sys_sync op = {.address = (uint64_t)word, .value = value, .op = TWZ_SYNC_WAIT};
	int64_t result = SYS(thread_sync, &op, 1, timeout_ns);

	return slept(result);
}

int twz_rt_wake(const uint32_t *word, uint32_t count)
{
	struct twz_sys_sync op = {.address = (uint64_t)word, .value = count, .op = TWZ_SYNC_WAKE};
	int64_t woken = SYS(thread_sync, &op, 1, 0);

	return woken < 0 ? 0 : (int)woken;
}

int twz_rt_wait_many(const struct twz_rt_word *words, uint32_t count, uint64_t timeout_ns)
{
	struct twz_sys_sync ops[TWZ_RT_WORDS];
	int64_t result;

	if (!count || count > TWZ_RT_WORDS)
		return TWZ_E_ARG;
	for (uint32_t i = 0; i < count; i++)
		ops[i] = (struct twz_sys_sync){.address = (uint64_t)words[i].word,
					       .value = words[i].value,
					       .op = TWZ_SYNC_WAIT};
	result = SYS(thread_sync, ops, count, timeout_ns);
	return slept(result);
}

uint64_t twz_rt_time_ns(void)
{
	return (uint64_t)SYS(clock, 0);
}

void twz_rt_random(void *out, uint64_t bytes)
{
	for (uint8_t *p = out; bytes;) {
		uint64_t n = bytes < RANDOM_CHUNK ? bytes : RANDOM_CHUNK;

		if (SYS(random, p, n) < 0)
			die(125, "the kernel gives no random numbers");
		p += n;
		bytes -= n;
	}
}

void twz_rt_flush(const void *addr, uint64_t bytes)
{
	pmem_flush("program", addr, bytes);
}

void twz_rt_fence(void)
{
	pmem_fence("program");
}

int twz_rt_touch(void *addr, uint64_t bytes)
{
	return (int)SYS(object_touch, addr, bytes);
}

/* ---- transactions ----------------------------------------------------------------------------- */

static struct twz_id id_of(const void *base)
{
	uint64_t at = (uint64_t)base;
	uint64_t slot = at >> TWZ_PLACE_BIT & 1
				? TWZ_VIEW_SLOTS + (at - minimal.rt.place_base) / TWZ_PLACE_SIZE
				: at / TWZ_SLOT_SIZE;

	return minimal.rt.view[slot].id;
}

static void wake(uint64_t *lock)
{
	twz_rt_wake((const uint32_t *)lock, ~0u);
}

/* If the owner is gone, the kernel settles the object; TWZ_E_BUSY if it lives. */
static int take_over(const void *base, const uint64_t *lock)
{
	int error = twz_rt_settle(id_of(base));

	if (!error)
		twz_rt_wake((const uint32_t *)lock, ~0u);
	return error;
}

static int contended(void *base, uint64_t *lock, uint64_t seen)
{
	uint64_t end = twz_rt_time_ns() + LOCK_TIMEOUT_NS, look = LOOK_FIRST_NS;
	int error;

	for (;;) {
		if (!seen)
			return 0;
		if (seen >> 32 != minimal.sys.epoch)
			return take_over(base, lock);
		if (!(seen & LOCK_WAITERS) &&
		    !__atomic_compare_exchange_n(lock, &seen, seen | LOCK_WAITERS, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		seen |= LOCK_WAITERS;
		if (!twz_rt_wait((const uint32_t *)lock, (uint32_t)seen, look))
			return 0;
		if (look < LOOK_LAST_NS)
			look *= 2;
		error = take_over(base, lock);
		if (error != TWZ_E_BUSY)
			return error;
		if (twz_rt_time_ns() > end)
			return TWZ_E_TIMEOUT;
		seen = __atomic_load_n(lock, __ATOMIC_RELAXED);
	}
}

/* A reader may have no right to write: nobody is told that he waits, so he looks now and then. */
static int stored(const void *base, const struct twz_log_head *head, uint64_t seq)
{
	uint64_t end = twz_rt_time_ns() + LOCK_TIMEOUT_NS, look = LOOK_FIRST_NS;
	uint64_t seen;
	int error;

	while (__atomic_load_n(&head->retired, __ATOMIC_ACQUIRE) < seq) {
		seen = __atomic_load_n(&head->lock, __ATOMIC_RELAXED);
		if (!seen)
			return 0;
		error = take_over(base, &head->lock);
		if (error != TWZ_E_BUSY)
			return error;
		if (twz_rt_time_ns() > end)
			return TWZ_E_TIMEOUT;
		twz_rt_wait((const uint32_t *)&head->lock, (uint32_t)seen, look);
		if (look < LOOK_LAST_NS)
			look *= 2;
	}
	return 0;
}

/* The kernel lets who has the object in a transaction do it. */
static int drop(void *addr, uint64_t bytes)
{
	return twz_rt_drop(id_of(addr), obj_offset(addr) / TWZ_PAGE, bytes / TWZ_PAGE);
}

void sync_init(void)
{
	tx_env = (struct tx_env){.owner = own_lock(),
				 .clwb = pmem.kind == PMEM_CLWB ? own_lock() : 0,
				 .contended = contended,
				 .wake = wake,
				 .stored = stored,
				 .touch = twz_rt_touch,
				 .drop = drop,
				 .id = id_of};
}
