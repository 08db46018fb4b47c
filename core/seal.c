/*
 * seal.c - sealed objects: content that can be proved, under an ID that follows from it
 * (docs/format/sealed.md).
 *
 * The leaves of the hash tree are the object's pages by number; an all-zero page (a hole) has the
 * zero digest, and so has a node whose children all have it. So sparse objects cost what they hold.
 * The digests of one level stand in the log's area: the lowest level whose digests fit.
 */
#include "abi/object.h"
#include "core/crypto.h"
#include "core/store_int.h"

#define DIGEST 32u
#define FANOUT_BITS 9u
#define TOP 4u /* the root covers 512^4 pages and more than that is no object */
#define AREA_PAGE (TWZ_OBJ_LOG / TWZ_PAGE)
#define AREA_MAX ((TWZ_OBJ_LOG_END - TWZ_OBJ_LOG) / DIGEST)
#define META_PAGE (TWZ_OBJ_META / TWZ_PAGE)
#define FOT_PAGE (TWZ_OBJ_FOT / TWZ_PAGE)
#define FOT_PAGES ((TWZ_OBJ_FOT_END - TWZ_OBJ_FOT) / TWZ_PAGE)
#define FOT_IN_PAGE (TWZ_PAGE / sizeof(struct twz_fot_entry))
#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)

struct digest {
	uint8_t byte[DIGEST];
};

static const struct digest zero_digest;

static bool is_zero(const void *data, uint64_t bytes)
{
	const uint64_t *word = data;

	for (uint64_t i = 0; i < bytes / 8; i++)
		if (word[i])
			return false;
	return true;
}

/* Where a walk over pages goes on: the first page from `page` on that is present. */
static int next_present(const struct store *s, const struct twz_record *rec, uint64_t page,
			uint64_t end, uint64_t *present)
{
	for (struct store_run run; page < end; page += run.pages) {
		int error = tree_run(s, rec, page, end - page, &run);

		if (error)
			return error;
		if (run.frame)
			break;
	}
	*present = page < end ? page : end;
	return 0;
}

/* Digest of node `index` of `level` of the tree over the object's pages; level 0 is a page. */
static int digest_of(const struct store *s, const struct twz_record *rec, unsigned level,
		     uint64_t index, struct digest *out)
{
	uint64_t first = index << FANOUT_BITS * level, end = first + tree_span(level), present;
	struct crypto_state state;
	struct digest child;
	struct store_run run;
	bool any = false;
	int error;

	*out = zero_digest;
	if (level == 0) {
		error = tree_run(s, rec, first, 1, &run);
		if (error || !run.frame || (first >= AREA_PAGE && first < FOT_PAGE) ||
		    is_zero(frame_at(s, run.frame), TWZ_PAGE))
			return error;
		crypto_hash(out, DIGEST, TWZ_HASH_LEAF, frame_at(s, run.frame), TWZ_PAGE);
		return 0;
	}
	error = next_present(s, rec, first, end, &present);
	if (error || present == end)
		return error;
	crypto_hash_begin(&state, DIGEST, level == TOP ? TWZ_HASH_ROOT : TWZ_HASH_INNER);
	for (unsigned i = 0; i < TWZ_NODE_FANOUT; i++) {
		error = digest_of(s, rec, level - 1, (index << FANOUT_BITS) + i, &child);
		if (error)
			return error;
		any |= !is_zero(&child, DIGEST);
		crypto_hash_add(&state, &child, DIGEST);
	}
	if (any)
		crypto_hash_end(&state, out, DIGEST);
	return 0;
}

static uint64_t end_page(uint64_t size)
{
	return DATA_PAGE + (size + TWZ_PAGE - 1) / TWZ_PAGE;
}

/* The level whose digests are kept, for an object of this size, and how many they are. */
static unsigned kept_level(uint64_t size, uint64_t *count)
{
	unsigned level = 0;

	for (;; level++) {
		*count = (end_page(size) + tree_span(level) - 1) >> FANOUT_BITS * level;
		if (*count <= AREA_MAX)
			return level;
	}
}

/* The digest kept for part i; zero where its page is absent. */
static struct digest kept(const struct store *s, const struct twz_record *rec, uint64_t i)
{
	uint64_t page = AREA_PAGE + i * DIGEST / TWZ_PAGE;
	struct store_run run;

