/*
 * account.c - accounts: what the objects made under a key use of the store (store_int.h,
 * docs/format/store.md).
 *
 * There is room or not before an operation begins; what its updates then change is counted in the
 * same update, and cannot fail for the limit. So the counts are exact, and settling, deleting and
 * dropping never meet a limit.
 */
#include "core/store_int.h"
#include "core/sum.h"

#define WORDS (sizeof(struct twz_account) / 8)
#define PAGES_WORD (offsetof(struct twz_account, pages) / 8)
#define OBJECTS_WORD (offsetof(struct twz_account, objects) / 8)

struct twz_account *account_at(const struct store *s, uint64_t ref)
{
	return slab_at(s, &slab_accounts, ref);
}

uint64_t account_sum(const struct twz_account *a)
{
	uint64_t sum = 0;

#pragma GCC unroll 8 /* at every creation: so the factors are constants */
	for (unsigned i = 0; i < WORDS - 1; i++)
		sum += twz_sum_at(i, ((const uint64_t *)a)[i]);
	return sum;
}

bool account_known(const struct store *s)
{
	return s->fixed->ro & TWZ_STORE_ACCOUNTS;
}

/* By the index. */
static __attribute__((noinline)) int look_up(struct store *s, struct twz_id key)
{
	const struct twz_account *a;
	uint64_t at = 0, ref;

	do {
		ref = index_next(s, &s->super->key_index, index_tag(s, key), &at);
		if (!ref)
			return TWZ_E_NOTFOUND;
		a = account_at(s, ref);
		if (!a) /* so also where the index is damaged */
			return TWZ_E_DAMAGED;
	} while (!id_equal(a->key, key));
	s->account = ref;
	return 0;
}

/* Mostly it is the one that was asked for last, which was looked up: its frame stays a slab's. */
static inline int find(struct store *s, struct twz_id key, uint64_t *ref, struct twz_account **out)
{
	struct twz_account *a = slab_place(s, &slab_accounts, s->account);
	int error;

	if (!s->account || !id_equal(a->key, key)) {
		error = look_up(s, key);
		if (error)
			return error;
		a = slab_place(s, &slab_accounts, s->account);
	}
	*ref = s->account;
	*out = a;
	return STEP("sum", "account") && a->sum != account_sum(a) ? TWZ_E_DAMAGED : 0;
}

/* Before it nothing is staged. */
static __attribute__((noinline)) int make(struct store *s, struct twz_id key, uint64_t *ref,
					  struct twz_account **out)
{
	struct twz_account fresh = {.key = key};
	int error = index_reserve(s, &s->super->key_index);

	if (!error)
		error = slab_take(s, &slab_accounts, ref, (void **)out);
	if (!error)
		error = index_add(s, &s->super->key_index, index_tag(s, key), *ref);
	if (error)
		return error;
	if (STEP("check", "account: taken is free") && UPDATE_GET(&s->update, (*out)->key.lo))
		return TWZ_E_DAMAGED;
	fresh.sum = account_sum(&fresh);
	place_put(s, *out, &fresh, sizeof(fresh));
	return 0;
}

/* The key's account; made if there is none. */
static inline int find_or_make(struct store *s, struct twz_id key, uint64_t *ref,
			       struct twz_account **out)
{
	int error = find(s, key, ref, out);

	return error == TWZ_E_NOTFOUND ? make(s, key, ref, out) : error;
}

static bool has_room(const struct twz_account *a, uint64_t more)
{
	return !a->limit || (a->pages <= a->limit && more <= a->limit - a->pages);
}

int account_open(struct store *s, struct twz_id key, uint64_t pages, uint64_t *ref)
{
	struct twz_account *a;
	int error;

	*ref = 0;
	if (!account_known(s))
		return 0;
	error = find_or_make(s, key, ref, &a);
	/* One that is made here is all zero in place: no limit. */
	if (!error && STEP("check", "account: room to create") && !has_room(a, pages))
		error = TWZ_E_LIMIT;
	return error;
}

/* The sum once for both fields: every creation comes here. In place a new account is all zero. */
void account_enter(struct store *s, uint64_t ref, uint64_t pages)
{
	struct twz_account *a = slab_place(s, &slab_accounts, ref);
	uint64_t now = a->pages + pages, before = a->objects, *sum;

	update_set(&s->update, &a->pages, now);
	update_set(&s->update, &a->objects, before + 1);
	sum = update_word(&s->update, &a->sum);
	*sum += twz_sum_at(PAGES_WORD, now) - twz_sum_at(PAGES_WORD, a->pages) +
		twz_sum_at(OBJECTS_WORD, before + 1) - twz_sum_at(OBJECTS_WORD, before);
}

/* The account that the record refers to, if it is the one of its key. */
static int account_of(const struct store *s, const struct twz_record *rec, struct twz_account **out)
{
	struct twz_account *a = account_at(s, rec->account);

	*out = a;
	if (!a)
		return TWZ_E_DAMAGED;
	if (STEP("check", "account: of the key") &&
	    (!id_equal(a->key, rec->identity.key) || !a->objects))
		return TWZ_E_DAMAGED;
	return STEP("sum", "account of a record") && a->sum != account_sum(a) ? TWZ_E_DAMAGED : 0;
}

