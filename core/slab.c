/* slab.c - slabs: places of equal small structures (store_int.h, docs/format/store.md). */
#include "core/store_int.h"
#include "core/sum.h"

#define PLACE_BYTES_MAX sizeof(struct twz_record)

static struct twz_slab *slab_of(const struct store *s, const struct slab_type *type)
{
	return (struct twz_slab *)((uint8_t *)s->super + type->super);
}

static void super_put(struct store *s, uint64_t *field, uint64_t value)
{
	uint64_t index = (uint64_t)(field - (uint64_t *)s->super);

	update_sum(&s->update, &s->super->sum, update_change(&s->update, s->super, index, value));
}

void place_put(struct store *s, void *place, const void *content, uint64_t bytes)
{
	const uint64_t *from = content, *end = from + bytes / 8;
	struct update *u = &s->update;

	for (uint64_t *to = place; from < end; from++, to++)
		update_set(u, to, *from);
}

/* What a free place holds; its sum is its last word. */
static void place_free(uint64_t *content, const struct slab_type *type, uint64_t next)
{
	memset(content, 0, type->bytes);
	content[type->link / 8] = next;
	content[type->bytes / 8 - 1] = twz_sum_at(type->link / 8, next);
}

/* A new frame of free places, chained, becomes the slab's free list. */
static int slab_grow(struct store *s, const struct slab_type *type)
{
	struct twz_slab_head head = {.magic = TWZ_SLAB_MAGIC, .kind = type->kind};
	struct twz_slab *slab = slab_of(s, type);
	uint64_t got, content[PLACE_BYTES_MAX / 8];
	uint32_t frame;
	uint8_t *base;
	int error = frame_take(s, FRAME_META, 1, 0, &frame, &got);

	if (error)
		return error;
	base = frame_at(s, frame);
	pmem_zero(base, TWZ_PAGE);
	pmem_copy(base, &head, sizeof(head));
	for (unsigned i = 0; i < type->places; i++) {
		place_free(content, type, i + 1u < type->places ? TWZ_REF(frame, i + 1) : 0);
		pmem_copy(base + sizeof(head) + i * type->bytes, content, type->bytes);
	}
	pmem_flush("slab: new", base, TWZ_PAGE);
	super_put(s, &slab->free, TWZ_REF(frame, 0));
	super_put(s, &slab->frames, UPDATE_GET(&s->update, slab->frames) + 1);
	return 0;
}

int slab_take(struct store *s, const struct slab_type *type, uint64_t *ref, void **out)
{
	struct twz_slab *slab = slab_of(s, type);
	uint64_t *place;
	int error = UPDATE_GET(&s->update, slab->free) ? 0 : slab_grow(s, type);

	if (error)
		return error;
	*ref = UPDATE_GET(&s->update, slab->free);
	place = slab_at(s, type, *ref);
	*out = place;
	if (!place)
		return TWZ_E_DAMAGED;
	super_put(s, &slab->free, UPDATE_GET(&s->update, place[type->link / 8]));
	return 0;
}

void slab_give(struct store *s, const struct slab_type *type, uint64_t ref)
{
	uint64_t content[PLACE_BYTES_MAX / 8];
	struct twz_slab *slab = slab_of(s, type);

	place_free(content, type, UPDATE_GET(&s->update, slab->free));
	place_put(s, slab_place(s, type, ref), content, type->bytes);
	super_put(s, &slab->free, ref);
}
