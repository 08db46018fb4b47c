/*
 * tie.c - ties between objects (store.h, docs/format/store.md).
 *
 * A tie is found by its two ends through the index of ties, and is on a list of each of them, linked
 * both ways: so each operation takes the same time, whatever else the two are tied to.
 */
#include "core/store_int.h"
#include "core/sum.h"

#define WORDS (sizeof(struct twz_tie) / 8)
#define NTIES_WORD (offsetof(struct twz_record, flags) / 8)
#define FLAGS (TWZ_TIE_KINDS | TWZ_TIE_ENDING)
#define CUT_STEPS 64

struct twz_tie *tie_at(const struct store *s, uint64_t ref)
{
	return slab_at(s, &slab_ties, ref);
}

uint64_t tie_sum(const struct twz_tie *tie)
{
	uint64_t sum = 0;

#pragma GCC unroll 8 /* so the factors are constants */
	for (unsigned i = 0; i < WORDS - 1; i++)
		sum += twz_sum_at(i, ((const uint64_t *)tie)[i]);
	return sum;
}

uint64_t tie_tag(const struct store *s, uint64_t a, uint64_t b)
{
	return index_tag(s, (struct twz_id){a, b});
}

static int find(const struct store *s, uint64_t a, uint64_t b, uint64_t *at, struct twz_tie **out)
{
	uint64_t tag = tie_tag(s, a, b), cursor = 0;
	struct twz_tie *tie;

	do {
		*at = index_next(s, &s->super->tie_index, tag, &cursor);
		if (!*at)
			return TWZ_E_NOTFOUND;
		tie = tie_at(s, *at);
		if (!tie) /* so also where the index is damaged */
			return TWZ_E_DAMAGED;
	} while (tie->a != a || tie->b != b);
	*out = tie;
	return STEP("sum", "tie") && tie->sum != tie_sum(tie) ? TWZ_E_DAMAGED : 0;
}

static uint32_t kinds_of(uint32_t flags)
{
	return flags & TWZ_TIE_KINDS ? flags & TWZ_TIE_KINDS : TWZ_TIE_PLAIN;
}

/* ---- the two lists: with `in`, of the ties into b, else of those out of a ---------------------- */

static inline uint64_t *head_of(struct twz_record *rec, bool in)
{
	return in ? &rec->tie_in : &rec->tie_out;
}

static inline uint64_t *next_of(struct twz_tie *tie, bool in)
{
	return in ? &tie->b_next : &tie->a_next;
}

static inline uint64_t *prev_of(struct twz_tie *tie, bool in)
{
	return in ? &tie->b_prev : &tie->a_prev;
}

static inline void put_tie(struct store *s, struct twz_tie *tie, uint64_t *field, uint64_t value)
{
	uint64_t index = (uint64_t)(field - (uint64_t *)tie);

	update_sum(&s->update, &tie->sum, update_change(&s->update, tie, index, value));
}

static inline void put_head(struct store *s, struct twz_record *rec, bool in, uint64_t ref)
{
	uint64_t index = (uint64_t)(head_of(rec, in) - (uint64_t *)rec);

	update_sum(&s->update, &rec->sum, update_change(&s->update, rec, index, ref));
}

/* Stages that the tie is the first of the list, before `first`. */
static inline int link_first(struct store *s, struct twz_record *rec, bool in, uint64_t at,
			     uint64_t first)
{
	struct twz_tie *old = first ? tie_at(s, first) : NULL;

	if (first && !old)
		return TWZ_E_DAMAGED;
	if (first)
		put_tie(s, old, prev_of(old, in), at);
	put_head(s, rec, in, at);
	return 0;
}

static inline int unlink(struct store *s, struct twz_record *rec, bool in, struct twz_tie *tie)
{
	uint64_t next = *next_of(tie, in), prev = *prev_of(tie, in);
	struct twz_tie *after = next ? tie_at(s, next) : NULL;
	struct twz_tie *before = prev ? tie_at(s, prev) : NULL;

	if ((next && !after) || (prev && !before))
		return TWZ_E_DAMAGED;
	if (before)
		put_tie(s, before, next_of(before, in), next);
	else
		put_head(s, rec, in, next);
	if (after)
		put_tie(s, after, prev_of(after, in), prev);
	return 0;
}

/* `nties` is the upper half of its word. */
static inline void count_ties(struct store *s, struct twz_record *rec, int delta)
{
	uint64_t *word = (uint64_t *)&rec->flags;
	uint64_t value = update_get(&s->update, word) + ((uint64_t)delta << 32);

	update_sum(&s->update, &rec->sum, update_change(&s->update, rec, NTIES_WORD, value));
}

