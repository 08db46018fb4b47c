/*
 * heap.h - allocation inside an object, crash safe (docs/format/heap.md).
 *
 * A block always has an owner: the persistent pointer, in the same object, that is set to it in the
 * transaction that allocates it. So after any crash a block is either owned or free.
 */
#ifndef TWZ_CORE_HEAP_H
#define TWZ_CORE_HEAP_H

#include "core/tx.h"

TWZ_C_BEGIN

/*
 * Makes the heap of an object that has none: meta page and header, at a place coloured by page and
 * line from the ID (everything at the same offset of a 1 GiB slot fights for the same cache sets).
 * Sets meta.heap and meta.root. Durable on return.
 */
int heap_make(void *obj, struct twz_id id);

/*
 * A block of at least `bytes` (1 to 1 GiB - 4 MiB), aligned to 16, its payload's content undefined;
 * *owner, a word in the same object, gets the pointer to it at commit. With a transaction: part of
 * it, no fence of its own. *out gets the address, to be filled by plain stores and twz_tx_fresh (or
 * flushed by the caller before what makes it reachable). TWZ_E_ARG. TWZ_E_HEAPFULL: there is no free
 * block as large as that; heap_trim may make one. TWZ_E_TYPE: the object has no heap.
 */
int heap_alloc(struct twz_tx *tx, uint64_t bytes, uint64_t *owner, void **out);

/*
 * Frees the block that *owner points to and sets *owner to null. TWZ_E_ARG if it is none. The same
 * transaction does not allocate it again: until the commit its content counts.
 */
int heap_free(struct twz_tx *tx, uint64_t *owner);

/*
 * Makes the heap as small as it gets without moving a block: neighbouring free blocks become one, the
 * whole pages inside of large ones are given back to the store, and what is free at the end is not the
 * heap's any more. It can serve larger allocations then. In steps, each whole or not there, between which
 * others use the heap; each walks it, and its free lists. The caller has not locked the object. Errors of
 * locking; TWZ_E_DAMAGED; those of giving pages back: what was done remains.
 */
int heap_trim(void *obj);

/* Bytes that the block at this payload can hold. */
uint64_t heap_size(const void *payload);

/*
 * Checks the heap of a mapped object: every block below top has a valid head, free lists hold
 * exactly the free ones. 0 or TWZ_E_DAMAGED with *where the offset.
 */
int heap_check(const void *obj, uint64_t *where);

/*
 * Bytes of the blocks that are in use, their heads included: what everything that is reachable in the
 * object takes, if nothing is lost. Walks the heap; nobody changes it meanwhile. TWZ_E_DAMAGED.
 */
int heap_used(const void *obj, uint64_t *bytes);

TWZ_C_END

#endif
