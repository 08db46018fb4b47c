/*
 * postings.c - where a word occurs.
 */
#include "bin/index/index.h"

static bool before(const struct posting *p, uint32_t document, uint32_t number)
{
	return p->document != document ? p->document < document : p->number < number;
}

struct cursor posting_first(const struct word *word)
{
	return (struct cursor){twz_get(&word->first), 0};
}

const struct posting *posting_at(const struct cursor *cursor)
{
	return cursor->chunk ? &cursor->chunk->posting[cursor->at] : NULL;
}

const struct posting *posting_seek(struct cursor *cursor, uint32_t document, uint32_t number)
{
	const struct chunk *chunk = cursor->chunk;
	uint32_t low, high;

	/* No chunk is empty. */
	while (chunk && before(&chunk->posting[chunk->count - 1], document, number)) {
		chunk = twz_get(&chunk->next);
		cursor->at = 0;
	}
	cursor->chunk = chunk;
	if (!chunk)
		return NULL;
	for (low = cursor->at, high = chunk->count - 1; low < high;) {
		uint32_t middle = (low + high) / 2;

		if (before(&chunk->posting[middle], document, number))
			low = middle + 1;
		else
			high = middle;
	}
	cursor->at = low;
	return &chunk->posting[low];
}

void posting_add(struct builder *b, struct word *word, const char *line, uint32_t number,
		 uint32_t document)
{
	struct chunk *chunk = twz_get(&word->last), *more;
	struct posting *p = chunk ? &chunk->posting[chunk->count - 1] : NULL;

	if (p && p->document == document && p->number == number)
		return;
	if (!chunk || chunk->count == chunk->room) {
		uint32_t room = !chunk ? 1 : chunk->room < CHUNK_MAX ? 2 * chunk->room : CHUNK_MAX;

		more = builder_take(b, sizeof(*more) + room * sizeof(more->posting[0]));
		more->room = room;
		if (chunk)
			twz_set(&chunk->next, more);
		else
			twz_set(&word->first, more);
		twz_set(&word->last, more);
		chunk = more;
	}
	p = &chunk->posting[chunk->count++];
	p->number = number;
	p->document = document;
	twz_set(&p->line, line);
	word->npostings++;
	b->ix->npostings++;
}
