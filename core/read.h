/*
 * read.h - read sections: an object is read, without its lock, beside transactions that change it;
 * <twz/read.h> exports it.
 *
 *     do {
 *             version = twz_read_begin(m);
 *             ... copy out what is wanted, by twz_read_word and twz_read_copy ...
 *     } while (twz_read_again(m, version));
 *     error = twz_read_error(version);
 *
 * What was read then is what one moment between two transactions held: all of a commit or nothing
 * of it. This is so for the one object that m, any address, lies in; nothing is said of others.
 *
 * Rules
 *   - Before twz_read_again has returned false, the reader bears whatever he finds: half of a commit,
 *     a block that was freed and filled with something else. He checks offsets and counts where he
 *     follows them, bounds his walks, and acts on nothing.
 *   - Who reads stores nothing to the object; the right to read is enough.
 *   - Begin waits while a commit stores in place, and settles what a dead owner left. After the
 *     environment's time limit the version is TWZ_READ_TIMEOUT: `again` is false then, what was read
 *     is worth nothing, and twz_read_error says so. So neither an owner that was stopped nor a head
 *     that somebody made up can keep a reader for ever.
 *   - A section that is longer than the time between two commits may be read again many times: who
 *     wants to read much takes the object into a transaction.
 *   - A transaction's own changes are not seen: they are staged until its commit.
 *   - Plain stores outside of transactions are seen at once, and make no version.
 */
#ifndef TWZ_CORE_READ_H
#define TWZ_CORE_READ_H

#include "abi/errors.h"
#include "core/mem.h"
#include "core/ptr.h"

#define TWZ_READ_TIMEOUT (~(uint64_t)0)

/* What begin does while a commit stores in place. */
uint64_t twz_read_wait(const void *addr);

/* Begins if no commit is storing: for who keeps what is rare out of a function that is hot. */
static inline bool twz_read_try(const void *addr, uint64_t *version)
{
	const struct twz_log_head *head = &obj_meta(addr)->log;

	*version = __atomic_load_n(&head->storing, __ATOMIC_ACQUIRE);
	return __builtin_expect(*version <= __atomic_load_n(&head->retired, __ATOMIC_ACQUIRE), 1);
}

static inline uint64_t twz_read_begin(const void *addr)
{
	uint64_t version;

	return twz_read_try(addr, &version) ? version : twz_read_wait(addr);
}

/* True: what was read since begin may be torn; begin again. */
static inline bool twz_read_again(const void *addr, uint64_t version)
{
	/* The compiler keeps the loads in order, and this processor does. */
	__atomic_signal_fence(__ATOMIC_ACQ_REL);
	if (__builtin_expect(
		    __atomic_load_n(&obj_meta(addr)->log.storing, __ATOMIC_RELAXED) == version, 1))
		return false;
	return version != TWZ_READ_TIMEOUT;
}

/* 0, or TWZ_E_TIMEOUT. */
static inline int twz_read_error(uint64_t version)
{
	return __builtin_expect(version == TWZ_READ_TIMEOUT, 0) ? TWZ_E_TIMEOUT : 0;
}

/* A word that a commit may be changing. */
static inline uint64_t twz_read_word(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Copies bytes out that a commit may be changing. */
static inline void twz_read_copy(void *to, const void *from, uint64_t bytes)
{
#if TWZ_TSAN /* knows no versions */
	for (uint64_t i = 0, n; i < bytes; i += n) {
		const uint8_t *p = (const uint8_t *)from + i;
		uint64_t word;

		n = (uintptr_t)p % 8 || bytes - i < 8 ? 1 : 8;
		word = n == 8 ? __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED)
			      : __atomic_load_n(p, __ATOMIC_RELAXED);
		memcpy((uint8_t *)to + i, &word, n);
	}
#else
	memcpy(to, from, bytes);
#endif
}

#endif