int account_room(const struct store *s, const struct twz_record *rec, uint64_t more)
{
	struct twz_account *a;
	int error = record_there(rec);

	if (!error)
		error = account_of(s, rec, &a);
	if (error)
		return error;
	return STEP("check", "account: room") && more && !has_room(a, more) ? TWZ_E_LIMIT : 0;
}

int account_charge_pages(struct store *s, const struct twz_record *rec)
{
	uint64_t before = record_charge(rec->npages, rec->nties);
	uint64_t now = record_charge(UPDATE_GET(&s->update, rec->npages),
				     UPDATE_GET(&s->update, rec->nties));
	struct twz_account *a;
	int error;

	if (now == before)
		return 0;
	error = account_of(s, rec, &a);
	if (error)
		return error;
	if (STEP("check", "account: pages") && now < before && a->pages < before - now)
		return TWZ_E_DAMAGED;
	UPDATE_PUT(&s->update, a, pages, a->pages + now - before);
	return 0;
}

static int give(struct store *s, struct twz_account *a, uint64_t ref)
{
	int error = index_remove(s, &s->super->key_index, index_tag(s, a->key), ref);

	if (!error)
		slab_give(s, &slab_accounts, ref);
	return error;
}

int account_leave(struct store *s, const struct twz_record *rec)
{
	struct twz_account *a;
	int error = account_of(s, rec, &a);

	if (error)
		return error;
	if (a->objects == 1 && !a->limit && !a->frame_limit)
		return give(s, a, rec->account);
	UPDATE_PUT(&s->update, a, pages, UPDATE_GET(&s->update, a->pages) - 1);
	UPDATE_PUT(&s->update, a, objects, a->objects - 1);
	return 0;
}

int store_account(struct store *s, struct twz_id key, struct twz_account *out)
{
	struct twz_account *a;
	uint64_t ref;
	int error = id_none(key) ? TWZ_E_NOTFOUND : find(s, key, &ref, &a);

	if (!error)
		*out = *a;
	return error;
}

int store_account_next(const struct store *s, uint64_t *cursor, struct twz_account *out)
{
	const struct twz_account *a;
	uint64_t ref;
	int error = index_walk(s, &s->super->key_index, cursor, &ref);

	if (error)
		return error;
	a = account_at(s, ref);
	if (!a || a->sum != account_sum(a))
		return TWZ_E_DAMAGED;
	*out = *a;
	return 0;
}

static int limit_key(struct store *s, struct twz_id key, uint64_t pages, uint64_t frames)
{
	struct twz_account *a;
	bool any = pages || frames;
	uint64_t ref;
	int error = any ? find_or_make(s, key, &ref, &a) : find(s, key, &ref, &a);

	if (!error && (any || a->objects)) {
		UPDATE_PUT(&s->update, a, limit, pages);
		UPDATE_PUT(&s->update, a, frame_limit, frames);
	} else if (!error) {
		error = give(s, a, ref);
	}
	error = update_end(&s->update, error);
	return !any && error == TWZ_E_NOTFOUND ? 0 : error;
}

int store_limit_key(struct store *s, struct twz_id key, uint64_t pages, uint64_t frames)
{
	int error;

	if (id_none(key))
		return TWZ_E_ARG;
	if (!account_known(s))
		return TWZ_E_VERSION;
	do
		error = limit_key(s, key, pages, frames);
	while (store_make_room(s, error));
	return error;
}

/* Pages of [page, end) that are present below the node, whose first page is `first`. */
static uint64_t present_below(const struct store *s, uint64_t frame, unsigned level, uint64_t first,
			      uint64_t page, uint64_t end)
{
	const struct twz_node *node = node_at(s, frame, level);
	uint64_t span = tree_span(level - 1), n = 0;

	if (!node)
		return 0;
	if (page <= first && first + tree_span(level) <= end)
		return node->pages;
	for (uint64_t i = page > first ? (page - first) / span : 0;
	     i < TWZ_NODE_FANOUT && first + i * span < end; i++) {
		if (!node->frame[i])
			continue;
		n += level == 1 ? 1
				: present_below(s, node->frame[i], level - 1, first + i * span,
						page, end);
	}
	return n;
}

uint64_t account_present(const struct store *s, const struct twz_record *rec, uint64_t page,
			 uint64_t end)
{
	uint64_t n = 0;

	if (rec->level > TWZ_LEVEL_MAX)
		return 0;
	if (rec->level)
		return present_below(s, rec->map.tree.root, rec->level, 0, page, end);
	for (int i = 0; i < TWZ_RUNS; i++) {
		uint64_t first = run_page(rec->map.run[i]);
		uint64_t last = first + run_pages(rec->map.run[i]);

		first = first > page ? first : page;
		last = last < end ? last : end;
		n += first < last ? last - first : 0;
	}
	return n;
}
