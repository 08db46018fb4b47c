/*
 * heap.h - allocation inside an object that has a heap (twz_new.heap, or twz_heap_make).
 *
 *     twz_first(&obj, &list);                                   struct list: what all else hangs on
 *
 *     twz_alloc(&tx, &list->first, sizeof(struct node), &n);    *n is fresh memory
 *     n->value = 7;                                             plain stores
 *     twz_tx_fresh(&tx, n, sizeof(*n));
 *     twz_tx_commit(&tx);                                       list->first leads to it, durably
 *
 * Rules
 *   - A block is owned by one pointer in the same object, which is set in the same transaction, so
 *     that over a crash no block is lost: it is owned or free. A pointer takes a block over from
 *     another by being set to it in the transaction that sets the other to null.
 *   - With tx null each call is a transaction of its own, durable on return; fill such a block
 *     before anything relies on its content.
 *   - Look at what twz_alloc returns: TWZ_E_HEAPFULL is not an error of the transaction, which may go
 *     on without the block.
 *   - Locking is the transaction's: one at a time in an object.
 */
#ifndef TWZ_HEAP_H
#define TWZ_HEAP_H

#include "core/heap.h"
#include <twz/obj.h>
#include <twz/ptr.h>

TWZ_C_BEGIN

/* Gives an object that has none a heap. Durable on return. */
static inline int twz_heap_make(const struct twz_obj *obj)
{
	return heap_make(obj->base, obj->id);
}

/*
 * Makes the heap as small as it gets without moving a block: free blocks side by side become one, pages
 * in them go back to the store, and so does the end. Worth it when much was freed, or when twz_alloc says
 * TWZ_E_HEAPFULL. Threads and processes that use the heap meanwhile wait for a part of it at a time. The
 * caller has the object in no transaction (it would wait for itself: TWZ_E_TIMEOUT).
 */
static inline int twz_heap_trim(const struct twz_obj *obj)
{
	return heap_trim(obj->base);
}

/* The heap's root: a word for the user, null at first, to own the first block. */
static inline uint64_t *twz_heap_root(const struct twz_obj *obj)
{
	return &((struct twz_heap *)(obj->base + obj_meta(obj->base)->heap))->root;
}

/*
 * *out gets a block of at least `bytes`; the pointer at p owns it from commit on. The content is
 * undefined. TWZ_E_HEAPFULL, TWZ_E_FULL, TWZ_E_ARG; TWZ_E_TYPE: the object has no heap.
 */
#define twz_alloc(tx, p, bytes, out)                                            \
	__extension__({                                                         \
		__typeof__((p)->twz_type[0]) *twz_out_ = (out);                 \
		TWZ_LEADS_TO((p)->twz_type[0], out);                            \
		void *twz_block_ = 0;                                           \
		int twz_error_ = heap_alloc(tx, bytes, &(p)->raw, &twz_block_); \
		*twz_out_ = (__typeof__(*twz_out_))twz_block_;                  \
		twz_error_;                                                     \
	})

/*
 * *out, a pointer to a structure, gets the address of the object's first one, which the heap's root owns; the first
 * call makes it, all zero, in one step, whoever else does so at the same time. TWZ_E_TYPE: the object has no heap,
 * or its first structure is smaller than this one; TWZ_E_DAMAGED; what twz_alloc returns.
 */
#define twz_first(obj, out)                                                         \
	__extension__({                                                             \
		void *twz_first_ = 0;                                               \
		int twz_error_ = twz_heap_first(obj, sizeof(**(out)), &twz_first_); \
		*(out) = (__typeof__(*(out)))twz_first_;                            \
		twz_error_;                                                         \
	})
int twz_heap_first(const struct twz_obj *obj, uint64_t bytes, void **out);

/* Frees the block that the pointer at p owns and sets it to null. */
#define twz_free(tx, p) heap_free(tx, &(p)->raw)

TWZ_C_END

#endif
