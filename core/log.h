/*
 * log.h - what the writer of a log (tx.c) and its reader (settle.c) share. docs/format/log.md.
 */
#ifndef TWZ_CORE_LOG_H
#define TWZ_CORE_LOG_H

#include "abi/object.h"
#include "core/sum.h"

/* A range in a record's body begins with a word: length 24 bits | offset 40 bits << 24. */
#define LOG_LENGTH_BITS 24
#define LOG_LENGTH_MASK (((uint64_t)1 << LOG_LENGTH_BITS) - 1)

/* What it takes there, with its bytes. */
static inline uint64_t log_range_bytes(uint64_t bytes)
{
	return (8 + bytes + 15) & ~(uint64_t)15;
}

/*
 * May a transaction store there? The FOT, data, and the meta page but for the log head, whose line
 * [64, 128) only the protocol changes. off < 2^40, bytes <= 2^40.
 */
static inline bool log_range_ok(uint64_t off, uint64_t bytes)
{
	const uint64_t head = TWZ_OBJ_META + offsetof(struct twz_meta, log);
	uint64_t end = off + bytes;

	if (!bytes || end > TWZ_OBJ_SIZE_MAX)
		return false;
	return off >= TWZ_OBJ_FOT || (off >= TWZ_OBJ_META && end <= head) ||
	       (off >= head + sizeof(struct twz_log_head) && end <= TWZ_OBJ_META + TWZ_PAGE);
}

/*
 * The sum of a record: log_seed of the object, a step with seq and the word behind the sum, and
 * twz_sum_more over the body.
 */
static inline uint64_t log_seed(struct twz_id self)
{
	return self.lo ^ self.hi;
}

static inline uint64_t log_counts(uint64_t ranges, uint64_t nparts, uint64_t flags)
{
	return ranges | nparts << 32 | flags << 48;
}

#endif
