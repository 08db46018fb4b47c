/* heap.c - the first structure of an object with a heap (twz/heap.h). */
#include "core/heap.h"
#include "core/mem.h"

#include <twz/heap.h>
#include <twz/tx.h>

/* Makes the block that the heap's root is to own, of zeros, unless somebody else just has. */
static int make_first(uint64_t *root, uint64_t bytes)
{
	struct twz_tx tx;
	void *block;
	int error;

	twz_tx_begin(&tx);
	error = twz_tx_add(&tx, root);
	if (!error && !*root) {
		error = heap_alloc(&tx, bytes, root, &block);
		if (!error) {
			memset(block, 0, bytes);
			twz_tx_fresh(&tx, block, bytes);
		}
	}
	if (!error)
		return twz_tx_commit(&tx);
	twz_tx_abort(&tx);
	return error;
}

int twz_heap_first(const struct twz_obj *obj, uint64_t bytes, void **out)
{
	uint64_t *root, offset;
	int error;

	if (!obj_meta(obj->base)->heap)
		return TWZ_E_TYPE;
	root = twz_heap_root(obj);
	if (!__atomic_load_n(root, __ATOMIC_ACQUIRE)) {
		error = make_first(root, bytes);
		if (error)
			return error;
	}
	/* Who wrote the object may have written anything. */
	offset = __atomic_load_n(root, __ATOMIC_ACQUIRE);
	if (offset <= TWZ_OBJ_DATA || offset >= TWZ_SLOT_SIZE - bytes || offset % 16)
		return TWZ_E_DAMAGED;
	if (heap_size(obj->base + offset) < bytes)
		return TWZ_E_TYPE;
	*out = obj->base + offset;
	return 0;
}
