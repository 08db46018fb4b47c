/*
 * beside.h - reading a structure in an object while others change it by transactions.
 *
 * The structure has a generation, a word of its object that grows with every change, in the same
 * transaction.
 */
#ifndef LIB_BESIDE_H
#define LIB_BESIDE_H

#include <twz/obj.h>
#include <twz/tx.h>

/*
 * Calls read, which must only read, as if nobody changed the structure meanwhile, and returns what it
 * returns. It may be called several times, and must stand what it finds halfway. Without a transaction at
 * first: then the plain values are the right ones. TWZ_E_TIMEOUT: it was changed all the time.
 */
int read_beside(const struct twz_obj *obj, const uint64_t *generation,
		int (*read)(const struct twz_tx *tx, void *arg), void *arg);

#endif
