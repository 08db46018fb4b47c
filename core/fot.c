/*
 * fot.c - the Foreign Object Table (fot.h, docs/format/fot.md).
 *
 * Entry b is at the same time bucket b: `head` begins the chain of the entries that hash to b. With
 * n entries there are n + 1 buckets (0 to n); entry n + 1 brings bucket n + 1, which takes over a
 * part of one other chain. An index in an entry has 16 bits, so whatever it says, it leads to an
 * entry; what a hostile table can do is send in circles, so walks count their steps.
 */
#include "core/edit.h"
#include "core/fot.h"
#include "core/heap.h"
#include "core/probe.h"
#include "core/ptr.h"
#include "core/sum.h"

/* The functions below are expanded twice, for use with a transaction and without. */
#define INLINE static inline __attribute__((always_inline))

/* The first word of an entry, as in abi/object.h: kind, flags, next, head. */
#define KIND(word) ((uint16_t)(word))
#define HOLD ((uint64_t)TWZ_FOT_HOLD << 16)
#define NEXT(word) ((uint16_t)((word) >> 32))
#define HEAD(word) ((uint16_t)((word) >> 48))
#define WITH_NEXT(word, next) (((word) & ~0xffff00000000ull) | (uint64_t)(next) << 32)
#define WITH_HEAD(word, head) (((word) & ~0xffff000000000000ull) | (uint64_t)(head) << 48)

static inline struct twz_fot_entry *entry_at(uint8_t *base, uint32_t index)
{
	return (struct twz_fot_entry *)(base + TWZ_OBJ_FOT) + index;
}

static inline uint64_t *word_at(uint8_t *base, uint32_t index)
{
	return (uint64_t *)entry_at(base, index);
}

/* fot_next, and fot_live in the upper half. */
static inline uint64_t *counts_at(uint8_t *base)
{
	return (uint64_t *)&((struct twz_meta *)(base + TWZ_OBJ_META))->fot_next;
}

/* The number of entries for who only looks: too many are as good as few. */
static inline uint32_t look_count(const struct twz_tx *tx, uint8_t *base)
{
	return (uint16_t)edit_get(tx, counts_at(base));
}

/* ---- what an entry is found by --------------------------------------------------------------- */

struct key {
	uint16_t kind;
	uint32_t bytes; /* of the name */
	struct twz_id target;
	const char *name;
	uint32_t hash;
};

static inline uint32_t hash_of(struct twz_id id, const char *name, uint32_t bytes)
{
	uint64_t hash = twz_fold(id.lo ^ TWZ_SUM_A, id.hi ^ TWZ_SUM_B);

	for (uint32_t i = 0; i < bytes; i++)
		hash = twz_fold(hash ^ (uint8_t)name[i], TWZ_SUM_K);
	return (uint32_t)(hash >> 32);
}

/* The key of an entry that is there; false if its name lies outside the object. */
INLINE bool key_of(const struct twz_tx *tx, uint8_t *base, uint32_t index, struct key *key)
{
	struct twz_fot_entry *entry = entry_at(base, index);

	key->kind = KIND(edit_get(tx, word_at(base, index)));
	key->target.lo = edit_get(tx, &entry->target.lo);
	key->target.hi = edit_get(tx, &entry->target.hi);
	key->bytes = 0;
	key->name = NULL;
	if (__builtin_expect(key->kind == TWZ_FOT_NAME, 0)) {
		uint64_t name = edit_get(tx, &entry->name), off = ptr_offset(name);

		key->bytes = (uint32_t)ptr_index(name) & 0xffff;
		key->name = (const char *)base + off;
		if (STEP("check", "fot: name") &&
		    (off < TWZ_OBJ_DATA || off + key->bytes > obj_span(base)))
			return false;
	}
	key->hash = hash_of(key->target, key->name, key->bytes);
	return true;
}

INLINE bool same(const struct key *a, const struct key *b)
{
	return a->kind == b->kind && a->bytes == b->bytes && a->target.lo == b->target.lo &&
	       a->target.hi == b->target.hi && (!a->bytes || !memcmp(a->name, b->name, a->bytes));
}