	if (tree_run(s, rec, page, 1, &run) || !run.frame)
		return zero_digest;
	return ((struct digest *)frame_at(s, run.frame))[i % (TWZ_PAGE / DIGEST)];
}

/* The root that the kept digests lead to: digest of node `index` of `level`, above `base`. */
static struct digest fold(const struct store *s, const struct twz_record *rec, unsigned base,
			  unsigned level, uint64_t index, uint64_t count)
{
	uint64_t first = index << FANOUT_BITS * (level - base);
	struct digest out = zero_digest, child;
	struct crypto_state state;
	bool any = false;

	if (level == base)
		return index < count ? kept(s, rec, index) : zero_digest;
	if (first >= count)
		return out;
	crypto_hash_begin(&state, DIGEST, level == TOP ? TWZ_HASH_ROOT : TWZ_HASH_INNER);
	for (unsigned i = 0; i < TWZ_NODE_FANOUT; i++) {
		child = fold(s, rec, base, level - 1, (index << FANOUT_BITS) + i, count);
		any |= !is_zero(&child, DIGEST);
		crypto_hash_add(&state, &child, DIGEST);
	}
	if (any)
		crypto_hash_end(&state, &out, DIGEST);
	return out;
}

/* The sealed object's record; TWZ_E_TYPE. */
static int sealed_record(const struct store *s, uint64_t ref, const struct twz_record **rec)
{
	*rec = record_at(s, ref);
	if (!*rec || !((*rec)->identity.flags & TWZ_ID_SEALED))
		return *rec ? TWZ_E_TYPE : TWZ_E_NOTFOUND;
	return (*rec)->identity.size > TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA ? TWZ_E_RANGE : 0;
}

int store_verify_digests(const struct store *s, uint64_t ref)
{
	const struct twz_record *rec;
	struct digest root;
	uint64_t count;
	unsigned level;
	int error = sealed_record(s, ref, &rec);

	if (error)
		return error;
	level = kept_level(rec->identity.size, &count);
	root = fold(s, rec, level, TOP, 0, count);
	if (STEP("sum", "sealed: root") && memcmp(&root, rec->identity.root, DIGEST))
		return TWZ_E_DAMAGED;
	return 0;
}

int store_verify_part(const struct store *s, uint64_t ref, uint64_t page, uint64_t *next)
{
	const struct twz_record *rec;
	struct digest part, have;
	uint64_t count, i;
	unsigned level;
	int error = sealed_record(s, ref, &rec);

	if (error)
		return error;
	level = kept_level(rec->identity.size, &count);
	i = page >> FANOUT_BITS * level;
	if (page >= STORE_PAGES_MAX || i >= count)
		return TWZ_E_RANGE;
	error = digest_of(s, rec, level, i, &part);
	if (error)
		return error;
	have = kept(s, rec, i);
	*next = (i + 1) << FANOUT_BITS * level;
	if (STEP("sum", "sealed: part") && memcmp(&have, &part, DIGEST))
		return TWZ_E_DAMAGED;
	return 0;
}

int store_verify(const struct store *s, uint64_t ref, uint64_t page)
{
	uint64_t next;
	int error = store_verify_part(s, ref, page, &next);

	return error ? error : store_verify_digests(s, ref);
}

/* ---- of pages that the caller has ---------------------------------------------------------------- */

static struct digest digest_given(const struct store_given *g, unsigned n, unsigned level,
				  uint64_t index)
{
	const uint64_t first = index << FANOUT_BITS * level, end = first + tree_span(level);
	struct digest out = zero_digest, child;
	struct crypto_state state;
	bool any = false;

	while (n && g->page < first)
		g++, n--;
	if (!n || g->page >= end || (!level && (!g->data || is_zero(g->data, TWZ_PAGE))))
		return out;
	if (!level) {
		crypto_hash(&out, DIGEST, TWZ_HASH_LEAF, g->data, TWZ_PAGE);
		return out;
	}
	crypto_hash_begin(&state, DIGEST, level == TOP ? TWZ_HASH_ROOT : TWZ_HASH_INNER);
	for (unsigned i = 0; i < TWZ_NODE_FANOUT; i++) {
		child = digest_given(g, n, level - 1, (index << FANOUT_BITS) + i);
		any |= !is_zero(&child, DIGEST);
		crypto_hash_add(&state, &child, DIGEST);
	}
	if (any)
		crypto_hash_end(&state, &out, DIGEST);
	return any ? out : zero_digest;
}

