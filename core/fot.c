/*
 * fot.c - the Foreign Object Table (fot.h, docs/format/fot.md).
 *
 * Entry b is at the same time bucket b: `head` begins the chain of the entries that hash to b. With
 * n entries there are n + 1 buckets (0 to n); entry n + 1 brings bucket n + 1, which takes over a
 * part of one other chain. All reads go through the transaction, to see what it has staged.
 */
#include "core/fot.h"
#include "core/heap.h"
#include "core/pmem.h"
#include "core/sum.h"

/* The first word of an entry, as in abi/object.h. */
#define KIND(word) ((uint16_t)(word))
#define NEXT(word) ((uint16_t)((word) >> 32))
#define CHAIN(word) ((uint16_t)((word) >> 48)) /* the field `head` */
#define WITH_NEXT(word, next) (((word) & ~0xffff00000000ull) | (uint64_t)(next) << 32)
#define WITH_CHAIN(word, head) (((word) & ~0xffff000000000000ull) | (uint64_t)(head) << 48)

static uint64_t word_of(const struct twz_tx *tx, const uint64_t *p)
{
	return tx ? *(const uint64_t *)twz_tx_read(tx, p, 8) : *p;
}

static uint64_t *first_word(const void *obj, uint64_t index)
{
	return (uint64_t *)fot_entry(obj, index);
}

static uint64_t *counts_of(const void *obj)
{
	return (uint64_t *)&obj_meta(obj)->fot_next; /* fot_live is its upper half */
}

/* What an entry is found by. */
struct key {
	uint16_t kind;
	uint32_t bytes; /* of the name */
	struct twz_id target;
	const char *name;
	uint32_t hash;
};

static uint32_t hash_of(struct twz_id id, const char *name, uint32_t bytes)
{
	uint64_t hash = twz_fold(id.lo ^ TWZ_SUM_A, id.hi ^ TWZ_SUM_B);

	for (uint32_t i = 0; i < bytes; i++)
		hash = twz_fold(hash ^ (uint8_t)name[i], TWZ_SUM_K);
	return (uint32_t)(hash >> 32);
}

/* The key of an entry that is there; false if its name lies outside the object. */
static bool key_of(const struct twz_tx *tx, const void *obj, uint64_t index, struct key *key)
{
	const struct twz_fot_entry *entry =
		twz_tx_read(tx, fot_entry(obj, index), sizeof(struct twz_fot_entry));
	uint64_t off = ptr_offset(entry->name);

	key->kind = entry->kind;
	key->target = entry->target;
	key->bytes = 0;
	key->name = NULL;
	if (entry->kind == TWZ_FOT_NAME) {
		key->bytes = (uint32_t)ptr_index(entry->name) & 0xffff;
		key->name = (const char *)obj_base(obj) + off;
		if (STEP("check", "fot: name") &&
		    (off < TWZ_OBJ_DATA || off + key->bytes > obj_span(obj)))
			return false;
	}
	key->hash = hash_of(key->target, key->name, key->bytes);
	return true;
}

static bool same(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && a->kind == b->kind && a->bytes == b->bytes &&
	       a->target.lo == b->target.lo && a->target.hi == b->target.hi &&
	       (!a->bytes || !memcmp(a->name, b->name, a->bytes));
}

/* Bucket of a hash, of n + 1. */
static uint32_t bucket_of(uint32_t hash, uint32_t n)
{
	uint32_t mask = n ? ~0u >> __builtin_clz(n) : 0;

	return (hash & mask) <= n ? hash & mask : hash & mask >> 1;
}

/* Finds a key in its chain; *prev is the entry before it, 0 for none. 0: not there. */
static uint32_t find(const struct twz_tx *tx, const void *obj, const struct key *key, uint32_t n,
		     uint32_t *prev)
{
	uint32_t index = CHAIN(word_of(tx, first_word(obj, bucket_of(key->hash, n))));
	struct key other;

	*prev = 0;
	for (uint32_t steps = 0; index && index <= n && steps <= n; steps++) {
		if (key_of(tx, obj, index, &other) && same(key, &other))
			return index;
		*prev = index;
		index = NEXT(word_of(tx, first_word(obj, index)));
	}
	return 0;
}

