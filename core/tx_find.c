/*
 * tx_find.c - where what is staged stands in the logs (tx_int.h).
 *
 * A transaction of many ranges has an index of them: a hash table of places in the logs, open
 * addressing. A range is in it once, under the block of 256 bytes that it starts in; what is looked
 * for is found from all blocks where a range that overlaps it can start, so tx->reach is the most
 * blocks that one has behind its first. Long ranges are in it under each of their pages instead. The
 * index is made when a search would be long, and takes in what was staged since whenever it is
 * asked, so that staging has nothing to do with it. When it is full (1,536 ranges), the ranges
 * behind `indexed` are walked.
 *
 * The hot path is find_start(): most of what is looked for is a node, whose range begins with it.
 */
#include "core/edit.h"
#include "core/sum.h"
#include "core/tx_int.h"

#define WALK_MAX 12u /* ranges that are walked rather than indexed */
#define BLOCK 256u
#define REACH_MAX 4u /* blocks behind the first of a range that is not long */
#define SLOTS_MIN 128u

/* Tells parts, from 1 on: a division would give their numbers. */
static inline uint32_t mark_of(const struct twz_tx *tx, const struct tx_part *part)
{
	TWZ_PIN(sizeof(*part) % 16 == 0 && sizeof(tx->part) / 16 < 256);
	return (uint32_t)((const uint8_t *)part - (const uint8_t *)tx->part) / 16 + 1;
}

/*
 * A slot's value: 0 to 15 the place of a range in the log, in units of 16; 16 to 23 the part's mark;
 * 24 to 31 bits of the hash, so that mostly only what is looked for is looked at.
 */
static inline uint64_t hash_of(const struct twz_tx *tx, const struct tx_part *part, uint64_t number)
{
	return (number + mark_of(tx, part)) * TWZ_SUM_K;
}

static inline uint32_t slot_of(const struct twz_tx *tx, uint64_t hash)
{
	return (uint32_t)(hash >> 32) & (tx->nslots - 1);
}

static inline uint32_t tag_of(const struct twz_tx *tx, const struct tx_part *part, uint64_t hash)
{
	return (uint32_t)(hash >> 56) << 8 | mark_of(tx, part);
}

/* Numbers under which a range is found: of blocks, or of pages with a bit to tell them. */
struct keys {
	uint64_t first, last;
};

static inline struct keys block_keys(uint64_t off, uint64_t bytes)
{
	return (struct keys){off / BLOCK, (off + bytes - 1) / BLOCK};
}

static inline struct keys page_keys(uint64_t off, uint64_t bytes)
{
	const uint64_t page = (uint64_t)1 << 40;

	return (struct keys){page | off / TWZ_PAGE, page | (off + bytes - 1) / TWZ_PAGE};
}

/* ---- taking ranges in ------------------------------------------------------------------------ */

/* Takes the range at p in, unless the table would be more than 3/4 full. */
static bool index_range(struct twz_tx *tx, const struct tx_part *part, const uint8_t *p)
{
	uint64_t range = *(const uint64_t *)p, off = range >> LOG_LENGTH_BITS;
	struct keys keys = block_keys(off, range & LOG_LENGTH_MASK);
	uint64_t reach = keys.last - keys.first;

	keys.last = keys.first;
	if (reach > REACH_MAX) {
		keys = page_keys(off, range & LOG_LENGTH_MASK);
		reach = 0;
		tx->special |= LONG;
	}
	if (tx->nused + (keys.last - keys.first + 1) > tx->nslots / 4 * 3)
		return false;
	for (uint64_t number = keys.first; number <= keys.last; number++) {
		uint64_t hash = hash_of(tx, part, number);
		uint32_t i = slot_of(tx, hash);

		while (tx->slot[i])
			i = (i + 1) & (tx->nslots - 1);
		tx->slot[i] = tag_of(tx, part, hash) << 16 | (uint32_t)(p - start_of(part)) / 16;
		tx->nused++;
	}
	if (tx->reach < reach)
		tx->reach = (uint32_t)reach;
	return true;
}

static void index_clear(struct twz_tx *tx, uint32_t nslots)
{
	memset(tx->slot, 0, nslots * sizeof(*tx->slot));
	tx->nslots = nslots;
	tx->nused = 0;
	tx->reach = 0;
	for (uint32_t i = 0; i < tx->nparts; i++)
		tx->part[i].indexed = start_of(&tx->part[i]);
	tx->special |= INDEXED;
}

static __attribute__((noinline)) void index_update(struct twz_tx *tx, struct tx_part *part)
{
	if (!(tx->special & INDEXED))
		index_clear(tx, SLOTS_MIN);
	while (part->indexed < part->tail) {
		if (index_range(tx, part, part->indexed))
			part->indexed +=
				log_range_bytes(*(uint64_t *)part->indexed & LOG_LENGTH_MASK);
		else if (tx->nslots < TX_SLOTS)
			index_clear(tx, tx->nslots * 4);
		else
			return;
	}
}

/* ---- finding --------------------------------------------------------------------------------- */

static inline bool compare(uint8_t *p, uint64_t off, uint64_t bytes, struct found *found)
{
	uint64_t range = *(uint64_t *)p, start = range >> LOG_LENGTH_BITS;
	uint64_t end = start + (range & LOG_LENGTH_MASK);

	if (off >= end || off + bytes <= start)
		return false;
	found->overlap = true;
	if (off >= start && off + bytes <= end)
		found->place = p + 8 + (off - start);
	return true;
}