void store_root_of(const struct store_given *given, unsigned n, uint8_t root[static 32])
{
	const struct digest digest = digest_given(given, n, TOP, 0);

	memcpy(root, &digest, DIGEST);
}

/* Making. What is changed here is the new object's own: its pages are made unshared first. */

/* The page, present and the object's own. In a damaged store it may not be there even then. */
static int own_page(struct store *s, uint64_t ref, uint64_t page, void **at)
{
	int error = store_make(s, ref, page, 1);

	*at = error ? NULL : store_page(s, ref, page);
	return error || *at ? error : TWZ_E_DAMAGED;
}

/*
 * Entries as they mean: without chains, HOLD and tombstones. *counts: as fot_next and fot_live would
 * be, if nothing had ever been deleted behind the last one.
 */
static int seal_fot(struct store *s, uint64_t ref, uint32_t counts[2])
{
	counts[0] = counts[1] = 0;
	for (uint64_t page = FOT_PAGE; page < FOT_PAGE + FOT_PAGES; page++) {
		struct twz_fot_entry *entry;
		void *at = store_page(s, ref, page);
		int error = at ? own_page(s, ref, page, &at) : 0;

		if (error)
			return error;
		entry = at;
		for (unsigned i = 0; entry && i < FOT_IN_PAGE; i++) {
			struct twz_fot_entry e = entry[i];

			e.next = e.head = 0;
			e.flags &= (uint16_t)~TWZ_FOT_HOLD;
			if (e.kind == TWZ_FOT_TOMB || e.kind == TWZ_FOT_EMPTY) {
				memset(&e, 0, sizeof(e));
			} else {
				counts[0] = (uint32_t)((page - FOT_PAGE) * FOT_IN_PAGE + i);
				counts[1]++;
			}
			pmem_copy(&entry[i], &e, sizeof(e));
		}
		if (entry)
			pmem_flush("seal: FOT", entry, TWZ_PAGE);
	}
	return 0;
}

/* The meta page without what changes while an object lives. */
static int seal_meta(struct store *s, uint64_t ref, uint64_t src, const uint32_t fot_counts[2])
{
	const struct twz_meta *from = store_page(s, src, META_PAGE);
	struct twz_meta meta;
	void *at;
	int error = record_there(record_at(s, src));

	if (error || !from)
		return error;
	meta = *from;
	memset(&meta.log, 0, sizeof(meta.log));
	meta.fot_next = fot_counts[0];
	meta.fot_live = fot_counts[1];
	error = own_page(s, ref, META_PAGE, &at);
	if (error)
		return error;
	pmem_copy(at, &meta, sizeof(meta));
	pmem_flush("seal: meta page", at, sizeof(meta));
	return 0;
}

/* What lies behind the size in its last page is no content. */
static int seal_tail(struct store *s, uint64_t ref, uint64_t size)
{
	uint64_t page = DATA_PAGE + size / TWZ_PAGE, used = size % TWZ_PAGE;
	void *at;
	int error;

	if (!used || !store_page(s, ref, page))
		return 0;
	error = own_page(s, ref, page, &at);
	if (error)
		return error;
	for (; used % 8; used++)
		pmem_copy((uint8_t *)at + used, "", 1);
	pmem_zero((uint8_t *)at + used, TWZ_PAGE - used);
	return 0;
}

static int seal_digests(struct store *s, uint64_t ref, uint64_t size, struct digest *root)
{
	const struct twz_record *rec = record_at(s, ref);
	unsigned level;
	uint64_t count;

	level = kept_level(size, &count);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t page, present;
		struct digest digest, *place;
		void *at;
		int error = next_present(s, rec, i << FANOUT_BITS * level,
					 count << FANOUT_BITS * level, &present);

		i = present >> FANOUT_BITS * level; /* holes have the digest that they hold: zero */
		if (error)
			return error;
		if (i >= count)
			break;
		error = digest_of(s, rec, level, i, &digest);
		if (error)
			return error;
		if (is_zero(&digest, DIGEST))
			continue; /* the digests' own pages */
		page = AREA_PAGE + i * DIGEST / TWZ_PAGE;
		error = own_page(s, ref, page, &at);
		if (error)
			return error;
		place = (struct digest *)at + i % (TWZ_PAGE / DIGEST);
		pmem_copy(place, &digest, DIGEST);
		pmem_flush("seal: digest", place, DIGEST);
	}
	*root = fold(s, rec, level, TOP, 0, count);
	return 0;
}