uint32_t fot_find(const struct twz_tx *tx, const void *obj, struct twz_id target)
{
	uint32_t n = (uint32_t)word_of(tx, counts_of(obj)) & 0xffff;
	uint32_t index =
		n ? CHAIN(word_of(tx, first_word(obj, bucket_of(hash_of(target, NULL, 0), n)))) : 0;

	for (uint32_t steps = 0; index && index <= n && steps <= n; steps++) {
		const struct twz_fot_entry *entry = fot_entry(obj, index);

		if (tx)
			entry = twz_tx_read(tx, entry, sizeof(*entry));
		if (entry->kind == TWZ_FOT_ID && entry->target.lo == target.lo &&
		    entry->target.hi == target.hi)
			return index;
		index = entry->next;
	}
	return 0;
}

/* Sets the chain that begins or goes on at an entry: `head` of a bucket or `next` of an entry. */
static void link_to(struct twz_tx *tx, const void *obj, uint32_t at, bool bucket, uint32_t to)
{
	uint64_t *word = first_word(obj, at), value = word_of(tx, word);

	twz_tx_set(tx, word, bucket ? WITH_CHAIN(value, to) : WITH_NEXT(value, to));
}

/* Bucket n + 1 gets the entries that are its own now. *head: the first of them. */
static int split(struct twz_tx *tx, const void *obj, uint32_t n, uint32_t *head)
{
	uint32_t fresh = n + 1, old = fresh & ~(1u << (31 - __builtin_clz(fresh)));
	uint32_t stay = old, move = 0, index = CHAIN(word_of(tx, first_word(obj, old)));
	bool stay_is_bucket = true;
	struct key key;

	*head = 0;
	for (uint32_t steps = 0; index; steps++) {
		uint32_t next;

		if (STEP("check", "fot: chain") && (index > n || steps > n))
			return TWZ_E_DAMAGED;
		next = NEXT(word_of(tx, first_word(obj, index)));
		if (!key_of(tx, obj, index, &key))
			return TWZ_E_DAMAGED;
		if (bucket_of(key.hash, fresh) == fresh) {
			/* Out of the old chain, to the end of the new one. */
			link_to(tx, obj, stay, stay_is_bucket, next);
			if (move)
				link_to(tx, obj, move, false, index);
			else
				*head = index;
			move = index;
		} else {
			stay = index;
			stay_is_bucket = false;
		}
		index = next;
	}
	if (move)
		link_to(tx, obj, move, false, 0);
	return tx->error;
}

/* A new entry for a key that is not there. */
static int add(struct twz_tx *tx, void *obj, const struct key *key, uint32_t n, uint32_t *index)
{
	uint64_t counts = word_of(tx, counts_of(obj));
	struct twz_fot_entry *entry;
	uint32_t bucket, head, next;
	int error = split(tx, obj, n, &head);

	if (error)
		return error;
	*index = n + 1;
	bucket = bucket_of(key->hash, n + 1);
	next = bucket == n + 1 ? head : CHAIN(word_of(tx, first_word(obj, bucket)));
	entry = twz_tx_write(tx, fot_entry(obj, n + 1), sizeof(*entry));
	if (!entry)
		return tx->error;
	pmem_store64((uint64_t *)entry, key->kind | (uint64_t)next << 32 |
						(uint64_t)(bucket == n + 1 ? n + 1 : head) << 48);
	pmem_store64(&entry->name, 0);
	pmem_store64(&entry->target.lo, key->target.lo);
	pmem_store64(&entry->target.hi, key->target.hi);
	if (bucket != n + 1)
		link_to(tx, obj, bucket, true, n + 1);
	return twz_tx_set(tx, counts_of(obj), counts + 1 + (1ull << 32));
}

static int insert(struct twz_tx *tx, void *obj, struct key *key, uint32_t *index)
{
	uint32_t n, prev;
	int error = twz_tx_add(tx, obj); /* locked: n is what it is */

	if (error)
		return error;
	n = (uint32_t)word_of(tx, counts_of(obj));
	if (STEP("check", "fot: count") && n >= TWZ_FOT_ENTRIES)
		return TWZ_E_DAMAGED;
	*index = find(tx, obj, key, n, &prev);
	if (*index)
		return 0;
	return n == TWZ_FOT_ENTRIES - 1 ? TWZ_E_FOTFULL : add(tx, obj, key, n, index);
}

