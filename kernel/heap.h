/*
 * heap.h - the kernel's own small objects: a cache for each kind, frames cut into equal places.
 *
 * A frame whose last place is given back is free again. Lock: the kernel's.
 */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include "abi/base.h"

struct slab;
struct cache {
	uint32_t size;        /* of a place, a multiple of 16 */
	struct slab *partial; /* frames with free places */
};

#define CACHE(type)                                \
	{                                          \
		.size = (sizeof(type) + 15) & ~15u \
	}

/* A place, all zeros, or with undefined content; null if there is no memory. */
void *cache_take(struct cache *cache);
void *cache_take_raw(struct cache *cache);
/* All zeros, and of the kernel's reserve (ram.h) if need be. */
void *cache_take_reserved(struct cache *cache);
void cache_give(struct cache *cache, void *place);

extern uint64_t heap_bytes; /* in use */

#endif
