/*
 * block.h - blocks of a heap, as containers use them: found by offsets that nobody trusts, and
 * written before they count.
 */
#ifndef TWZ_CORE_BLOCK_H
#define TWZ_CORE_BLOCK_H

#include "core/heap.h"
#include "core/probe.h"
#include "core/ptr.h"
#include "core/step.h"

#define BLOCK_HEAD sizeof(struct twz_block_head)
#define BLOCK_SPAN (TWZ_SLOT_SIZE - TWZ_OBJ_DATA - BLOCK_HEAD) /* where payloads can lie */

/*
 * The payload at this offset of the object at base, if it and that many bytes lie where a heap can
 * be; else null. No memory is touched.
 */
static inline uint8_t *block_at(uint8_t *base, uint64_t offset, uint64_t bytes)
{
	if (STEP("check", "block: place") &&
	    (bytes > BLOCK_SPAN || offset - (TWZ_OBJ_DATA + BLOCK_HEAD) > BLOCK_SPAN - bytes ||
	     offset % 16))
		return NULL;
	return base + offset;
}

/* For checkers: a used block with room for that many bytes. *all gets what it takes of the heap. */
static inline bool block_used(uint8_t *base, uint64_t offset, uint64_t bytes, uint64_t *all)
{
	const uint8_t *p = block_at(base, offset, bytes);

	if (!p || ((const struct twz_block_head *)(const void *)p - 1)->magic != TWZ_BLOCK_USED)
		return false;
	*all = BLOCK_HEAD + heap_size(p);
	return heap_size(p) >= bytes;
}

/*
 * Makes the pages of memory that plain stores are to fill, as far as they are not there or shared.
 * The object is locked.
 */
static inline int block_touch(uint8_t *p, uint64_t bytes)
{
	uint8_t *end = p + bytes;

	for (; p < end; p = (uint8_t *)(((uintptr_t)p | (TWZ_PAGE - 1)) + 1))
		PROBE(p, fail);
	return 0;
fail:
	return tx_env.touch(p, (uint64_t)(end - p));
}

#endif