static int flush_pages(struct store *s, uint64_t ref, uint64_t end)
{
	struct store_run run;

	for (uint64_t page = DATA_PAGE; page < end; page += run.pages) {
		int error = store_run(s, ref, page, end - page, &run);

		if (error)
			return error;
		if (run.frame)
			pmem_flush("seal: data", frame_at(s, run.frame), run.pages * TWZ_PAGE);
	}
	return 0;
}

/* The ending object becomes the sealed one, under its ID: the commit point. */
static int publish(struct store *s, uint64_t ref, const struct twz_identity *identity,
		   struct twz_id id)
{
	struct twz_record *rec = record_at(s, ref);
	int error = index_reserve(s, &s->super->objects);

	pmem_fence("seal: content");
	if (!error)
		error = list_remove(s, &s->super->ending, ref);
	if (!error)
		error = index_remove(s, &s->super->objects, index_tag(s, rec->id), ref);
	if (!error)
		error = index_add(s, &s->super->objects, index_tag(s, id), ref);
	UPDATE_PUT(&s->update, rec, id.lo, id.lo);
	UPDATE_PUT(&s->update, rec, id.hi, id.hi);
	for (unsigned i = 0; i < sizeof(*identity) / 8; i++)
		update_put_summed(&s->update, rec, &rec->sum, (uint64_t *)&rec->identity + i, 8,
				  ((const uint64_t *)identity)[i]);
	UPDATE_PUT(&s->update, rec, state, TWZ_STATE_LIVE);
	UPDATE_PUT(&s->update, rec, end_epoch, 0);
	return update_end(&s->update, error);
}

/* In the sealed object, which has no limits, the pages would have rights that they cannot have. */
static int limits_check(const struct store *s, uint64_t src, uint64_t end)
{
	struct store_run run;

	for (uint64_t page = META_PAGE; page < end; page += run.pages) {
		int error = store_run(s, src, page, end - page, &run);

		if (error)
			return error;
		if (STEP("check", "seal: limit") && run.limit)
			return TWZ_E_RIGHT;
	}
	return 0;
}

static int fill(struct store *s, uint64_t ref, uint64_t src, struct twz_identity *identity)
{
	uint64_t end = end_page(identity->size);
	uint32_t fot_counts[2];
	struct digest root;
	int error = store_copy(s, ref, FOT_PAGE, src, FOT_PAGE, end - FOT_PAGE);

	if (!error)
		error = seal_fot(s, ref, fot_counts);
	if (!error)
		error = seal_meta(s, ref, src, fot_counts);
	if (!error)
		error = seal_tail(s, ref, identity->size);
	if (!error)
		error = flush_pages(s, ref, end);
	if (!error)
		error = seal_digests(s, ref, identity->size, &root);
	if (!error)
		memcpy(identity->root, &root, DIGEST);
	return error;
}

int store_seal(struct store *s, uint64_t src, uint64_t size, uint32_t type, uint32_t perms,
	       struct twz_id key, uint64_t *ref)
{
	struct twz_identity identity = {.version = 1,
					.type = type,
					.flags = TWZ_ID_SEALED,
					.perms = perms & TWZ_PERM_ALL,
					.key = key,
					.size = size};
	struct store_new new = {.type = type, .perms = perms, .key = key, .ending = true};
	struct twz_id id;
	uint64_t made;
	int error;

	if (size > TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA)
		return TWZ_E_RANGE;
	error = limits_check(s, src, end_page(size));
	if (!error)
		error = store_create(s, &new, &made);
	if (error)
		return error;
	error = fill(s, made, src, &identity);
	id = crypto_id(&identity);
	if (!error && !record_find(s, id, ref)) { /* equal content is the same object */
		error = lifetime_revive(s, *ref);
		return error ? error : store_delete(s, made);
	}
	if (!error)
		error = publish(s, made, &identity, id);
	*ref = made;
	if (error)
		(void)store_delete(s, made); /* the error that matters is the first */
	return error;
}