static inline bool look_at(const struct twz_tx *tx, const struct tx_part *part, uint64_t number,
			   uint64_t off, uint64_t bytes, struct found *found)
{
	uint64_t hash = hash_of(tx, part, number);
	uint32_t i = slot_of(tx, hash), tag = tag_of(tx, part, hash), value;

	for (; (value = tx->slot[i]); i = (i + 1) & (tx->nslots - 1))
		if (value >> 16 == tag &&
		    compare(start_of(part) + (value & 0xffff) * 16, off, bytes, found))
			return true;
	return false;
}

static bool look_up(const struct twz_tx *tx, const struct tx_part *part, uint64_t off,
		    uint64_t bytes, struct found *found)
{
	struct keys keys = block_keys(off, bytes);
	uint64_t least = keys.first < tx->reach ? 0 : keys.first - tx->reach;

	/* Mostly what is looked for is what was staged: it starts in the same block. */
	for (uint64_t number = keys.first; number <= keys.last; number++)
		if (look_at(tx, part, number, off, bytes, found))
			return true;
	for (uint64_t number = least; number < keys.first; number++)
		if (look_at(tx, part, number, off, bytes, found))
			return true;
	if (!(tx->special & LONG))
		return false;
	keys = page_keys(off, bytes);
	for (uint64_t number = keys.first; number <= keys.last; number++)
		if (look_at(tx, part, number, off, bytes, found))
			return true;
	return false;
}

/* Looks at the ranges from p on. True: it is found, or all are looked at; false: more than `max`. */
static bool walk(const struct tx_part *part, uint8_t *p, unsigned max, uint64_t off, uint64_t bytes,
		 struct found *found)
{
	for (; p < part->tail; p += log_range_bytes(*(uint64_t *)p & LOG_LENGTH_MASK))
		if (!max-- || compare(p, off, bytes, found))
			break;
	return p == part->tail || found->overlap;
}

struct found tx_find(struct twz_tx *tx, struct tx_part *part, uint64_t off, uint64_t bytes)
{
	struct found found = {NULL, false};

	if (!(tx->special & INDEXED) && walk(part, start_of(part), WALK_MAX, off, bytes, &found))
		return found;
	index_update(tx, part);
	if (!look_up(tx, part, off, bytes, &found))
		walk(part, part->indexed, ~0u, off, bytes, &found);
	return found;
}

/* As tx_find, for a range that begins there. */
static __attribute__((noinline)) uint8_t *start_in(struct twz_tx *tx, struct tx_part *part,
						   uint64_t off, uint64_t bytes)
{
	struct found found = {NULL, false};

	if (!(tx->special & INDEXED) && walk(part, start_of(part), WALK_MAX, off, bytes, &found))
		return found.place;
	index_update(tx, part);
	if (!look_at(tx, part, off / BLOCK, off, bytes, &found) &&
	    (!(tx->special & LONG) ||
	     !look_at(tx, part, page_keys(off, bytes).first, off, bytes, &found)))
		walk(part, part->indexed, ~0u, off, bytes, &found);
	return found.place;
}

static __attribute__((noinline)) uint8_t *start_else(struct twz_tx *tx, const void *addr,
						     uint64_t bytes)
{
	struct tx_part *part = part_at(tx, obj_base(addr));

	return part ? start_in(tx, part, obj_offset(addr), bytes) : NULL;
}

/* Null: nothing is staged that begins with these bytes. */
static inline uint8_t *find_start(struct twz_tx *tx, const void *addr, uint64_t bytes)
{
	struct tx_part *part = tx->last;
	uint64_t off = (uint64_t)((const uint8_t *)addr - part->base), hash;
	uint32_t i, tag, value;

	if (unlikely(off - TWZ_OBJ_FOT >= part->data))
		return start_else(tx, addr, bytes);
	if (!(part->filter >> line_of(off) & 1))
		return NULL;
	if (unlikely((tx->special & (INDEXED | LONG)) != INDEXED || part->indexed != part->tail))
		return start_in(tx, part, off, bytes);
	hash = hash_of(tx, part, off / BLOCK);
	tag = tag_of(tx, part, hash);
	for (i = slot_of(tx, hash); (value = tx->slot[i]); i = (i + 1) & (tx->nslots - 1)) {
		uint8_t *p = start_of(part) + (value & 0xffff) * 16;
		uint64_t range;

		if (value >> 16 != tag)
			continue;
		range = *(const uint64_t *)p;
		if (range >> LOG_LENGTH_BITS == off && (range & LOG_LENGTH_MASK) >= bytes)
			return p + 8;
	}
	return NULL;
}

void *tx_find_start(struct twz_tx *tx, const void *addr, uint64_t bytes)
{
	return unlikely(tx->error) ? NULL : find_start(tx, addr, bytes);
}

const void *tx_read_whole(const struct twz_tx *tx, const void *addr)
{
	uint8_t *place = find_start((struct twz_tx *)tx, addr, 8); /* it keeps an index */

	return place ? place : addr;
}

const void *twz_tx_read(const struct twz_tx *tx, const void *addr, uint64_t bytes)
{
	struct tx_part *part = tx->last;
	uint64_t off = (uint64_t)((const uint8_t *)addr - part->base);
	struct found found;

	if (unlikely(off - TWZ_OBJ_FOT >= part->data)) {
		part = part_at(tx, obj_base(addr));
		if (!part)
			return addr;
		off = obj_offset(addr);
	}
	if (likely(!(part->filter & lines_of(off, bytes))))
		return addr;
	found = tx_find((struct twz_tx *)tx, part, off, bytes);
	return found.place ? found.place : addr;
}
