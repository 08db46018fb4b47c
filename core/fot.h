/*
 * fot.h - the Foreign Object Table of a mapped object (docs/format/fot.md).
 *
 * Entries are given out densely from 1 and found again by target through chains kept in the entries
 * (linear hashing): insert and find take constant time, up to 65,535 entries. Changes are part of
 * the caller's transaction, or one of their own when tx is null. After an error other than
 * TWZ_E_FOTFULL the caller aborts its transaction: the change may be staged halfway.
 *
 * Reading an entry by its index needs no lock: an ID entry never changes once its kind is stored.
 */
#ifndef TWZ_CORE_FOT_H
#define TWZ_CORE_FOT_H

#include "core/ptr.h"
#include "core/tx.h"

TWZ_C_BEGIN

static inline struct twz_fot_entry *fot_entry(const void *addr, uint64_t index)
{
	return (struct twz_fot_entry *)(obj_base(addr) + TWZ_OBJ_FOT) + index;
}

/* Index of the ID entry for target, 0 if there is none. */
uint32_t fot_find(const struct twz_tx *tx, const void *obj, struct twz_id target);

/*
 * Finds or makes the entry for target; *index gets its number.
 * TWZ_E_FOTFULL; what a transaction returns.
 */
int fot_insert(struct twz_tx *tx, void *obj, struct twz_id target, uint32_t *index);

/*
 * A late-bound entry: name (bytes long, no terminating zero) is looked up through `resolver` (zero:
 * the default) at every dereference. The name is copied into the object's heap, TWZ_E_HEAPFULL.
 */
int fot_insert_name(struct twz_tx *tx, void *obj, const char *name, uint32_t bytes,
		    struct twz_id resolver, uint32_t *index);

/*
 * The name of the NAME entry that the pointer at `where` leads through: at most `room` bytes with the
 * terminating zero, bytes that are no printing ASCII as '?'. False if it is not of that kind or cannot be
 * read. For messages: nothing there is trusted, and there are no faults.
 */
bool fot_name(const uint64_t *where, char *out, uint32_t room);

/*
 * Sets or clears HOLD in an ID entry, which says that this entry made a tie of its target to the object:
 * the flag only, for who makes and cuts the tie. Twice is as once. TWZ_E_ARG for an index that was not
 * given out, TWZ_E_NOTFOUND for a tombstone, TWZ_E_TYPE for a late-bound entry.
 */
int fot_hold(struct twz_tx *tx, void *obj, uint32_t index, bool on);

/*
 * Entry `index` becomes a tombstone, which faults: nobody can know who still holds the index. TWZ_E_BUSY
 * for one with HOLD: its target says which tie it made.
 */
int fot_delete(struct twz_tx *tx, void *obj, uint32_t index);

TWZ_C_END

#endif
