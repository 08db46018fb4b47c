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

struct twz_account *account_at(const struct store *s, uint64_t ref)
{
	return slab_at(s, &slab_accounts, ref);
}

uint64_t account_sum(const struct twz_account *a)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORDS - 1; i++)
		sum += twz_sum_at(i, ((const uint64_t *)a)[i]);
	return sum;
}

bool account_known(const struct store *s)
{
	return s->fixed->ro & TWZ_STORE_ACCOUNTS;
}

/* Mostly it is the one that was asked for last. */
static int find(struct store *s, struct twz_id key, uint64_t *ref, struct twz_account **out)
{
	struct twz_account *a = account_at(s, *ref = s->account);
	uint64_t at = 0;

	if (!a || !id_equal(a->key, key)) {
		do {
			*ref = index_next(s, &s->super->key_index, index_tag(s, key), &at);
			if (!*ref)
				return TWZ_E_NOTFOUND;
			a = account_at(s, *ref);
			if (!a) /* so also where the index is damaged */
				return TWZ_E_DAMAGED;
		} while (!id_equal(a->key, key));
		s->account = *ref;
	}
	*out = a;
	return STEP("sum", "account") && a->sum != account_sum(a) ? TWZ_E_DAMAGED : 0;
}

/* The key's account; made if there is none: before it nothing is staged. */
static int find_or_make(struct store *s, struct twz_id key, uint64_t *ref, struct twz_account **out)
{
	struct twz_account fresh = {.key = key};
	int error = find(s, key, ref, out);

	if (error != TWZ_E_NOTFOUND)
		return error;
	error = index_reserve(s, &s->super->key_index);
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

static bool has_room(const struct twz_account *a, uint64_t more)
{
	return !a->limit || (a->pages <= a->limit && more <= a->limit - a->pages);
}

int account_enter(struct store *s, struct twz_id key, uint64_t pages, uint64_t *ref)
{
	struct twz_account *a;
	int error;

	*ref = 0;
	if (!account_known(s))
		return 0;
	error = find_or_make(s, key, ref, &a);
	if (error)
		return error;
	/* One that is made here is all zero in place: no limit. */
	if (STEP("check", "account: room to create") && !has_room(a, pages))
		return TWZ_E_LIMIT;
	UPDATE_PUT(&s->update, a, pages, UPDATE_GET(&s->update, a->pages) + pages);
	UPDATE_PUT(&s->update, a, objects, UPDATE_GET(&s->update, a->objects) + 1);
	return 0;
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
	int error = account_of(s, rec, &a);

	if (error)
		return error;
	return STEP("check", "account: room") && more && !has_room(a, more) ? TWZ_E_LIMIT : 0;
}

int account_charge_pages(struct store *s, const struct twz_record *rec)
{
	uint64_t before = rec->npages, now = UPDATE_GET(&s->update, rec->npages);
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
	if (a->objects == 1 && !a->limit)
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

static int limit_key(struct store *s, struct twz_id key, uint64_t pages)
{
	struct twz_account *a;
	uint64_t ref;
	int error = pages ? find_or_make(s, key, &ref, &a) : find(s, key, &ref, &a);

	if (!error && (pages || a->objects))
		UPDATE_PUT(&s->update, a, limit, pages);
	else if (!error)
		error = give(s, a, ref);
	error = update_end(&s->update, error);
	return !pages && error == TWZ_E_NOTFOUND ? 0 : error;
}

int store_limit_key(struct store *s, struct twz_id key, uint64_t pages)
{
	int error;

	if (id_none(key))
		return TWZ_E_ARG;
	if (!account_known(s))
		return TWZ_E_VERSION;
	do
		error = limit_key(s, key, pages);
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