/* ---- making and cutting one -------------------------------------------------------------------- */

int tie_check(const struct store *s, const struct twz_record *a, const struct twz_record *b,
	      uint32_t flags)
{
	if (!(s->fixed->ro & TWZ_STORE_TIES))
		return TWZ_E_VERSION;
	if (!a || !b || !record_alive(s, a) || !record_alive(s, b))
		return TWZ_E_NOTFOUND;
	if (a == b || flags & ~FLAGS)
		return TWZ_E_ARG;
	return !a->end_epoch && b->end_epoch && !(flags & TWZ_TIE_ENDING) ? TWZ_E_ARG : 0;
}

int tie_reserve(struct store *s)
{
	return index_reserve(s, &s->super->tie_index);
}

int tie_add(struct store *s, struct tie_end a, struct tie_end b, uint32_t flags)
{
	struct twz_tie *place;
	struct twz_tie tie = {.a = a.ref,
			      .b = b.ref,
			      .a_next = UPDATE_GET(&s->update, a.rec->tie_out),
			      .b_next = UPDATE_GET(&s->update, b.rec->tie_in),
			      .flags = kinds_of(flags) | (flags & TWZ_TIE_ENDING)};
	uint64_t at;
	int error = slab_take(s, &slab_ties, &at, (void **)&place);

	if (!error)
		error = index_add(s, &s->super->tie_index, tie_tag(s, a.ref, b.ref), at);
	if (error)
		return error;
	if (STEP("check", "tie: taken is free") && UPDATE_GET(&s->update, place->a))
		return TWZ_E_DAMAGED;
	tie.sum = tie_sum(&tie);
	place_put(s, place, &tie, sizeof(tie));
	error = link_first(s, a.rec, false, at, tie.a_next);
	if (!error)
		error = link_first(s, b.rec, true, at, tie.b_next);
	count_ties(s, a.rec, 1);
	return error;
}

int tie_cut(struct store *s, uint64_t at, struct twz_record *a, struct twz_record *b)
{
	struct twz_tie *tie = slab_place(s, &slab_ties, at);
	int error;

	if (STEP("check", "tie: counted") && !a->nties)
		return TWZ_E_DAMAGED;
	error = index_remove(s, &s->super->tie_index, tie_tag(s, tie->a, tie->b), at);
	if (!error)
		error = unlink(s, a, false, tie);
	if (!error)
		error = unlink(s, b, true, tie);
	count_ties(s, a, -1);
	if (!error)
		error = account_charge(s, a);
	if (!error)
		slab_give(s, &slab_ties, at);
	return error;
}

/* ---- for the home ------------------------------------------------------------------------------ */

static int tie(struct store *s, struct tie_end a, struct tie_end b, uint32_t flags)
{
	struct twz_tie *have;
	uint64_t at;
	int error = tie_check(s, a.rec, b.rec, flags);

	if (error)
		return error;
	error = find(s, a.ref, b.ref, &at, &have);
	if (!error) {
		UPDATE_PUT(&s->update, have, flags,
			   have->flags | kinds_of(flags) | (flags & TWZ_TIE_ENDING));
		return update_end(&s->update, 0);
	}
	if (error == TWZ_E_NOTFOUND)
		error = tie_reserve(s);
	if (!error && a.rec->account)
		error = account_room(s, a.rec, a.rec->nties % TWZ_TIES_CHARGED == 0);
	if (!error)
		error = tie_add(s, a, b, flags);
	if (!error)
		error = account_charge(s, a.rec);
	return update_end(&s->update, error);
}

int store_tie(struct store *s, uint64_t ref, uint64_t to, uint32_t flags)
{
	struct tie_end a = {ref, record_at(s, ref)}, b = {to, record_at(s, to)};
	int error;

	if (a.rec && record_named(s, a.rec))
		return TWZ_E_BUSY;
	do
		error = tie(s, a, b, flags);
	while (store_make_room(s, error));
	return error;
}

/*
 * The tie at `at`, behind the one at `before`; null if those links do not agree. A tie that is met
 * twice would have two before it: a list whose links agree has an end.
 */
static struct twz_tie *member(const struct store *s, uint64_t ref, bool in, uint64_t at,
			      uint64_t before)
{
	struct twz_tie *tie = tie_at(s, at);

	if (!tie || (STEP("check", "tie: of the list") && (in ? tie->b : tie->a) != ref))
		return NULL;
	if (STEP("check", "tie: link") && *prev_of(tie, in) != before)
		return NULL;
	return STEP("sum", "tie of a list") && tie->sum != tie_sum(tie) ? NULL : tie;
}

