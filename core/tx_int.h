/*
 * tx_int.h - what the files of transactions share: tx.c stages and commits, tx_find.c finds what is
 * staged (tx.h).
 */
#ifndef TWZ_CORE_TX_INT_H
#define TWZ_CORE_TX_INT_H

#include "core/log.h"
#include "core/ptr.h"
#include "core/tx.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * tx->special. Why commit must look closer: there is fresh memory to be fenced; perhaps there are no
 * ranges. For tx_find.c: there is an index; with long ranges. For map_change.c: there is a finger.
 */
enum { FRESH = 1, ADDED = 2, INDEXED = 4, LONG = 8, FINGER = 16 };

static inline struct twz_log_head *head_of(const struct tx_part *part)
{
	return &((struct twz_meta *)(part->base + TWZ_OBJ_META))->log;
}

/* Of the record's body. */
static inline uint8_t *start_of(const struct tx_part *part)
{
	return part->base + TWZ_OBJ_LOG + sizeof(struct twz_log_record);
}

static inline struct tx_part *part_at(const struct twz_tx *tx, const uint8_t *base)
{
	for (uint32_t i = 0; i < tx->nparts; i++)
		if (tx->part[i].base == base)
			return (struct tx_part *)&tx->part[i];
	return NULL;
}

/* The filter's bit for the line of an offset. */
static inline unsigned line_of(uint64_t off)
{
	return off / TWZ_LINE % 64;
}

/* All bits for a range that is not empty. */
static inline uint64_t lines_of(uint64_t off, uint64_t bytes)
{
	uint64_t first = off / TWZ_LINE, behind = (off + bytes - 1) / TWZ_LINE - first, lines;

	if (behind >= 63)
		return ~(uint64_t)0;
	lines = ((uint64_t)2 << behind) - 1;
	return lines << first % 64 | lines >> (-first % 64); /* rotated; by 0, twice the same */
}

/* What was staged for the bytes that were looked for. */
struct found {
	uint8_t *place; /* of all of them, in the log, or null */
	bool overlap;   /* of some of them */
};

/* Without a filter, which is the caller's. */
struct found tx_find(struct twz_tx *tx, struct tx_part *part, uint64_t off, uint64_t bytes);

#endif
