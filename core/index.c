/*
 * index.c - persistent hash indices (store_int.h, docs/format/store.md).
 *
 * Linear hashing over pages: an index of n pages uses the lowest bits of a tag to choose one, and
 * grows by splitting one page at a time, in turn. Pages are kept at most a third full on average,
 * so that one whose turn has not come yet is two thirds full: with tags keyed by the store's secret
 * none overflows. A split builds both pages in fresh frames and is one small update.
 */
#include "core/store_int.h"
#include "core/sum.h"

#define LOAD (TWZ_BUCKET_SLOTS / 3)
#define SLOT_WORD (offsetof(struct twz_bucket, slot) / 8)

uint64_t index_tag(const struct store *s, struct twz_id key)
{
	uint64_t secret[2];

	memcpy(secret, s->fixed->secret, sizeof(secret));
	return twz_fold(key.lo ^ secret[0], key.hi ^ secret[1]) >> (64 - TWZ_TAG_BITS);
}

uint64_t index_home(uint64_t tag)
{
	return (tag * 0x9e3779b1u & 0xffffffff) * TWZ_BUCKET_SLOTS >> 32;
}

static uint64_t bucket_of(uint64_t nbuckets, uint64_t tag)
{
	uint64_t mask = ~0ull >> __builtin_clzll(nbuckets | 1);

	/* mask + 1 is the power of two above nbuckets */
	return (tag & mask) < nbuckets ? tag & mask : tag & mask >> 1;
}

uint64_t index_bucket_of(const struct twz_index *index, uint64_t tag)
{
	return bucket_of(index->nbuckets, tag);
}

static uint64_t tag_of(uint64_t slot)
{
	return slot >> TWZ_REF_BITS;
}

static uint64_t ref_of(uint64_t slot)
{
	return slot & ((1ull << TWZ_REF_BITS) - 1);
}

/* Page 0 is never present, so bucket b is page b + 1. */
const struct twz_bucket *index_bucket(const struct store *s, const struct twz_index *index,
				      uint64_t bucket)
{
	uint64_t frame = tree_frame(s, &index->tree, bucket + 1);
	const struct twz_bucket *b = frame_at(s, frame);

	if (!frame)
		return NULL;
	if (STEP("check", "index: magic") && b->magic != TWZ_BUCKET_MAGIC)
		return NULL;
	return b;
}

uint64_t index_next(const struct store *s, const struct twz_index *index, uint64_t tag,
		    uint64_t *at)
{
	const struct twz_bucket *b;

	if (!index->nbuckets)
		return 0;
	b = index_bucket(s, index, index_bucket_of(index, tag));
	if (!b)
		return 1;
	while (*at < TWZ_BUCKET_SLOTS) {
		uint64_t slot = b->slot[(index_home(tag) + (*at)++) % TWZ_BUCKET_SLOTS];

		if (!slot)
			return 0;
		if (tag_of(slot) == tag)
			return ref_of(slot);
	}
	return 0;
}

int index_walk(const struct store *s, const struct twz_index *index, uint64_t *cursor,
	       uint64_t *ref)
{
	uint64_t nbuckets = index->nbuckets < s->nframes ? index->nbuckets : s->nframes;

	for (; *cursor < nbuckets * TWZ_BUCKET_SLOTS; ++*cursor) {
		const struct twz_bucket *b = index_bucket(s, index, *cursor / TWZ_BUCKET_SLOTS);
		uint64_t slot;

		if (!b) {
			*cursor = (*cursor / TWZ_BUCKET_SLOTS + 1) * TWZ_BUCKET_SLOTS;
			return TWZ_E_DAMAGED;
		}
		slot = b->slot[*cursor % TWZ_BUCKET_SLOTS];
		if (!slot)
			continue;
		++*cursor;
		*ref = ref_of(slot);
		return 0;
	}
	return TWZ_E_NOTFOUND;
}

static void bucket_add(struct twz_bucket *b, uint64_t slot)
{
	uint64_t i = index_home(tag_of(slot));

	while (b->slot[i])
		i = (i + 1) % TWZ_BUCKET_SLOTS;
	b->slot[i] = slot;
	b->count++;
}

/* A fresh frame with what of `from` (null: nothing) belongs to `bucket` of `nbuckets`. */
static int bucket_new(struct store *s, const struct twz_bucket *from, uint64_t bucket,
		      uint64_t nbuckets, uint32_t *frame)
{
	struct twz_bucket b = {.magic = TWZ_BUCKET_MAGIC};
	uint64_t got;
	int error = frame_take(s, FRAME_META, 1, 0, frame, &got);

	if (error)
		return error;
	for (unsigned i = 0; from && i < TWZ_BUCKET_SLOTS; i++)
		if (from->slot[i] && bucket_of(nbuckets, tag_of(from->slot[i])) == bucket)
			bucket_add(&b, from->slot[i]);
	for (unsigned i = 0; i < sizeof(b) / 8; i++)
		b.sum += &((uint64_t *)&b)[i] == &b.sum ? 0 : twz_sum_at(i, ((uint64_t *)&b)[i]);
	pmem_copy(frame_at(s, *frame), &b, sizeof(b));
	pmem_flush("index: bucket", frame_at(s, *frame), sizeof(b));
	return 0;
}

