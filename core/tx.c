/*
 * tx.c - transactions over mapped objects (tx.h). The protocol and its proof: docs/format/log.md.
 *
 * The hot path is append() for each range and twz_tx_commit(): both are counted (bench/core.c).
 */
#include "core/edit.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/probe.h"
#include "core/ptr.h"
#include "core/sum.h"
#include "core/tx.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct tx_env tx_env;

/* ---- pages that may not be there ------------------------------------------------------------- */

/* Distances from where they stand. */
struct fixup {
	int32_t probe, fail;
};
extern const struct fixup __start_twz_fixup[], __stop_twz_fixup[];

uintptr_t tx_fixup(uintptr_t ip)
{
	for (const struct fixup *f = __start_twz_fixup; f < __stop_twz_fixup; f++)
		if ((uintptr_t)&f->probe + (uintptr_t)f->probe == ip)
			return (uintptr_t)&f->fail + (uintptr_t)f->fail;
	return 0;
}

static int touch(uint8_t *p, uint64_t bytes)
{
	uint8_t *end = p + bytes;

	for (; p < end; p = (uint8_t *)(((uintptr_t)p | (TWZ_PAGE - 1)) + 1))
		PROBE(p, fail);
	return 0;
fail:
	return tx_env.touch(p, (uint64_t)(end - p));
}

/* ---- participants ---------------------------------------------------------------------------- */

static inline struct twz_log_head *head_of(const struct tx_part *part)
{
	return &((struct twz_meta *)(part->base + TWZ_OBJ_META))->log;
}

static inline struct twz_log_record *record_of(const struct tx_part *part)
{
	return (struct twz_log_record *)(part->base + TWZ_OBJ_LOG);
}

/* Of the record's body. */
static inline uint8_t *start_of(const struct tx_part *part)
{
	return part->base + TWZ_OBJ_LOG + sizeof(struct twz_log_record);
}

static inline uint64_t ranges_of(const struct tx_part *part)
{
	return (uint64_t)(part->tail - start_of(part));
}

static struct tx_part *part_at(const struct twz_tx *tx, const uint8_t *base)
{
	for (uint32_t i = 0; i < tx->nparts; i++)
		if (tx->part[i].base == base)
			return (struct tx_part *)&tx->part[i];
	return NULL;
}

/* From now on every range goes to stage(), which knows the error. */
static void *fail(struct twz_tx *tx, int error)
{
	tx->error = error;
	tx->last->data = 0;
	return NULL;
}

int tx_fail(struct twz_tx *tx, int error)
{
	if (!tx->error)
		fail(tx, error);
	return error;
}

/*
 * Why commit must look closer: there is fresh memory to be fenced; perhaps there are no ranges.
 * And for staged(): there is an index; with long ranges.
 */
enum { FRESH = 1, ADDED = 2, INDEXED = 4, LONG = 8 };

/* Bytes of a range that append() takes. */
#define SHORT 64u

static inline void part_init(struct tx_part *part, uint8_t *base, uint64_t span)
{
	part->base = base;
	part->data = span - TWZ_OBJ_FOT - SHORT;
	part->tail = base + TWZ_OBJ_LOG + sizeof(struct twz_log_record);
	part->room = base + TWZ_OBJ_LOG + TWZ_PAGE;
	part->filter = 0;
}

int tx_part_lock(uint8_t *base)
{
	struct twz_log_head *head = &((struct twz_meta *)(base + TWZ_OBJ_META))->log;
	struct twz_log_record *record = (struct twz_log_record *)(base + TWZ_OBJ_LOG);
	uint64_t seen = 0;
	int error;

	error = touch((uint8_t *)head->reserved, 1);
	if (!error)
		error = touch((uint8_t *)&record->reserved, 1);
	while (!error && !pmem_cas64(&head->lock, &seen, tx_env.owner)) {
		error = tx_env.contended(base, &head->lock, seen);
		seen = 0;
	}
	return error;
}

