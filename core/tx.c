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
#include "core/tx_int.h"

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

static inline struct twz_log_record *record_of(const struct tx_part *part)
{
	return (struct twz_log_record *)(part->base + TWZ_OBJ_LOG);
}

static inline uint64_t ranges_of(const struct tx_part *part)
{
	return (uint64_t)(part->tail - start_of(part));
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
		found = tx_find(tx, part, off, bytes);
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