/* Bucket of a hash, of n + 1. */
static inline uint32_t bucket_of(uint32_t hash, uint32_t n)
{
	uint32_t mask = ~0u >> __builtin_clz(n | 1);

	return (hash & mask) <= n ? hash & mask : hash & mask >> 1;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* Finds a key among n entries; *before is the entry before it in its chain, 0 for none. */
INLINE uint32_t find(const struct twz_tx *tx, uint8_t *base, const struct key *key, uint32_t n,
		     uint32_t *before)
{
	uint32_t index, steps = n;
	struct key other;

	*before = 0;
	if (!n)
		return 0;
	index = HEAD(edit_get(tx, word_at(base, bucket_of(key->hash, n))));
	while (index && steps--) {
		if (key->kind == TWZ_FOT_ID) {
			struct twz_fot_entry *entry = entry_at(base, index);

			if (KIND(edit_get(tx, word_at(base, index))) == TWZ_FOT_ID &&
			    edit_get(tx, &entry->target.lo) == key->target.lo &&
			    edit_get(tx, &entry->target.hi) == key->target.hi)
				return index;
		} else if (key_of(tx, base, index, &other) && same(key, &other)) {
			return index;
		}
		*before = index;
		index = NEXT(edit_get(tx, word_at(base, index)));
	}
	return 0;
}

static inline struct key id_key(struct twz_id target)
{
	return (struct key){.kind = TWZ_FOT_ID, .target = target, .hash = hash_of(target, NULL, 0)};
}

static __attribute__((noinline)) uint32_t find_tx(const struct twz_tx *tx, uint8_t *base,
						  struct twz_id target)
{
	struct key key = id_key(target);
	uint32_t before;

	return find(tx, base, &key, look_count(tx, base), &before);
}

uint32_t fot_find(const struct twz_tx *tx, const void *obj, struct twz_id target)
{
	struct key key = id_key(target);
	uint8_t *base = obj_base(obj);
	uint32_t before;

	if (tx)
		return find_tx(tx, base, target);
	return find(NULL, base, &key, look_count(NULL, base), &before);
}

/* ---- changing chains ------------------------------------------------------------------------- */

/*
 * First words of entries while chains change. An entry's `next` and its `head` are links of two
 * chains; the two entries of which both can change are kept here until the end.
 */
struct words {
	struct edit *edit;
	struct twz_tx *tx;
	uint8_t *base;
	uint32_t index[2], nputs;
	uint64_t old[2], new[2];
};

INLINE void words_begin(struct words *w, struct edit *e, struct twz_tx *tx, uint8_t *base,
			uint32_t first, uint32_t second)
{
	*w = (struct words){.edit = e, .tx = tx, .base = base, .index = {first, second}};
	for (int i = 0; i < 2; i++)
		w->old[i] = w->new[i] = edit_get(tx, word_at(base, w->index[i]));
}

INLINE uint64_t words_get(const struct words *w, struct twz_tx *tx, uint32_t index)
{
	return index == w->index[0]   ? w->new[0]
	       : index == w->index[1] ? w->new[1]
				      : edit_get(tx, word_at(w->base, index));
}

/* Of an entry that is not one of the two: once. */
INLINE void words_put(struct words *w, struct twz_tx *tx, uint32_t index, uint64_t word)
{
	if (index == w->index[0]) {
		w->new[0] = word;
	} else if (index == w->index[1]) {
		w->new[1] = word;
	} else {
		if (++w->nputs > EDIT_WORDS / 2)
			edit_more(w->edit, tx);
		edit_set(w->edit, tx, word_at(w->base, index), word);
	}
}

INLINE void words_end(struct words *w, struct twz_tx *tx)
{
	for (int i = 0; i < 2; i++)
		if (w->new[i] != w->old[i])
			edit_set(w->edit, tx, word_at(w->base, w->index[i]), w->new[i]);
}

/* Where a chain goes on: `head` of a bucket or `next` of an entry. */
struct link {
	uint32_t index;
	bool is_bucket;
};

/* Lets it go on with entry `to`. */
INLINE void link_to(struct words *w, struct twz_tx *tx, struct link at, uint32_t to)
{
	uint64_t word = words_get(w, tx, at.index);
	uint64_t new = at.is_bucket ? WITH_HEAD(word, to) : WITH_NEXT(word, to);

	if (new != word)
		words_put(w, tx, at.index, new);
}

/* The bucket whose chain entry number `fresh` splits. */
static inline uint32_t parent_of(uint32_t fresh)
{
	return fresh ^ 1u << (31 - __builtin_clz(fresh));
}

/* Bucket `fresh` takes over what is its own now. *head: its chain. */
INLINE int split(struct words *w, struct twz_tx *tx, uint32_t fresh, uint32_t *head)
{
	struct link stay = {parent_of(fresh), true}, move = {0, true};
	uint32_t index = HEAD(words_get(w, tx, stay.index)), steps = fresh, next;
	struct key key;

	*head = 0;
	for (; index; index = next) {
		if (STEP("check", "fot: chain") && (index >= fresh || !steps--))
			return TWZ_E_DAMAGED;
		next = NEXT(words_get(w, tx, index));
		if (!key_of(tx, w->base, index, &key))
			return TWZ_E_DAMAGED;
		if (bucket_of(key.hash, fresh) != fresh) {
			link_to(w, tx, stay, index);
			stay = (struct link){index, false};
			continue;
		}
		if (move.index)
			link_to(w, tx, move, index);
		else
			*head = index;
		move = (struct link){index, false};
	}
	link_to(w, tx, stay, 0);
	if (move.index)
		link_to(w, tx, move, 0);
	return 0;
}

/*
 * A new entry, the first of its chain. Its kind is stored behind its target, and links to it behind
 * that, so that who looks without a lock never sees half an entry.
 */
INLINE int add(struct edit *e, struct twz_tx *tx, uint8_t *base, const struct key *key,
	       uint64_t counts, uint32_t *index)
{
	struct twz_meta *meta = (struct twz_meta *)(base + TWZ_OBJ_META);
	uint32_t fresh = (uint32_t)counts + 1, bucket = bucket_of(key->hash, fresh), head;
	struct words w;
	uint64_t word;
	int error;

	words_begin(&w, e, tx, base, parent_of(fresh), bucket == fresh ? 0 : bucket);
	edit_set(e, tx, &entry_at(base, fresh)->target.lo, key->target.lo);
	edit_set(e, tx, &entry_at(base, fresh)->target.hi, key->target.hi);
	error = split(&w, tx, fresh, &head);
	if (error)
		return error;
	word = WITH_HEAD((uint64_t)key->kind, head);
	if (bucket == fresh) {
		word = WITH_HEAD(WITH_NEXT(word, head), fresh);
	} else {
		word = WITH_NEXT(word, HEAD(words_get(&w, tx, bucket)));
		link_to(&w, tx, (struct link){bucket, true}, fresh);
	}
	edit_set(e, tx, word_at(base, fresh), word);
	words_end(&w, tx);
	if (!edit_get(tx, &meta->magic)) {
		edit_set(e, tx, (uint64_t *)&meta->version, 1);
		edit_set(e, tx, &meta->magic, TWZ_META_MAGIC);
	}
	edit_set(e, tx, counts_at(base), counts + 1 + (1ull << 32));
	*index = fresh;
	return 0;
}

/* ---- insert and delete ----------------------------------------------------------------------- */

/* `absent`: what the counts were when the key was looked for without the lock, and not found. */
INLINE int find_or_add(struct edit *e, struct twz_tx *tx, uint8_t *base, const struct key *key,
		       uint64_t absent, uint32_t *index)
{
	uint64_t counts = edit_get(tx, counts_at(base));
	uint32_t n = (uint32_t)counts, before;

	if (STEP("check", "fot: count") && n >= TWZ_FOT_ENTRIES)
		return TWZ_E_DAMAGED;
	*index = counts == absent ? 0 : find(tx, base, key, n, &before);
	if (*index)
		return 0;
	return n == TWZ_FOT_ENTRIES - 1 ? TWZ_E_FOTFULL : add(e, tx, base, key, counts, index);
}

static __attribute__((noinline)) int insert_tx(struct twz_tx *tx, uint8_t *base,
					       const struct key *key, uint32_t *index)
{
	struct edit e;
	int error = edit_begin(&e, tx, base);

	return error ? error : edit_end(&e, tx, find_or_add(&e, tx, base, key, ~0ull, index));
}

int fot_insert(struct twz_tx *tx, void *obj, struct twz_id target, uint32_t *index)
{
	struct key key = id_key(target);
	uint8_t *base = obj_base(obj);
	struct edit e;
	uint64_t counts;
	uint32_t before;
	int error;

	if (tx)
		return insert_tx(tx, base, &key, index);

	/*
	 * Mostly it is there, and nothing needs to be locked. If it is not, and the counts, which
	 * change behind all else, are the same under the lock, then it is still not there.
	 */
	counts = edit_get(NULL, counts_at(base));
	*index = find(NULL, base, &key, (uint16_t)counts, &before);
	if (*index)
		return 0;
	error = edit_begin(&e, NULL, base);
	return error ? error : edit_end(&e, NULL, find_or_add(&e, NULL, base, &key, counts, index));
}

static int insert_name(struct twz_tx *tx, uint8_t *base, const struct key *key, uint32_t *index)
{
	uint32_t before = (uint32_t)edit_get(tx, counts_at(base));
	uint64_t *name;
	void *copy;
	int error = insert_tx(tx, base, key, index);

	if (error || *index <= before)
		return error;
	name = &entry_at(base, *index)->name;
	error = heap_alloc(tx, key->bytes, name, &copy);
	if (error)
		return error;
	pmem_copy(copy, key->name, key->bytes);
	twz_tx_fresh(tx, copy, key->bytes);
	return twz_tx_set(tx, name, ptr_make(key->bytes, obj_offset(copy)));
}

/* Not in its chain any more; the name's block is free. */
static int delete (struct twz_tx *tx, uint8_t *base, uint32_t index)
{
	uint64_t counts = edit_get(tx, counts_at(base)), word;
	uint32_t n = (uint32_t)counts, before;
	struct twz_fot_entry *entry = entry_at(base, index);
	struct key key;
	struct words w;
	int error = 0;

	if (!index || index > n || n >= TWZ_FOT_ENTRIES)
		return TWZ_E_ARG;
	word = edit_get(tx, word_at(base, index));
	if (KIND(word) != TWZ_FOT_ID && KIND(word) != TWZ_FOT_NAME)
		return TWZ_E_NOTFOUND;
	if (KIND(word) == TWZ_FOT_ID && word & HOLD)
		return TWZ_E_BUSY;
	if (!key_of(tx, base, index, &key) || find(tx, base, &key, n, &before) != index)
		return TWZ_E_DAMAGED;
	words_begin(&w, NULL, tx, base, index, before);
	link_to(&w, tx,
		before ? (struct link){before, false} : (struct link){bucket_of(key.hash, n), true},
		NEXT(word));
	w.new[0] = WITH_NEXT((w.new[0] & ~0xffffull) | TWZ_FOT_TOMB, 0);
	words_end(&w, tx);
	if (KIND(word) == TWZ_FOT_NAME) {
		twz_tx_set(tx, &entry->name, ptr_offset(edit_get(tx, &entry->name)));
		error = heap_free(tx, &entry->name);
	}
	twz_tx_set(tx, &entry->target.lo, 0);
	twz_tx_set(tx, &entry->target.hi, 0);
	twz_tx_set(tx, counts_at(base), counts - (1ull << 32));
	return error ? error : tx->error;
}

static int hold(struct twz_tx *tx, uint8_t *base, uint32_t index, bool on)
{
	uint32_t n = (uint32_t)edit_get(tx, counts_at(base));
	uint64_t word, held;

	if (!index || index > n || n >= TWZ_FOT_ENTRIES)
		return TWZ_E_ARG;
	word = edit_get(tx, word_at(base, index));
	if (KIND(word) != TWZ_FOT_ID)
		return KIND(word) == TWZ_FOT_NAME ? TWZ_E_TYPE : TWZ_E_NOTFOUND;
	held = on ? word | HOLD : word & ~HOLD;
	return held == word ? 0 : twz_tx_set(tx, word_at(base, index), held);
}

/* These are not hot: a transaction of their own is of the general form. */
static int own_end(struct twz_tx *tx, int error)
{
	if (!error)
		return twz_tx_commit(tx);
	twz_tx_abort(tx);
	return error;
}

int fot_insert_name(struct twz_tx *tx, void *obj, const char *name, uint32_t bytes,
		    struct twz_id resolver, uint32_t *index)
{
	struct key key = {.kind = TWZ_FOT_NAME,
			  .bytes = bytes,
			  .target = resolver,
			  .name = name,
			  .hash = hash_of(resolver, name, bytes)};
	uint8_t *base = obj_base(obj);
	struct twz_tx own;
	int error;

	if (!bytes || bytes > UINT16_MAX)
		return TWZ_E_NAME;
	if (!tx)
		twz_tx_begin(&own);
	error = twz_tx_add(tx ? tx : &own, base);
	if (!error)
		error = insert_name(tx ? tx : &own, base, &key, index);
	return tx ? error : own_end(&own, error);
}

int fot_delete(struct twz_tx *tx, void *obj, uint32_t index)
{
	uint8_t *base = obj_base(obj);
	struct twz_tx own;
	int error;

	if (!tx)
		twz_tx_begin(&own);
	error = twz_tx_add(tx ? tx : &own, base);
	if (!error)
		error = delete (tx ? tx : &own, base, index);
	return tx ? error : own_end(&own, error);
}

int fot_hold(struct twz_tx *tx, void *obj, uint32_t index, bool on)
{
	uint8_t *base = obj_base(obj);
	struct twz_tx own;
	int error;

	if (!tx)
		twz_tx_begin(&own);
	error = twz_tx_add(tx ? tx : &own, base);
	if (!error)
		error = hold(tx ? tx : &own, base, index, on);
	return tx ? error : own_end(&own, error);
}

bool fot_name(const uint64_t *where, char *out, uint32_t room)
{
	const struct twz_fot_entry *entry;
	uint64_t name, bytes;
	const char *text;

	if (!probe_load(where, sizeof(*where)) || ptr_index(*where) >= TWZ_FOT_ENTRIES)
		return false;
	entry = fot_entry(where, ptr_index(*where));
	if (!probe_load(entry, sizeof(*entry)) || entry->kind != TWZ_FOT_NAME)
		return false;
	name = entry->name;
	text = (const char *)obj_base(where) + ptr_offset(name);
	bytes = ptr_index(name) & 0xffff;
	if (bytes > room - 1)
		bytes = room - 1;
	if (ptr_offset(name) > obj_span(where) - bytes || !probe_load(text, bytes))
		return false;
	for (uint64_t i = 0; i < bytes; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[bytes] = 0;
	return true;
}
