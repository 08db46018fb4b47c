/* heap.c - caches of small objects (heap.h). */
#include "core/mem.h"
#include "kernel/ram.h"
#include "kernel/heap.h"
#include "kernel/log.h"

/* At the start of a frame; its places follow. */
struct slab {
	struct slab *next, *before; /* of those with free places */
	void *free;                 /* leads to the next one */
	uint32_t used;
	uint32_t cut; /* bytes of the frame that were ever given out */
	struct cache *cache;
};
#define FIRST ((uint32_t)(sizeof(struct slab) + 15) & ~15u)
#define POISON 0xa5

uint64_t heap_bytes;

static void link(struct cache *cache, struct slab *slab)
{
	slab->before = NULL;
	slab->next = cache->partial;
	if (slab->next)
		slab->next->before = slab;
	cache->partial = slab;
}

static void unlink(struct cache *cache, struct slab *slab)
{
	if (slab->before)
		slab->before->next = slab->next;
	else
		cache->partial = slab->next;
	if (slab->next)
		slab->next->before = slab->before;
}

static bool full(const struct slab *slab)
{
	return !slab->free && slab->cut + slab->cache->size > TWZ_PAGE;
}

static struct slab *slab_new(struct cache *cache, bool reserved)
{
	uint64_t frame = reserved ? ram_take_reserved() : ram_take();
	struct slab *slab = direct(frame);

	if (!frame)
		return NULL;
	*slab = (struct slab){.cut = FIRST, .cache = cache};
	link(cache, slab);
	return slab;
}

#if TWZ_KERNEL_CHECK
static void check_poison(const struct cache *cache, const uint8_t *place)
{
	for (uint32_t i = sizeof(void *); i < cache->size; i++)
		if (place[i] != POISON)
			panic("a free place was written to: %p, byte %u", (const void *)place, i);
}
#else
#define check_poison(cache, place) ((void)0)
#endif

static inline void *take(struct cache *cache, bool reserved)
{
	struct slab *slab = cache->partial ? cache->partial : slab_new(cache, reserved);
	void *place;

	if (!slab)
		return NULL;
	place = slab->free;
	if (place) {
		check_poison(cache, place);
		slab->free = *(void **)place;
	} else {
		place = (uint8_t *)slab + slab->cut;
		slab->cut += cache->size;
	}
	slab->used++;
	heap_bytes += cache->size;
	if (full(slab))
		unlink(cache, slab);
	return place;
}

void *cache_take_raw(struct cache *cache)
{
	return take(cache, false);
}

void *cache_take(struct cache *cache)
{
	void *place = take(cache, false);

	if (place)
		memset(place, 0, cache->size);
	return place;
}

void *cache_take_reserved(struct cache *cache)
{
	void *place = take(cache, true);

	if (place)
		memset(place, 0, cache->size);
	return place;
}

void cache_give(struct cache *cache, void *place)
{
	struct slab *slab = (struct slab *)((uint64_t)place & -TWZ_PAGE);

	KASSERT(slab->cache == cache && slab->used);
	if (full(slab))
		link(cache, slab);
#if TWZ_KERNEL_CHECK
	memset(place, POISON, cache->size);
#endif
	*(void **)place = slab->free;
	slab->free = place;
	heap_bytes -= cache->size;
	if (--slab->used)
		return;
	unlink(cache, slab);
	slab->cache = NULL;
	ram_give(physical(slab));
}
