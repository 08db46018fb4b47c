/*
 * edit.h - a change of a few aligned words in one object, by core's own structures (FOT, heap).
 *
 * It joins the caller's transaction. Without one it is a transaction of its own, in half of what
 * the general form takes: one object, words only, and nothing is looked up that was staged.
 *
 *     error = edit_begin(&e, tx, base);     locks the object
 *     if (error)
 *             return error;
 *     ... edit_get, edit_set ...
 *     return edit_end(&e, tx, error);       commits, or gives up if there is an error
 *
 * tx is the caller's transaction, or null. It is an argument of each, so that a function with a
 * constant null becomes the short form.
 *
 * Look first, then set: whether edit_get sees what the same edit has set is not defined.
 */
#ifndef TWZ_CORE_EDIT_H
#define TWZ_CORE_EDIT_H

#include "core/log.h"
#include "core/pmem.h"
#include "core/probe.h"
#include "core/tx.h"

struct edit {
	struct twz_tx *tx; /* the caller's, or null: then the rest is used */
	int error;
	struct tx_part part;
};

/* tx.c: a part without a transaction. */
int tx_part_lock(uint8_t *base);
int tx_part_room(struct tx_part *part, uint64_t bytes);
int tx_part_end(struct tx_part *part, int error);

/*
 * Room in the log of the object, which takes part, for ranges that take that many bytes of it. An error,
 * TWZ_E_TXFULL or that of a full store, is not the transaction's: who can do less does less.
 */
int tx_room(struct twz_tx *tx, const void *addr, uint64_t bytes);

/*
 * twz_tx_read for what is staged as a whole or not at all, such as a node: the staged copy that begins
 * at addr, else addr. It finds out faster that there is none.
 */
const void *tx_read_whole(const struct twz_tx *tx, const void *addr);

/*
 * The copy of these bytes, one or more, in a range that begins with them, to be changed; null if there is
 * none, or after an error.
 */
void *tx_find_start(struct twz_tx *tx, const void *addr, uint64_t bytes);

/* twz_tx_write for what was mostly staged before, as a range of its own. */
static inline void *tx_write_whole(struct twz_tx *tx, void *addr, uint64_t bytes)
{
	void *copy = tx_find_start(tx, addr, bytes);

	return copy ? copy : twz_tx_write(tx, addr, bytes);
}

/* Locks the object if its pages are there and nobody has it; false: nothing was done. */
static inline bool tx_part_trylock(uint8_t *base)
{
	struct twz_log_head *head = &((struct twz_meta *)(base + TWZ_OBJ_META))->log;
	struct twz_log_record *record = (struct twz_log_record *)(base + TWZ_OBJ_LOG);
	uint64_t seen = 0;

	/* Bytes that nobody stores to: the lock is not held yet. */
	PROBE(head->reserved, no_page);
	PROBE(&record->reserved, no_page);
	if (!pmem_cas64(&head->lock, &seen, tx_env.owner))
		goto no_page;
	return true;
no_page:
	return false;
}

static inline int edit_begin(struct edit *e, struct twz_tx *tx, uint8_t *base)
{
	int error;

	error = tx ? twz_tx_add(tx, base) : tx_part_trylock(base) ? 0 : tx_part_lock(base);
	if (error)
		return error;
	e->error = 0;
	e->part.base = base;
	e->part.tail = base + TWZ_OBJ_LOG + sizeof(struct twz_log_record);
	e->part.room = base + TWZ_OBJ_LOG + TWZ_PAGE;
	return 0;
}

static inline int edit_end(struct edit *e, const struct twz_tx *tx, int error)
{
	if (!error)
		error = tx ? tx->error : e->error;
	return tx ? error : tx_part_end(&e->part, error);
}

/* Without a transaction also for who has not locked the object. */
static inline uint64_t edit_get(const struct twz_tx *tx, const uint64_t *p)
{
	if (tx)
		return *(const uint64_t *)twz_tx_read(tx, p, sizeof(*p));
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* edit_set for a page that is not there. */
void edit_touch(struct edit *e, uint64_t *p, uint64_t value);

/*
 * p is aligned, in the object, and where transactions may store. Before more than EDIT_WORDS of
 * them, edit_more for each.
 */
#define EDIT_WORDS 250u
static inline void edit_set(struct edit *e, struct twz_tx *tx, uint64_t *p, uint64_t value)
{
	uint64_t *range, off;

	if (tx) {
		twz_tx_set(tx, p, value);
		return;
	}
	range = (uint64_t *)e->part.tail;
	off = (uint64_t)((uint8_t *)p - e->part.base);
	PROBE(p, no_page);
	e->part.tail = (uint8_t *)(range + 2);
	pmem_store64(range, off << LOG_LENGTH_BITS | sizeof(value));
	pmem_store64(range + 1, value);
	return;
no_page:
	edit_touch(e, p, value);
}

static inline void edit_more(struct edit *e, const struct twz_tx *tx)
{
	if (!tx && !e->error)
		e->error = tx_part_room(&e->part, 16);
}

#endif
