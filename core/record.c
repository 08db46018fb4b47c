/* record.c - records: finding and taking them; the lists they are on (store_int.h). */
#include "core/store_int.h"
#include "core/sum.h"

#define WORDS (sizeof(struct twz_record) / 8)
#define SETTLED_WORD (offsetof(struct twz_record, settled_epoch) / 8)
#define SUM_WORD (offsetof(struct twz_record, sum) / 8)

struct twz_record *record_at(const struct store *s, uint64_t ref)
{
	return slab_at(s, &slab_records, ref);
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

int record_take(struct store *s, uint64_t *ref, struct twz_record **rec)
{
	int error = slab_take(s, &slab_records, ref, (void **)rec);

	if (!error && STEP("check", "record: taken is free") &&
	    UPDATE_GET(&s->update, (*rec)->state))
		return TWZ_E_DAMAGED;
	return error;
}

void record_put(struct store *s, struct twz_record *rec, struct twz_record *content)
{
	content->sum = record_sum(content);
	place_put(s, rec, content, sizeof(*content));
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
