/* record.c - records: finding, taking, giving back; the lists they are on (store_int.h). */
#include "core/store_int.h"
#include "core/sum.h"

#define WORDS (sizeof(struct twz_record) / 8)
#define SETTLED_WORD (offsetof(struct twz_record, settled_epoch) / 8)
#define SUM_WORD (offsetof(struct twz_record, sum) / 8)

static struct twz_record *place(const struct store *s, uint64_t frame, uint64_t slot)
{
	uint8_t *base = frame_at(s, frame);

	return (struct twz_record *)(base + sizeof(struct twz_slab_head)) + slot;
}

struct twz_record *record_at(const struct store *s, uint64_t ref)
{
	uint64_t frame = ref >> 6, slot = ref & 63;
	const struct twz_slab_head *head;

	if (STEP("check", "record: frame") &&
	    (slot >= TWZ_SLAB_RECORDS || !frame_is(s, frame, FRAME_META)))
		return NULL;
	head = frame_at(s, frame);
	if (STEP("check", "record: slab") &&
	    (head->magic != TWZ_SLAB_MAGIC || head->kind != TWZ_SLAB_RECORD))
		return NULL;
	return place(s, frame, slot);
}

uint64_t record_sum(const struct twz_record *rec)
{
	const uint64_t *word = (const uint64_t *)rec;
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORDS; i++)
		if (i != SETTLED_WORD && i != SUM_WORD)
			sum += twz_sum_at(i, word[i]);
	return sum;
}

void record_put(struct store *s, uint64_t ref, const struct twz_record *content)
{
	struct twz_record copy = *content;
	uint64_t *to = (uint64_t *)record_at(s, ref);

	copy.sum = record_sum(&copy);
	for (unsigned i = 0; i < WORDS; i++)
		if (update_get(&s->update, to + i) != ((uint64_t *)&copy)[i])
			*update_word(&s->update, to + i) = ((uint64_t *)&copy)[i];
}

/* A new frame of free records, chained, becomes the slab's free list. */
static int slab_grow(struct store *s)
{
	struct twz_slab_head head = {.magic = TWZ_SLAB_MAGIC, .kind = TWZ_SLAB_RECORD};
	uint64_t got;
	uint32_t frame;
	uint8_t *base;
	int error = frame_take(s, FRAME_META, 1, 0, &frame, &got);

	if (error)
		return error;
	base = frame_at(s, frame);
	pmem_zero(base, TWZ_PAGE);
	pmem_copy(base, &head, sizeof(head));
	for (unsigned i = 0; i < TWZ_SLAB_RECORDS; i++) {
		struct twz_record *rec = place(s, frame, i);
		uint64_t next = i + 1 < TWZ_SLAB_RECORDS ? TWZ_REF(frame, i + 1) : 0;

		pmem_store64(&rec->list_next, next);
		pmem_store64(&rec->sum,
			     twz_sum_at(offsetof(struct twz_record, list_next) / 8, next));
	}
	pmem_flush("slab: new", base, TWZ_PAGE);
	SUPER_PUT(s, records.free, TWZ_REF(frame, 0));
	SUPER_PUT(s, records.frames, SUPER_GET(s, records.frames) + 1);
	return 0;
}

int record_take(struct store *s, uint64_t *ref)
{
	struct twz_record *rec;
	int error = SUPER_GET(s, records.free) ? 0 : slab_grow(s);

	if (error)
		return error;
	*ref = SUPER_GET(s, records.free);
	rec = record_at(s, *ref);
	if (!rec)
		return TWZ_E_DAMAGED;
	if (STEP("check", "record: taken is free") && UPDATE_GET(&s->update, rec->state))
		return TWZ_E_DAMAGED;
	SUPER_PUT(s, records.free, UPDATE_GET(&s->update, rec->list_next));
	return 0;
}

int record_give(struct store *s, uint64_t ref)
{
	struct twz_record free = {.list_next = SUPER_GET(s, records.free)};

	record_put(s, ref, &free);
	SUPER_PUT(s, records.free, ref);
	return 0;
}

/* New ones go to the head of a list. */
int list_add(struct store *s, struct twz_list *list, uint64_t ref)
{
	struct update *u = &s->update;
	struct twz_record *rec = record_at(s, ref), *head;
	uint64_t first = UPDATE_GET(u, list->head);

	if (!rec)
		return TWZ_E_DAMAGED;
	UPDATE_PUT(u, rec, list_next, first);
	UPDATE_PUT(u, rec, list_prev, 0);
	update_put_summed(u, s->super, &s->super->sum, &list->head, 8, ref);
	if (!first) {
		update_put_summed(u, s->super, &s->super->sum, &list->tail, 8, ref);
		return 0;
	}
	head = record_at(s, first);
	if (!head)
		return TWZ_E_DAMAGED;
	UPDATE_PUT(u, head, list_prev, ref);
	return 0;
}

int list_remove(struct store *s, struct twz_list *list, uint64_t ref)
{
	struct update *u = &s->update;
	struct twz_record *rec = record_at(s, ref), *near;
	uint64_t next, prev;

	if (!rec)
		return TWZ_E_DAMAGED;
	next = UPDATE_GET(u, rec->list_next);
	prev = UPDATE_GET(u, rec->list_prev);
	near = prev ? record_at(s, prev) : NULL;
	if (prev && !near)
		return TWZ_E_DAMAGED;
	if (prev)
		UPDATE_PUT(u, near, list_next, next);
	else
		update_put_summed(u, s->super, &s->super->sum, &list->head, 8, next);
	near = next ? record_at(s, next) : NULL;
	if (next && !near)
		return TWZ_E_DAMAGED;
	if (next)
		UPDATE_PUT(u, near, list_prev, prev);
	else
		update_put_summed(u, s->super, &s->super->sum, &list->tail, 8, prev);
	UPDATE_PUT(u, rec, list_next, 0);
	UPDATE_PUT(u, rec, list_prev, 0);
	return 0;
}