/* What is freed is on the dying list; what was deleted and is in use, on the ending one. */
int store_cut_gone(struct store *s, uint64_t ref, uint64_t to, int steps)
{
	struct twz_record *rec = record_at(s, ref), *far;
	struct twz_tie *tie;
	uint64_t at, before;
	int error = 0;

	/* Without the tie that is to be undone it would be left with none. */
	if (!rec || !(s->super->dying.head | s->super->ending.head) ||
	    (to && find(s, ref, to, &at, &tie)))
		return 0;
	while (!error && rec->tie_out && steps--) {
		at = rec->tie_out;
		before = 0;
		tie = member(s, ref, false, at, before);
		if (tie && tie->b == to) {
			before = at;
			at = tie->a_next;
			if (!at)
				return 0;
			tie = member(s, ref, false, at, before);
		}
		far = tie ? record_at(s, tie->b) : NULL;
		if (!far)
			return TWZ_E_DAMAGED;
		if (record_alive(s, far))
			return 0;
		error = update_end(&s->update, tie_cut(s, at, rec, far));
	}
	return error ? error : steps < 0;
}

int store_untie(struct store *s, uint64_t ref, uint64_t to, uint32_t kinds)
{
	struct twz_record *rec = record_at(s, ref), *other = record_at(s, to);
	struct twz_tie *tie;
	uint64_t at;
	bool goes;
	int error = 0;

	if (!rec || !other || !record_alive(s, rec) || !record_alive(s, other))
		return TWZ_E_NOTFOUND;
	if (kinds & ~TWZ_TIE_KINDS)
		return TWZ_E_ARG;
	kinds = kinds_of(kinds);
	do
		error = store_cut_gone(s, ref, to, CUT_STEPS);
	while (error > 0);
	if (error)
		return error;
	if (rec->flags & TWZ_RECORD_MARKED && rec->nties == 1 && store_unsettled(s, ref))
		error = store_settle(s, ref);
	if (!error)
		error = find(s, ref, to, &at, &tie);
	if (error)
		return error;
	if (!(tie->flags & kinds))
		return TWZ_E_NOTFOUND;
	if (tie->flags & TWZ_TIE_KINDS & ~kinds) {
		UPDATE_PUT(&s->update, tie, flags, tie->flags & ~kinds);
		return update_end(&s->update, 0);
	}
	goes = rec->flags & TWZ_RECORD_MARKED && rec->nties == 1;
	error = tie_cut(s, at, rec, other);
	if (!error && goes)
		error = lifetime_untied(s, ref);
	return update_end(&s->update, error);
}

int tie_check_keep(const struct store *s, uint64_t ref)
{
	struct twz_tie *tie;

	for (uint64_t at = record_at(s, ref)->tie_out, before = 0; at; at = tie->a_next) {
		const struct twz_record *to;

		tie = member(s, ref, false, at, before);
		to = tie ? record_at(s, tie->b) : NULL;
		if (!to)
			return TWZ_E_DAMAGED;
		if (to->end_epoch && record_alive(s, to) && !(tie->flags & TWZ_TIE_ENDING))
			return TWZ_E_ARG;
		before = at;
	}
	return 0;
}

/* A tie whose other end is gone is there until it is cut, but does not show. */
int store_tie_next(const struct store *s, uint64_t ref, bool in, uint64_t *other, uint32_t *kinds)
{
	struct twz_record *rec = record_at(s, ref), *far;
	uint64_t before = 0, at;
	struct twz_tie *tie;
	int error = 0;

	if (!rec || !record_alive(s, rec))
		return TWZ_E_NOTFOUND;
	if (*other)
		error = in ? find(s, *other, ref, &before, &tie)
			   : find(s, ref, *other, &before, &tie);
	if (error)
		return error == TWZ_E_NOTFOUND ? TWZ_E_BUSY : error;
	for (at = before ? *next_of(tie, in) : *head_of(rec, in); at; at = *next_of(tie, in)) {
		tie = member(s, ref, in, at, before);
		far = tie ? record_at(s, in ? tie->a : tie->b) : NULL;
		if (!far)
			return TWZ_E_DAMAGED;
		if (record_alive(s, far)) {
			*other = in ? tie->a : tie->b;
			*kinds = tie->flags & TWZ_TIE_KINDS;
			return 0;
		}
		before = at;
	}
	return TWZ_E_NOTFOUND;
}