/* Has the transaction locked this object already, by another mapping? It would wait for itself. */
static bool has_mapped_else(const struct twz_tx *tx, uint8_t *base)
{
	const struct twz_id id = tx_env.id(base);

	for (uint32_t i = 0; i < tx->nparts; i++) {
		struct twz_id other = tx_env.id(tx->part[i].base);

		if (other.lo == id.lo && other.hi == id.hi)
			return true;
	}
	return false;
}

/* A child of fork has a copy of what its parent staged, and none of the locks: the logs are the parent's. */
static int error_of(struct twz_tx *tx)
{
	if (tx->nparts && STEP("check", "tx: of the parent") && tx->owner != tx_env.owner)
		fail(tx, TWZ_E_FORKED);
	return tx->error;
}

/* Locks one more object, which becomes tx->last; null after an error. */
static struct tx_part *add(struct twz_tx *tx, uint8_t *base)
{
	int error = tx->nparts == TWZ_LOG_PARTS_MAX ? TWZ_E_LIMIT : 0;

	if (!error && !tx_part_trylock(base))
		error = has_mapped_else(tx, base) ? TWZ_E_BUSY : tx_part_lock(base);
	if (error)
		return fail(tx, error);
	tx->special |= ADDED;
	tx->owner = tx_env.owner;
	tx->last = &tx->part[tx->nparts++];
	part_init(tx->last, base, obj_span(base));
	tx->last->indexed = tx->last->tail;
	return tx->last;
}

static __attribute__((noinline)) int unlock_wake(struct twz_log_head *head)
{
	uint64_t seen = tx_env.owner;

	while (!pmem_cas64(&head->lock, &seen, 0))
		;
	tx_env.wake(&head->lock);
	return 0;
}

static inline int unlock(struct twz_log_head *head)
{
	uint64_t seen = tx_env.owner;

	if (unlikely(!pmem_cas64(&head->lock, &seen, 0)))
		return unlock_wake(head);
	return 0;
}

/* ---- staging --------------------------------------------------------------------------------- */

/* In a function of its own: the hot ones, which do not get here, need not save registers for it. */
static __attribute__((noinline)) void copy_long(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
	pmem_copy(to, from, bytes);
}

/*
 * Ranges are mostly short: copied here, without a call. The empty asm keeps the compiler from making
 * one.
 */
