/*
 * beside.h - reading a structure in an object while others change it by transactions.
 *
 * The structure has a generation, a word of its object that grows with every change, in the same
 * transaction.
 */
#ifndef LIB_BESIDE_H
#define LIB_BESIDE_H

#include "core/ptr.h"

#include <twz/obj.h>
#include <twz/tx.h>

/*
 * Calls read, which must only read, as if nobody changed the structure meanwhile, and returns what it
 * returns. It may be called several times, and must stand what it finds halfway. Without a transaction at
 * first: then the plain values are the right ones. TWZ_E_TIMEOUT: it was changed all the time.
 */
int read_beside(const struct twz_obj *obj, const uint64_t *generation,
		int (*read)(const struct twz_tx *tx, void *arg), void *arg);

/*
 * One try of the same, for who wants its code in place: what is read between the two counts only if both
 * return true. Else read_beside is asked.
 */
struct beside {
	const uint64_t *lock, *generation;
	uint64_t seen;
};

static inline bool beside_begin(struct beside *beside, const struct twz_obj *obj,
				const uint64_t *generation)
{
	*beside = (struct beside){&obj_meta(obj->base)->log.lock, generation, 0};
#if TWZ_TSAN /* would take reads of what is being changed, which are thrown away, for a mistake */
	return false;
#else
	beside->seen = __atomic_load_n(generation, __ATOMIC_ACQUIRE);
	return !__atomic_load_n(beside->lock, __ATOMIC_ACQUIRE);
#endif
}

/* Nobody had the object before or after, and no change between: nobody had it. */
static inline bool beside_end(const struct beside *beside)
{
	__atomic_signal_fence(__ATOMIC_ACQ_REL); /* loads stay in order on this machine */
	return !__atomic_load_n(beside->lock, __ATOMIC_RELAXED) &&
	       __atomic_load_n(beside->generation, __ATOMIC_RELAXED) == beside->seen;
}

#endif