static int insert_name(struct twz_tx *tx, void *obj, struct key *key, uint32_t *index)
{
	uint32_t before;
	uint64_t *name;
	void *copy;
	int error = twz_tx_add(tx, obj);

	before = error ? 0 : (uint32_t)word_of(tx, counts_of(obj));
	if (!error)
		error = insert(tx, obj, key, index);
	if (error || *index <= before)
		return error;
	name = &fot_entry(obj, *index)->name;
	error = heap_alloc(tx, key->bytes, name, &copy);
	if (error)
		return error;
	pmem_copy(copy, key->name, key->bytes);
	twz_tx_fresh(tx, copy, key->bytes);
	return twz_tx_set(tx, name, ptr_make(key->bytes, obj_offset(copy)));
}

/* Not in its chain any more; the name's block is free. */
static int delete (struct twz_tx *tx, void *obj, uint32_t index)
{
	struct twz_fot_entry *entry = fot_entry(obj, index);
	uint64_t word, counts;
	struct key key;
	uint32_t n, prev;
	int error = twz_tx_add(tx, obj);

	if (error)
		return error;
	counts = word_of(tx, counts_of(obj));
	n = (uint32_t)counts;
	if (!index || index > n || n >= TWZ_FOT_ENTRIES)
		return TWZ_E_ARG;
	word = word_of(tx, (uint64_t *)entry);
	if (KIND(word) != TWZ_FOT_ID && KIND(word) != TWZ_FOT_NAME)
		return TWZ_E_NOTFOUND;
	if (!key_of(tx, obj, index, &key) || find(tx, obj, &key, n, &prev) != index)
		return TWZ_E_DAMAGED;
	link_to(tx, obj, prev ? prev : bucket_of(key.hash, n), !prev, NEXT(word));
	if (KIND(word) == TWZ_FOT_NAME) {
		twz_tx_set(tx, &entry->name, ptr_offset(word_of(tx, &entry->name)));
		error = heap_free(tx, &entry->name);
		if (error)
			return error;
	}
	word = word_of(tx, (uint64_t *)entry); /* its own bucket may have been the one */
	twz_tx_set(tx, (uint64_t *)entry, WITH_NEXT((word & ~0xffffull) | TWZ_FOT_TOMB, 0));
	twz_tx_set(tx, &entry->target.lo, 0);
	twz_tx_set(tx, &entry->target.hi, 0);
	return twz_tx_set(tx, counts_of(obj), counts - (1ull << 32));
}

/* ---- with or without a transaction ------------------------------------------------------------ */

static int end(struct twz_tx *own, struct twz_tx *tx, int error)
{
	if (tx != own)
		return error;
	if (!error)
		return twz_tx_commit(own);
	twz_tx_abort(own);
	return error;
}

int fot_insert(struct twz_tx *tx, void *obj, struct twz_id target, uint32_t *index)
{
	struct key key = {.kind = TWZ_FOT_ID, .target = target, .hash = hash_of(target, NULL, 0)};
	struct twz_tx own;

	if (!tx) {
		*index = fot_find(NULL, obj, target);
		if (*index)
			return 0;
		tx = &own;
		twz_tx_begin(tx);
	}
	return end(&own, tx, insert(tx, obj, &key, index));
}

int fot_insert_name(struct twz_tx *tx, void *obj, const char *name, uint32_t bytes,
		    struct twz_id resolver, uint32_t *index)
{
	struct key key = {.kind = TWZ_FOT_NAME,
			  .bytes = bytes,
			  .target = resolver,
			  .name = name,
			  .hash = hash_of(resolver, name, bytes)};
	struct twz_tx own;

	if (!bytes || bytes > UINT16_MAX)
		return TWZ_E_NAME;
	if (!tx) {
		tx = &own;
		twz_tx_begin(tx);
	}
	return end(&own, tx, insert_name(tx, obj, &key, index));
}

int fot_delete(struct twz_tx *tx, void *obj, uint32_t index)
{
	struct twz_tx own;

	if (!tx) {
		tx = &own;
		twz_tx_begin(tx);
	}
	return end(&own, tx, delete (tx, obj, index));
}