static inline void copy(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
#if TWZ_SIM || TWZ_TSAN
	copy_long(to, from, bytes);
#else
	if (likely(bytes == 64)) {
		memcpy(to, from, 64);
		return;
	}
	if (unlikely(bytes > 2 * SHORT)) {
		copy_long(to, from, bytes);
		return;
	}
	while (bytes >= 8) {
		memcpy(to, from, 8);
		to += 8, from += 8, bytes -= 8;
		__asm__("" : "+r"(bytes));
	}
	while (bytes) {
		*to++ = *from++, bytes--;
		__asm__("" : "+r"(bytes));
	}
#endif
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

static inline uint8_t *put_range(struct tx_part *part, uint8_t *range, uint64_t off, uint64_t bytes,
				 uint64_t filter)
{
	part->tail = range + log_range_bytes(bytes);
	part->filter = filter;
	pmem_store64((uint64_t *)range, off << LOG_LENGTH_BITS | bytes);
	return range + 8;
}

/*
 * Adds the range if nothing stands against it: the transaction is this process's, it is short, in data or the FOT, in no line that a
 * range may lie in already, and fits into the log's page in use. Its place in the log, or null.
 * With `bytes` known to be 8 this is the aligned word of twz_tx_set.
 */
static inline __attribute__((always_inline)) uint8_t *
append(const struct twz_tx *tx, struct tx_part *part, uint8_t *addr, uint64_t bytes)
{
	uint64_t off = (uint64_t)(addr - part->base), filter = part->filter, lines;
	uint8_t *range = part->tail;

	if (unlikely(off - TWZ_OBJ_FOT >= part->data || tx->owner != tx_env.owner))
		return NULL;
	if (__builtin_constant_p(bytes) && bytes == 8) {
		if (unlikely(filter >> line_of(off) & 1))
			return NULL;
		filter |= (uint64_t)1 << line_of(off);
	} else {
		lines = (uint64_t)1 << line_of(off) | (uint64_t)1 << line_of(off + bytes - 1);
		if (unlikely(filter & lines || bytes - 1 >= SHORT))
			return NULL;
		filter |= lines;
		PROBE(addr + bytes - 1, no_page);
	}
	if (unlikely(range + log_range_bytes(bytes) > part->room))
		return NULL;
	if (__builtin_constant_p(bytes) && bytes == 8 && off % 8)
		return NULL;
	PROBE(addr, no_page);
	return put_range(part, range, off, bytes, filter);
no_page:
	return NULL;
}

/* ---- finding what is staged ------------------------------------------------------------------ */

/*
 * A transaction of many ranges has an index of them: a hash table of places in the logs, open
 * addressing. A range is in it once, under the line that it starts in; what is looked for is found
 * from all lines where a range that overlaps it can start, so tx->reach is the most lines that one
 * has. Long ranges are in it under each of their pages instead. The index is made when a search
 * would be long, and takes in what was staged since whenever it is asked, so that staging has
 * nothing to do with it. When it is full (1,536 ranges), the ranges behind `indexed` are walked.
 */
#define WALK_MAX 12u  /* ranges that are walked rather than indexed */
#define REACH_MAX 16u /* lines of a range that is not long */
#define SLOTS_MIN 128u

/*
 * A slot's value: 0 to 15 the place of a range in the log, in units of 16; 16 to 22 the part, from 1
 * on; 23 to 31 bits of the hash, so that mostly only what is looked for is looked at.
 */
static uint64_t hash_of(const struct twz_tx *tx, const struct tx_part *part, uint64_t number)
{
	return (number + (uint64_t)(part - tx->part)) * TWZ_SUM_K;
}

static uint32_t slot_of(const struct twz_tx *tx, uint64_t hash)
{
	return (uint32_t)(hash >> 32) & (tx->nslots - 1);
}

static uint32_t tag_of(const struct twz_tx *tx, const struct tx_part *part, uint64_t hash)
{
	return (uint32_t)(hash >> 55) << 7 | (uint32_t)(part - tx->part + 1);
}

/* Numbers under which a range is found: of lines, or of pages with a bit to tell them. */
struct keys {
	uint64_t first, last;
};

static struct keys line_keys(uint64_t off, uint64_t bytes)
{
	return (struct keys){off / TWZ_LINE, (off + bytes - 1) / TWZ_LINE};
}

static struct keys page_keys(uint64_t off, uint64_t bytes)
{
	const uint64_t page = (uint64_t)1 << 40;

	return (struct keys){page | off / TWZ_PAGE, page | (off + bytes - 1) / TWZ_PAGE};
}

/* Takes the range at p in, unless the table would be more than 3/4 full. */
static bool index_range(struct twz_tx *tx, const struct tx_part *part, const uint8_t *p)
{
	uint64_t range = *(const uint64_t *)p, off = range >> LOG_LENGTH_BITS;
	struct keys keys = line_keys(off, range & LOG_LENGTH_MASK);
	uint64_t reach = keys.last - keys.first;

	keys.last = keys.first;
	if (reach >= REACH_MAX) {
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

static void index_update(struct twz_tx *tx, struct tx_part *part)
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

/* What a range that was found has of the one that was looked for. */
struct found {
	uint8_t *place; /* of all of it, or null */
	bool overlap;
};

static bool compare(uint8_t *p, uint64_t off, uint64_t bytes, struct found *found)
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

static bool look_at(const struct twz_tx *tx, const struct tx_part *part, uint64_t number,
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
	struct keys keys = line_keys(off, bytes);
	uint64_t least = keys.first < tx->reach ? 0 : keys.first - tx->reach;

	/* Mostly what is looked for is what was staged: it starts in the same line. */
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

/*
 * Looks at the ranges from p on. True: it is found, or all are looked at. False: there are more than
 * `max`, or an index of them.
 */
static bool walk(const struct tx_part *part, uint8_t *p, unsigned max, uint64_t off, uint64_t bytes,
		 struct found *found)
{
	if (max != ~0u && part->indexed > p)
		return false;
	for (; p < part->tail; p += log_range_bytes(*(uint64_t *)p & LOG_LENGTH_MASK))
		if (!max-- || compare(p, off, bytes, found))
			break;
	return p == part->tail || found->overlap;
}

/* The range that was staged for these bytes, or for some of them. */
static struct found staged(struct twz_tx *tx, struct tx_part *part, uint64_t off, uint64_t bytes)
{
	struct found found = {NULL, false};

	if (walk(part, start_of(part), WALK_MAX, off, bytes, &found))
		return found;
	index_update(tx, part);
	if (!look_up(tx, part, off, bytes, &found))
		walk(part, part->indexed, ~0u, off, bytes, &found);
	return found;
}

/* The same for a word that a range is known to begin with, if there is one. */
static struct found staged_at(struct twz_tx *tx, struct tx_part *part, uint64_t off)
{
	struct found found = {NULL, false};

	if (walk(part, start_of(part), WALK_MAX, off, 8, &found))
		return found;
	index_update(tx, part);
	if (!look_at(tx, part, off / TWZ_LINE, off, 8, &found) &&
	    (!(tx->special & LONG) || !look_at(tx, part, page_keys(off, 8).first, off, 8, &found)))
		walk(part, part->indexed, ~0u, off, 8, &found);
	return found;
}

/* ---- staging, in general --------------------------------------------------------------------- */

/* Makes room for that many more bytes in the part's log. */
int tx_part_room(struct tx_part *part, uint64_t bytes)
{
	uint8_t *end = part->tail + bytes;
	int error;

	if (bytes > (uint64_t)(part->base + TWZ_OBJ_LOG_END - part->tail))
		return TWZ_E_TXFULL;
	if (end <= part->room)
		return 0;
	error = touch(part->room, (uint64_t)(end - part->room));
	if (!error)
		part->room = (uint8_t *)(((uintptr_t)end + TWZ_PAGE - 1) & -(uintptr_t)TWZ_PAGE);
	return error;
}

int tx_room(struct twz_tx *tx, const void *addr, uint64_t bytes)
{
	return error_of(tx) ? tx->error : tx_part_room(part_at(tx, obj_base(addr)), bytes);
}

/* What append() would not do to a part: everything else that is right, and the errors. */
static uint8_t *stage_rest(struct twz_tx *tx, struct tx_part *part, uint8_t *addr, uint64_t bytes)
{
	uint64_t off = (uint64_t)(addr - part->base), lines;
	struct found found;
	uint8_t *place;
	int error;

	if (bytes > obj_span(addr) - off || !log_range_ok(off, bytes))
		return fail(tx, TWZ_E_RANGE);
	lines = lines_of(off, bytes);
	if (part->filter & lines) {
		found = staged(tx, part, off, bytes);
		if (found.overlap)
			return found.place ? found.place : fail(tx, TWZ_E_ARG);
	}
	error = tx_part_room(part, log_range_bytes(bytes));
	if (!error)
		error = touch(addr, bytes);
	if (error)
		return fail(tx, error);
	place = put_range(part, part->tail, off, bytes, part->filter | lines);
	copy(place, addr, bytes);
	return place;
}

/* The staged copy of the range in whatever object; null after an error. */
static __attribute__((noinline)) void *stage(struct twz_tx *tx, uint8_t *addr, uint64_t bytes)
{
	uint8_t *base = obj_base(addr), *place;
	struct tx_part *part;

	if (error_of(tx))
		return NULL;
	if (tx->nparts && tx->last->base == base)
		return stage_rest(tx, tx->last, addr, bytes); /* the caller has tried append */
	part = part_at(tx, base);
	if (!part)
		part = add(tx, base);
	if (!part)
		return NULL;
	tx->last = part;
	place = append(tx, part, addr, bytes);
	if (!place)
		return stage_rest(tx, part, addr, bytes);
	copy(place, addr, bytes);
	return place;
}

static __attribute__((noinline)) int set_rest(struct twz_tx *tx, uint64_t *addr, uint64_t value)
{
	uint64_t *place = stage(tx, (uint8_t *)addr, sizeof(value));

	if (!place)
		return tx->error;
	pmem_store64(place, value);
	return 0;
}

/*
 * The first range of a transaction, if all is as it mostly is: the object in a standard slot and
 * not locked, the range as append() takes it. Its place in the log, or null: nothing was done.
 */
static inline __attribute__((always_inline)) uint8_t *append_first(struct twz_tx *tx, uint8_t *addr,
								   uint64_t bytes)
{
	uint8_t *base = (uint8_t *)((uintptr_t)addr & -TWZ_SLOT_SIZE);
	uint64_t off = (uint64_t)(addr - base), filter = (uint64_t)1 << line_of(off);

	if (unlikely(tx->error || tx->nparts || tx->special || (uintptr_t)addr >> TWZ_PLACE_BIT ||
		     off - TWZ_OBJ_FOT >= TWZ_SLOT_SIZE - TWZ_OBJ_FOT - SHORT))
		return NULL;
	if (__builtin_constant_p(bytes) && bytes == 8) {
		if (unlikely(off % 8))
			return NULL;
	} else {
		if (unlikely(bytes - 1 >= SHORT))
			return NULL;
		filter |= (uint64_t)1 << line_of(off + bytes - 1);
		PROBE(addr + bytes - 1, no_page);
	}
	PROBE(addr, no_page);
	if (unlikely(!tx_part_trylock(base)))
		return NULL;

	tx->nparts = 1;
	tx->special = 0;
	tx->error = 0;
	tx->owner = tx_env.owner;
	part_init(tx->part, base, TWZ_SLOT_SIZE); /* tx->last since begin */
	return put_range(tx->part, start_of(tx->part), off, bytes, filter);
no_page:
	return NULL;
}

static __attribute__((noinline)) void *stage_first(struct twz_tx *tx, uint8_t *addr, uint64_t bytes)
{
	uint8_t *place = append_first(tx, addr, bytes);

	if (unlikely(!place))
		return stage(tx, addr, bytes);
	copy(place, addr, bytes);
	return place;
}

static __attribute__((noinline)) int set_first(struct twz_tx *tx, uint64_t *addr, uint64_t value)
{
	uint8_t *place = append_first(tx, (uint8_t *)addr, sizeof(value));

	if (unlikely(!place))
		return set_rest(tx, addr, value);
	pmem_store64((uint64_t *)place, value);
	return 0;
}

int twz_tx_add(struct twz_tx *tx, const void *addr)
{
	if (!error_of(tx) && !part_at(tx, obj_base(addr)))
		add(tx, obj_base(addr));
	return tx->error;
}

void *twz_tx_write(struct twz_tx *tx, void *addr, uint64_t bytes)
{
	uint8_t *place = append(tx, tx->last, addr, bytes);

	if (unlikely(!place))
		return stage_first(tx, addr, bytes);
	copy(place, addr, bytes);
	return place;
}

int twz_tx_set(struct twz_tx *tx, uint64_t *addr, uint64_t value)
{
	uint8_t *place = append(tx, tx->last, (uint8_t *)addr, sizeof(value));

	if (unlikely(!place))
		return set_first(tx, addr, value);
	pmem_store64((uint64_t *)place, value);
	return 0;
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
	found = staged((struct twz_tx *)tx, part, off, bytes); /* it keeps an index */
	return found.place ? found.place : addr;
}

const void *tx_read_whole(const struct twz_tx *tx, const void *addr)
{
	uint8_t *base = obj_base(addr);
	struct tx_part *part = tx->last->base == base ? tx->last : part_at(tx, base);
	struct found found = {NULL, false};
	uint64_t off = (uint64_t)((const uint8_t *)addr - base);

	if (!tx->nparts || !part || !(part->filter >> line_of(off) & 1))
		return addr;
	found = staged_at((struct twz_tx *)tx, part, off);
	return found.place ? found.place : addr;
}

void twz_tx_fresh(struct twz_tx *tx, const void *addr, uint64_t bytes)
{
	pmem_flush("tx: fresh memory", addr, bytes);
	tx->special |= FRESH;
}

/* ---- commit ---------------------------------------------------------------------------------- */

/*
 * Writes the record's header over what is staged, up to tail, which is more than nothing; nothing
 * can fail here. Returns the sum.
 */
static inline __attribute__((always_inline)) uint64_t write_record(enum pmem_kind kind,
								   uint8_t *base, uint8_t *tail,
								   uint64_t seed, uint64_t seq,
								   uint64_t counts)
{
	struct twz_log_record *record = (struct twz_log_record *)(base + TWZ_OBJ_LOG);
	const uint64_t *p = (const uint64_t *)(record + 1);
	uint64_t sum = twz_sum_step(seed, seq, counts);

	pmem_store64(&record->seq, seq);
	pmem_store64((uint64_t *)&record->ranges, counts);
	do
		sum = twz_sum_step(sum, p[0], p[1]);
	while (p += 2, (const uint8_t *)p < tail);
	pmem_store64(&record->sum, sum);
	pmem_flush_as(kind, "tx: record", __builtin_assume_aligned(record, TWZ_LINE),
		      (uint64_t)(tail - (uint8_t *)record));
	return sum;
}

static inline bool is_word(uint64_t range)
{
	return (range & (LOG_LENGTH_MASK | (uint64_t)7 << LOG_LENGTH_BITS)) == 8;
}

/* Stores the range at p in place; returns where the next one is. */
static inline __attribute__((always_inline)) const uint8_t *apply(enum pmem_kind kind,
								  uint8_t *base, const uint8_t *p)
{
	uint64_t range = *(const uint64_t *)p, bytes = range & LOG_LENGTH_MASK;
	uint8_t *to = base + (range >> LOG_LENGTH_BITS);

	if (is_word(range)) {
		pmem_store64((uint64_t *)to, *(const uint64_t *)(p + 8));
		pmem_flush_as(kind, "tx: word in place", to, 8);
		return p + 16;
	}
	copy(to, p + 8, bytes);
	pmem_flush_as(kind, "tx: range in place", to, bytes);
	return p + log_range_bytes(bytes);
}

/* From now on readers wait, or read again (read.h): before the first store in place. */
static inline void announce(struct twz_log_head *head, uint64_t seq)
{
	if (STEP("log", "tx: storing"))
		pmem_store64(&head->storing, seq);
	/* The compiler keeps the order, and this processor stores in order. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Behind the commit point: all that is left for n objects, from p on in the first. */
static __attribute__((noinline)) int finish(struct tx_part *first, uint32_t n, const uint8_t *p)
{
	struct tx_part *part = first, *end = first + n;

	for (;;) {
		while (p < part->tail)
			p = apply(pmem.kind, part->base, p);
		if (++part == end)
			break;
		p = start_of(part);
	}
	pmem_fence("tx: in place");

	for (part = first; part < end; part++)
		if (STEP("log", "tx: retired"))
			pmem_store64(&head_of(part)->retired, record_of(part)->seq);
	for (part = first; part < end; part++)
		unlock(head_of(part));
	return 0;
}

static uint8_t *add_to_list(uint8_t *tail, struct twz_id id, uint64_t seq, uint64_t sum)
{
	struct twz_log_part entry = {id, seq, sum};

	pmem_copy(tail, &entry, sizeof(entry));
	return tail + sizeof(entry);
}

/* The records of several objects: the coordinator's lists the others and is written last. */
static int write_records(struct twz_tx *tx)
{
	struct tx_part *first = tx->part, *end = first + tx->nparts, *part;
	struct twz_id coordinator = tx_env.id(first->base);
	uint8_t *list = first->tail;
	int error = tx_part_room(first, (tx->nparts - 1u) * sizeof(struct twz_log_part));

	for (part = first + 1; part < end && !error; part++)
		error = tx_part_room(part, sizeof(struct twz_log_part));
	if (error)
		return error; /* the last thing that can fail */

	for (part = first + 1; part < end; part++) {
		struct twz_id self = tx_env.id(part->base);
		uint64_t seq = head_of(part)->retired + 1;
		uint64_t sum = write_record(
			pmem.kind, part->base, add_to_list(part->tail, coordinator, 0, 0),
			log_seed(self), seq, log_counts(ranges_of(part), 1, TWZ_LOG_PART));

		list = add_to_list(list, self, seq, sum);
	}
	write_record(pmem.kind, first->base, list, log_seed(coordinator),
		     head_of(first)->retired + 1, log_counts(ranges_of(first), tx->nparts - 1u, 0));
	return 0;
}

/* A transaction of any kind. */
static __attribute__((noinline)) int commit_any(struct twz_tx *tx)
{
	struct tx_part *part = tx->part, *end = part + tx->nparts;
	uint64_t ranges = 0;

	error_of(tx);
	for (part = tx->part; part < end; part++)
		ranges += ranges_of(part);
	if (tx->special & FRESH && !tx->error) {
		/*
		 * A record can be whole before the commit point's fence, so what it publishes has a
		 * fence before it is written. Without a record, no replay may undo the memory.
		 */
		for (part = tx->part; part < end && !ranges; part++)
			pmem_flush("tx: head of fresh", head_of(part), TWZ_LINE);
		pmem_fence("tx: fresh");
	}
	if (ranges && !tx->error)
		tx->error = write_records(tx);
	if (!ranges || tx->error) {
		twz_tx_abort(tx);
		return tx->error;
	}
	pmem_fence("tx: commit point");
	for (part = tx->part; part < end; part++)
		announce(head_of(part), record_of(part)->seq);
	finish(tx->part, tx->nparts, start_of(tx->part));
	tx->nparts = 0;
	return 0;
}

/* One object, with ranges. */
static inline __attribute__((always_inline)) int commit_part(enum pmem_kind kind,
							     struct tx_part *part, uint64_t seed)
{
	uint8_t *base = part->base, *start = start_of(part), *tail = part->tail;
	struct twz_log_head *head = head_of(part);
	uint64_t seq = head->retired + 1;
	const uint8_t *p = start;

	write_record(kind, base, tail, seed, seq, (uint64_t)(tail - start));
	pmem_fence_as(kind, "tx: commit point");
	announce(head, seq);

	do
		if (!is_word(*(const uint64_t *)p))
			return finish(part, 1, p);
	while ((p = apply(kind, base, p)) < tail);
	pmem_fence_as(kind, "tx: in place");

	if (STEP("log", "tx: retired"))
		pmem_store64(&head->retired, seq);
	return unlock(head);
}

static __attribute__((noinline)) int commit_clwb(struct tx_part *part, uint64_t seed)
{
	return commit_part(PMEM_CLWB, part, seed);
}

static __attribute__((noinline)) int commit_kind(struct tx_part *part, uint64_t seed)
{
	return commit_part(pmem.kind, part, seed);
}

int tx_part_end(struct tx_part *part, int error)
{
	uint64_t seed;

	if (unlikely(error || part->tail == start_of(part))) {
		unlock(head_of(part));
		return error;
	}
	seed = log_seed(tx_env.id(part->base));
	return pmem.kind == PMEM_CLWB ? commit_clwb(part, seed) : commit_kind(part, seed);
}

int twz_tx_commit(struct twz_tx *tx)
{
	if (unlikely(tx->nparts != 1 || tx->special || tx->error || tx->owner != tx_env.clwb))
		return commit_any(tx);
	tx->nparts = 0;
	tx->special = 0;
	tx->error = 0;
	return commit_clwb(tx->part, log_seed(tx_env.id(tx->part->base)));
}

void twz_tx_abort(struct twz_tx *tx)
{
	for (uint32_t i = 0; i < tx->nparts && error_of(tx) != TWZ_E_FORKED; i++)
		unlock(head_of(&tx->part[i]));
	tx->nparts = 0;
}

void twz_persist(const void *addr, uint64_t bytes)
{
	pmem_flush("persist: data", addr, bytes);
	pmem_flush("persist: log head", &obj_meta(addr)->log, sizeof(struct twz_log_head));
	pmem_fence("persist");
}
