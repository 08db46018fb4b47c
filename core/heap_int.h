/*
 * heap_int.h - what the parts of the heap share: size classes, heads of blocks, a first look
 * (docs/format/heap.md). heap.c gives out and takes back, trim.c merges and shrinks.
 */
#ifndef TWZ_CORE_HEAP_INT_H
#define TWZ_CORE_HEAP_INT_H

#include "core/edit.h"
#include "core/heap.h"
#include "core/ptr.h"

#define GRANULE 16u
#define HEAD sizeof(struct twz_block_head)
#define BYTES_MAX (TWZ_SLOT_SIZE - TWZ_OBJ_DATA)
#define BLOCK_MIN (HEAD + GRANULE)

/* ---- size classes: 1 to 4 granules, then four for each power of two --------------------------- */

static inline unsigned class_of(uint64_t bytes)
{
	uint64_t last = (bytes - 1) / GRANULE; /* granules - 1 */
	unsigned k;

	if (last < 4)
		return (unsigned)last;
	k = 61 - (unsigned)__builtin_clzll(last);
	return 4 * k + (unsigned)(last >> k); /* 4 + 4 k + (last >> k) - 4 */
}

static inline uint64_t class_bytes(unsigned size_class)
{
	unsigned k = size_class / 4;

	if (!k)
		return (uint64_t)(size_class + 1) * GRANULE;
	return (uint64_t)(size_class % 4 + 5) << (k - 1) << 4;
}

/* Of a block, with its head. */
static inline uint64_t block_bytes(unsigned size_class)
{
	return HEAD + class_bytes(size_class);
}

/*
 * The class of the first block that free memory is cut into: the largest that fits, unless it would
 * leave less than a block. `bytes` is a multiple of 16, at least BLOCK_MIN. Each further one is of
 * a smaller class.
 */
static inline unsigned class_within(uint64_t bytes)
{
	unsigned size_class = class_of(bytes - HEAD);

	if (block_bytes(size_class) > bytes)
		size_class--;
	if (bytes - block_bytes(size_class) == GRANULE)
		size_class--;
	return size_class;
}

/* ---- heads of blocks -------------------------------------------------------------------------- */

static inline struct twz_block_head *head_of(const void *payload)
{
	return (struct twz_block_head *)payload - 1;
}

/* The head's first word: a free one's also has the next free payload / 16 in its upper half. */
static inline uint64_t head_word(uint32_t magic, uint32_t size_class)
{
	return magic | size_class << 16;
}

static inline uint64_t free_word(uint32_t magic, uint32_t size_class, uint64_t next)
{
	return head_word(magic, size_class) | next / GRANULE << 32;
}

static inline bool is_free(uint16_t magic)
{
	return magic == TWZ_BLOCK_FREE || magic == TWZ_BLOCK_CUT || magic == TWZ_BLOCK_BARE;
}

/* Is it the head of a free block of the class? */
static inline bool is_free_word(uint64_t word, uint32_t size_class)
{
	return __builtin_expect((uint32_t)word == head_word(TWZ_BLOCK_FREE, size_class), 1) ||
	       ((uint32_t)word >> 16 == size_class && is_free((uint16_t)word));
}

/* ---- looking at a heap that anyone may have written to ---------------------------------------- */

/* The heap of the object at base, or null if there is none that makes sense. */
static inline struct twz_heap *heap_of(const uint8_t *base)
{
	uint64_t off = ((const struct twz_meta *)(base + TWZ_OBJ_META))->heap;
	struct twz_heap *heap = (struct twz_heap *)((uintptr_t)base + off); /* perhaps nowhere */

	if (STEP("check", "heap: place") &&
	    (off - TWZ_OBJ_DATA >= BYTES_MAX - sizeof(*heap) || off % GRANULE))
		return NULL;
	if (STEP("check", "heap: magic") && (heap->magic != TWZ_HEAP_MAGIC || heap->version != 1))
		return NULL;
	return heap;
}

/* H1: where the walk over the blocks begins and ends. */
static inline bool heap_bounds_ok(const uint8_t *base, const struct twz_heap *heap)
{
	uint64_t behind = (uint64_t)((const uint8_t *)(heap + 1) - base);

	return heap->start >= behind && heap->start % GRANULE == 0 && heap->top % GRANULE == 0 &&
	       heap->top >= heap->start && heap->top <= heap->end && heap->end <= TWZ_SLOT_SIZE;
}

/* Can a block's payload begin at this offset? Its head can be read then, and its start stored. */
static inline bool is_place(uint64_t payload)
{
	return payload - (TWZ_OBJ_DATA + HEAD) < BYTES_MAX - HEAD && payload % GRANULE == 0;
}

#endif
