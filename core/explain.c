/*
 * explain.c - the decision over the objects of a store (explain.h).
 */
#include "abi/object.h"
#include "core/cap.h"
#include "core/explain.h"

/* A context that is read page by page where it lies. */
struct stored {
	struct store *store;
	uint64_t ref;
};

static const uint8_t hole[TWZ_PAGE];

/* What is asked for does not cross a page. */
static const void *stored_at(const struct right_context *context, uint64_t offset, uint64_t bytes)
{
	const struct stored *stored = context->arg;
	const uint8_t *page = store_page(stored->store, stored->ref, offset / TWZ_PAGE);

	(void)bytes;
	return (page ? page : hole) + offset % TWZ_PAGE;
}

static int find(struct store *s, struct twz_id id, uint64_t *ref)
{
	int error = store_find(s, id, ref);

	return !error && store_unsettled(s, *ref) ? store_settle(s, *ref) : error;
}

/* The object's bytes at the start of its data; null if they are not there. */
static const void *data_of(struct store *s, struct twz_id id, uint32_t type)
{
	uint64_t ref;

	if (find(s, id, &ref) || store_record(s, ref)->identity.type != type)
		return NULL;
	return store_page(s, ref, TWZ_OBJ_DATA / TWZ_PAGE);
}

enum right_verdict explain_signature(struct store *s, const struct twz_cap *cap)
{
	const struct twz_key *key = data_of(s, cap->signer, TWZ_TYPE_KEY);

	if (!key)
		return RIGHT_UNKNOWN;
	if (key->magic != TWZ_KEY_MAGIC || key->version != 1 || key->alg != cap->alg)
		return RIGHT_BAD;
	return cap_verify(cap, key->key) ? RIGHT_GOOD : RIGHT_BAD;
}

/* A signature that nobody can check is worth nothing: here there is no later. */
static enum right_verdict verdict(void *arg, const struct twz_cap *cap)
{
	return explain_signature(arg, cap) == RIGHT_GOOD ? RIGHT_GOOD : RIGHT_BAD;
}

static bool context_key(void *arg, struct twz_id context, struct twz_id *key)
{
	uint64_t ref;

	if (store_find(arg, context, &ref) ||
	    store_record(arg, ref)->identity.type != TWZ_TYPE_CONTEXT)
		return false;
	*key = store_record(arg, ref)->identity.key;
	return true;
}

int explain(struct store *s, struct twz_id object, struct twz_id context, uint64_t now,
	    const uint64_t *entry, struct right_answer *answer)
{
	struct stored stored = {.store = s};
	struct right_context active = {.id = context,
				       .bytes = TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA,
				       .at = stored_at,
				       .arg = &stored};
	struct right_query query = {.object = object,
				    .entry = entry,
				    .now = now,
				    .arg = s,
				    .verdict = verdict,
				    .context_key = context_key};
	uint64_t ref;
	int error = find(s, object, &ref);

	if (error)
		return error;
	query.key = right_key(&store_record(s, ref)->identity, object);
	query.defaults = store_record(s, ref)->identity.perms;
	if (context.lo | context.hi) {
		error = find(s, context, &stored.ref);
		if (error)
			return error;
		if (store_record(s, stored.ref)->identity.type != TWZ_TYPE_CONTEXT)
			return TWZ_E_TYPE;
		right_open(&active);
		query.active = &active;
	}
	right_decide(&query, answer);
	return 0;
}
