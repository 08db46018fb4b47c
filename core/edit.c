/*
 * edit.c - the part of edit.h that is not hot.
 */
#include "core/edit.h"

void edit_touch(struct edit *e, uint64_t *p, uint64_t value)
{
	uint64_t *range = (uint64_t *)e->part.tail;
	uint64_t off = (uint64_t)((uint8_t *)p - e->part.base);

	if (!e->error)
		e->error = tx_env.touch(p, sizeof(*p));
	if (e->error)
		return;
	e->part.tail = (uint8_t *)(range + 2);
	pmem_store64(range, off << LOG_LENGTH_BITS | sizeof(value));
	pmem_store64(range + 1, value);
}