int index_reserve(struct store *s, struct twz_index *index)
{
	struct update *u = &s->update;
	uint64_t n = index->nbuckets, half;
	const struct twz_bucket *from = NULL;
	struct store_run old = {0};
	uint32_t frame;
	int error = 0;

	if (n && index->count < n * LOAD)
		return 0;
	if (n >= 1ull << TWZ_TAG_BITS)
		return TWZ_E_LIMIT;
	half = n ? 1ull << (63 - __builtin_clzll(n)) : 0; /* page n splits page n - half */
	if (n) {
		from = index_bucket(s, index, n - half);
		if (!from || tree_run(s, &index->tree, n - half + 1, 1, &old))
			return TWZ_E_DAMAGED;
		error = tree_unshare(s, &index->tree, n + 1);
	}
	if (!error)
		error = bucket_new(s, from, n, n + 1, &frame);
	if (!error)
		error = tree_set(s, &index->tree, n + 1, frame);
	if (!error && n) {
		error = bucket_new(s, from, n - half, n + 1, &frame);
		if (!error)
			error = tree_set(s, &index->tree, n - half + 1, frame);
		if (!error)
			error = frame_give(s, FRAME_META, old.frame, 1);
	}
	update_put_summed(u, s->super, &s->super->sum, &index->nbuckets, 8, n + 1);
	return update_end(u, error);
}

static uint64_t slot_get(struct store *s, struct twz_bucket *b, uint64_t i)
{
	return UPDATE_GET(&s->update, b->slot[i % TWZ_BUCKET_SLOTS]);
}

/* What the bucket's sum changes by. */
static inline uint64_t slot_put(struct store *s, struct twz_bucket *b, uint64_t i, uint64_t slot)
{
	return update_change(&s->update, b, SLOT_WORD + i % TWZ_BUCKET_SLOTS, slot);
}

/* `change`: what the bucket's sum changes by for its slots. */
static void counts_put(struct store *s, struct twz_index *index, struct twz_bucket *b, int delta,
		       uint64_t change)
{
	uint64_t magic_count = update_get(&s->update, b) + ((uint64_t)delta << 32);

	change += update_change(&s->update, b, 0, magic_count);
	update_sum(&s->update, &b->sum, change);
	change = update_change(&s->update, s->super,
			       (uint64_t)(&index->count - (uint64_t *)s->super),
			       update_get(&s->update, &index->count) + (uint64_t)delta);
	update_sum(&s->update, &s->super->sum, change);
}

int index_add(struct store *s, struct twz_index *index, uint64_t tag, uint64_t ref)
{
	struct twz_bucket *b =
		(struct twz_bucket *)index_bucket(s, index, index_bucket_of(index, tag));
	uint64_t i = index_home(tag), steps = 0;

	if (!b)
		return TWZ_E_DAMAGED;
	if (UPDATE_GET(&s->update, b->count) >=
	    TWZ_BUCKET_SLOTS - 1) /* one stays empty: ends a probe */
		return TWZ_E_LIMIT;
	for (; slot_get(s, b, i); i++)
		if (++steps == TWZ_BUCKET_SLOTS)
			return TWZ_E_DAMAGED; /* its count lies */
	counts_put(s, index, b, 1, slot_put(s, b, i, tag << TWZ_REF_BITS | ref));
	return 0;
}

int index_remove(struct store *s, struct twz_index *index, uint64_t tag, uint64_t ref)
{
	struct twz_bucket *b =
		(struct twz_bucket *)index_bucket(s, index, index_bucket_of(index, tag));
	uint64_t slot = tag << TWZ_REF_BITS | ref, i = index_home(tag), hole, steps = 0;
	uint64_t change = 0;

	if (!b)
		return TWZ_E_DAMAGED;
	while (slot_get(s, b, i) != slot)
		if (!slot_get(s, b, i++) || ++steps == TWZ_BUCKET_SLOTS)
			return TWZ_E_DAMAGED;
	/* Close the gap: what was pushed past it moves back, so that probes need no tombstones. */
	for (hole = i++;; i++) {
		uint64_t here = slot_get(s, b, i), home;

		if (!here || ++steps > 2 * TWZ_BUCKET_SLOTS)
			break;
		home = index_home(tag_of(here));
		if ((i - home) % TWZ_BUCKET_SLOTS < (i - hole) % TWZ_BUCKET_SLOTS)
			continue;
		change += slot_put(s, b, hole, here);
		hole = i;
	}
	change += slot_put(s, b, hole, 0);
	counts_put(s, index, b, -1, change);
	return 0;
}
