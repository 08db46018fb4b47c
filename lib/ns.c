/* ns.c - one namespace (ns.h). */
#include "core/mem.h"
#include "core/probe.h"
#include "core/ptr.h"
#include "core/sum.h"
#include "lib/beside.h"
#include "lib/ns.h"
#include "lib/space.h"
#include "lib/text.h"

#include <twz/heap.h>

#define CHAIN_MAX 65536u /* entries in a bucket; a longer chain is a circle */
#define BUCKETS_MAX (TWZ_NS_SEGMENT * ((1u << TWZ_NS_SEGMENTS) - 1))

/* What look-ups are made of: they read without a transaction, and all of it in place is a third of the calls. */
#define INLINE static inline __attribute__((always_inline))

/* The head's words up to here change together, as one staged range. */
#define HEAD_BYTES offsetof(struct twz_ns, segment)

/* ---- words that may be staged -------------------------------------------------------------------- */

INLINE uint64_t load(const struct twz_tx *tx, const uint64_t *word)
{
	return tx ? *(const uint64_t *)twz_tx_read(tx, word, sizeof(*word))
		  : __atomic_load_n(word, __ATOMIC_RELAXED);
}

INLINE const struct twz_ns *head_of(const struct twz_tx *tx, const struct ns *ns)
{
	return tx ? twz_tx_read(tx, ns->head, HEAD_BYTES) : ns->head;
}

/* The head, to be changed; counts the change. */
static struct twz_ns *head_open(struct twz_tx *tx, const struct ns *ns)
{
	struct twz_ns *head = twz_tx_write(tx, ns->head, HEAD_BYTES);

	if (head)
		head->generation++;
	return head;
}

/* `bytes` at that offset of the object's data; null if they do not lie there. */
INLINE void *at(const struct ns *ns, uint64_t offset, uint64_t bytes)
{
	if (offset < TWZ_OBJ_DATA || offset % 8 || offset > TWZ_SLOT_SIZE - bytes)
		return NULL;
	return ns->obj.base + offset;
}

INLINE struct twz_ns_entry *entry_at(const struct ns *ns, uint64_t offset)
{
	struct twz_ns_entry *entry = at(ns, offset, sizeof(*entry));

	if (!entry || !entry->length || entry->length > TWZ_NAME_MAX)
		return NULL;
	return at(ns, offset, sizeof(*entry) + entry->length);
}

/* ---- buckets ------------------------------------------------------------------------------------ */

/* The twz_sum of the padded name, which need not be made for that. */
INLINE uint64_t hash_of(struct ns_name name)
{
	uint64_t sum = name.length ^ TWZ_SUM_B, first, second;
	uint32_t left = name.length;
	const char *text = name.text;

	for (; left > 16; left -= 16, text += 16)
		sum = twz_sum_step(sum, text_word(text, 8), text_word(text + 8, 8));
	first = text_word(text, left < 8 ? left : 8);
	second = left > 8 ? text_word(text + 8, left - 8) : 0;
	return twz_fold(twz_sum_step(sum, first, second), TWZ_SUM_K);
}

/* The highest bit. */
INLINE unsigned top_of(uint64_t n)
{
	return (unsigned)(63 - __builtin_clzll(n));
}

/* The largest TWZ_NS_SEGMENT * 2^k that is not above nbuckets. */
INLINE uint64_t whole_of(uint64_t nbuckets)
{
	return (uint64_t)1 << top_of(nbuckets);
}

INLINE uint64_t bucket_of(uint64_t hash, uint64_t nbuckets)
{
	uint64_t whole = whole_of(nbuckets), bucket = hash & (2 * whole - 1);

	return bucket < nbuckets ? bucket : bucket - whole;
}

/*
 * Where a bucket is: with TWZ_NS_SEGMENT added its number has one more bit than in the segment before, and the
 * rest of it counts from the segment's start.
 */
INLINE unsigned segment_of(uint64_t bucket)
{
	return top_of(bucket + TWZ_NS_SEGMENT) - top_of(TWZ_NS_SEGMENT);
}

INLINE uint64_t first_of(unsigned segment)
{
	return ((uint64_t)TWZ_NS_SEGMENT << segment) - TWZ_NS_SEGMENT;
}

/* The word of a bucket, of fewer than BUCKETS_MAX; null if the namespace is damaged. */
INLINE uint64_t *bucket_at(const struct twz_tx *tx, const struct ns *ns, uint64_t bucket)
{
	unsigned segment = segment_of(bucket);
	uint64_t array = load(tx, &ns->head->segment[segment]);
	uint64_t offset = array + (bucket - first_of(segment)) * sizeof(uint64_t);

	return array ? at(ns, offset, sizeof(uint64_t)) : NULL;
}

static inline bool nbuckets_ok(uint64_t nbuckets)
{
	return nbuckets >= TWZ_NS_SEGMENT && nbuckets <= BUCKETS_MAX;
}

/* Its hash is known. */
INLINE int find(const struct twz_tx *tx, const struct ns *ns, struct ns_name name, uint64_t hash,
		struct ns_place *place)
{
	uint64_t nbuckets = head_of(tx, ns)->nbuckets, next;

	if (!nbuckets_ok(nbuckets))
		return TWZ_E_DAMAGED;
	place->entry = NULL;
	place->link = bucket_at(tx, ns, bucket_of(hash, nbuckets));
	for (unsigned i = 0; place->link && i < CHAIN_MAX; i++) {
		next = load(tx, place->link);
		if (!next)
			return TWZ_E_NOTFOUND;
		place->entry = entry_at(ns, next);
		if (!place->entry)
			break;
		if (place->entry->hash == hash && place->entry->length == name.length &&
		    text_same(place->entry->name, name.text, name.length))
			return 0;
		place->link = &place->entry->next;
	}
	return TWZ_E_DAMAGED;
}

int ns_find(const struct twz_tx *tx, const struct ns *ns, struct ns_name name,
	    struct ns_place *place)
{
	return find(tx, ns, name, hash_of(name), place);
}

/* ---- reading beside changes ---------------------------------------------------------------------- */

struct reading {
	const struct ns *ns;
	int (*read)(const struct twz_tx *tx, const struct ns *ns, void *arg);
	void *arg;
};

static int read_ns(const struct twz_tx *tx, void *arg)
{
	const struct reading *reading = arg;

	return reading->read(tx, reading->ns, reading->arg);
}

int ns_read(const struct ns *ns,
	    int (*read)(const struct twz_tx *tx, const struct ns *ns, void *arg), void *arg)
{
	struct reading reading = {ns, read, arg};

	return read_beside(&ns->obj, &ns->head->generation, read_ns, &reading);
}

struct lookup {
	struct ns_name name;
	uint64_t hash;
	struct twz_id *id;
};

INLINE int look_up(const struct twz_tx *tx, const struct ns *ns, struct ns_name name, uint64_t hash,
		   struct twz_id *id)
{
	struct ns_place place;
	int error = find(tx, ns, name, hash, &place);

	if (!error)
		*id = (struct twz_id){load(tx, &place.entry->id.lo), load(tx, &place.entry->id.hi)};
	return error;
}

static int look_up_any(const struct twz_tx *tx, const struct ns *ns, void *arg)
{
	const struct lookup *lookup = arg;

	return look_up(tx, ns, lookup->name, lookup->hash, lookup->id);
}

static __attribute__((noinline)) int look_up_beside(const struct ns *ns, struct ns_name name,
						    uint64_t hash, struct twz_id *id)
{
	struct lookup lookup = {name, hash, id};

	return ns_read(ns, look_up_any, &lookup);
}

/* Mostly nobody is changing it: then one try is all. */
int ns_lookup(const struct ns *ns, struct ns_name name, struct twz_id *id)
{
	const uint64_t hash = hash_of(name);
	struct beside beside;
	struct twz_id found;
	int error;

	if (!beside_begin(&beside, &ns->obj, &ns->head->generation))
		return look_up_beside(ns, name, hash, id);
	error = look_up(NULL, ns, name, hash, &found);
	if (!beside_end(&beside))
		return look_up_beside(ns, name, hash, id);
	if (!error)
		*id = found;
	return error;
}

static int above(const struct twz_tx *tx, const struct ns *ns, void *arg)
{
	*(struct twz_id *)arg = ns_parent(tx, ns);
	return 0;
}

int ns_above(const struct ns *ns, struct twz_id *id)
{
	return ns_read(ns, above, id);
}

/* ---- changes ------------------------------------------------------------------------------------ */

/* Moves the entries of bucket `from` that belong in the fresh bucket `to` there. */
static int split(struct twz_tx *tx, const struct ns *ns, uint64_t from, uint64_t to,
		 uint64_t nbuckets)
{
	uint64_t *stay = bucket_at(tx, ns, from), *move = bucket_at(tx, ns, to), next;

	if (!stay || !move)
		return TWZ_E_DAMAGED;
	next = load(tx, stay);
	for (unsigned i = 0; next; i++) {
		struct twz_ns_entry *entry = entry_at(ns, next);
		uint64_t **tail;

		if (!entry || i == CHAIN_MAX)
			return TWZ_E_DAMAGED;
		tail = bucket_of(entry->hash, nbuckets) == to ? &move : &stay;
		if (load(tx, *tail) != next)
			twz_tx_set(tx, *tail, next);
		*tail = &entry->next;
		next = load(tx, &entry->next);
	}
	if (load(tx, stay))
		twz_tx_set(tx, stay, 0);
	if (load(tx, move))
		twz_tx_set(tx, move, 0);
	return tx->error;
}

/* One bucket more. */
static int grow(struct twz_tx *tx, const struct ns *ns, struct twz_ns *head)
{
	uint64_t bucket = head->nbuckets, bytes;
	unsigned segment = segment_of(bucket);
	void *array;
	int error;

	if (segment == TWZ_NS_SEGMENTS)
		return 0; /* chains get longer from here on */
	if (bucket == first_of(segment) && !load(tx, &ns->head->segment[segment])) {
		bytes = ((uint64_t)TWZ_NS_SEGMENT << segment) * sizeof(uint64_t);
		error = heap_alloc(tx, bytes, &ns->head->segment[segment], &array);
		if (error)
			return error;
		memset(array, 0, bytes);
		twz_tx_fresh(tx, array, bytes);
	}
	head->nbuckets++;
	return split(tx, ns, bucket - whole_of(bucket), bucket, bucket + 1);
}

static int fail(struct twz_tx *tx, int error)
{
	if (error && !tx->error)
		tx->error = error;
	return error;
}

int ns_add(struct twz_tx *tx, const struct ns *ns, struct ns_name name, struct twz_id id,
	   uint32_t type)
{
	struct twz_ns *head = head_open(tx, ns);
	struct twz_ns_entry *entry;
	struct ns_place place;
	uint64_t bytes = sizeof(*entry) + name.length;
	void *block;
	int error;

	if (!head)
		return tx->error;
	if (head->count >= head->nbuckets) {
		error = grow(tx, ns, head);
		if (error)
			return fail(tx, error);
	}
	error = ns_find(tx, ns, name, &place);
	if (error != TWZ_E_NOTFOUND)
		return fail(tx, error ? error : TWZ_E_EXISTS);
	error = heap_alloc(tx, bytes, place.link, &block);
	if (error)
		return fail(tx, error);
	entry = block;
	*entry = (struct twz_ns_entry){
		.hash = hash_of(name), .id = id, .type = type, .length = (uint16_t)name.length};
	memcpy(entry->name, name.text, name.length);
	twz_tx_fresh(tx, entry, bytes);
	head->count++;
	return 0;
}

int ns_remove(struct twz_tx *tx, const struct ns *ns, const struct ns_place *place)
{
	uint64_t next = load(tx, &place->entry->next);
	struct twz_ns *head = head_open(tx, ns);
	int error;

	if (!head)
		return tx->error;
	error = heap_free(tx, place->link);
	if (error)
		return fail(tx, error);
	head->count--;
	return twz_tx_set(tx, place->link, next);
}

int ns_point(struct twz_tx *tx, const struct ns *ns, const struct ns_place *place, struct twz_id id,
	     uint32_t type)
{
	struct twz_id *staged = twz_tx_write(tx, &place->entry->id, sizeof(*staged));
	uint32_t *staged_type = twz_tx_write(tx, &place->entry->type, sizeof(*staged_type));

	if (!staged || !staged_type || !head_open(tx, ns))
		return tx->error;
	*staged = id;
	*staged_type = type;
	return 0;
}

int ns_set_parent(struct twz_tx *tx, const struct ns *ns, struct twz_id parent)
{
	struct twz_ns *head = head_open(tx, ns);

	if (head)
		head->parent = parent;
	return tx->error;
}

int ns_set_doomed(struct twz_tx *tx, const struct ns *ns, struct twz_id doomed)
{
	struct twz_id *staged = twz_tx_write(tx, &ns->head->doomed, sizeof(*staged));

	if (staged)
		*staged = doomed;
	return tx->error;
}

uint64_t ns_count(const struct twz_tx *tx, const struct ns *ns)
{
	return head_of(tx, ns)->count;
}

struct twz_id ns_parent(const struct twz_tx *tx, const struct ns *ns)
{
	return head_of(tx, ns)->parent;
}

struct twz_id ns_doomed(const struct twz_tx *tx, const struct ns *ns)
{
	return (struct twz_id){load(tx, &ns->head->doomed.lo), load(tx, &ns->head->doomed.hi)};
}

/* ---- making and opening ------------------------------------------------------------------------- */

/* What is looked at here does not change, though it may be written again as it is: no race. */
static __attribute__((no_sanitize_thread)) int find_head(struct ns *ns)
{
	const struct twz_meta *meta = obj_meta(ns->obj.base);
	const struct twz_heap *heap;

	if (meta->magic != TWZ_META_MAGIC || !meta->heap)
		return TWZ_E_TYPE;
	heap = at(ns, meta->heap, sizeof(*heap));
	if (!heap)
		return TWZ_E_DAMAGED;
	if (!heap->root)
		return TWZ_E_TYPE;
	ns->head = at(ns, heap->root, sizeof(*ns->head));
	if (!ns->head || ns->head->magic != TWZ_NS_MAGIC)
		return TWZ_E_TYPE;
	return ns->head->version == 1 ? 0 : TWZ_E_VERSION;
}

/* The first time in this slot. */
static int open_first(struct ns *ns)
{
	int error = space_readable(ns->obj.slot);

	if (error)
		return error;
	if (!probe_load(obj_meta(ns->obj.base), sizeof(struct twz_meta)))
		return TWZ_E_NOTFOUND;
	error = find_head(ns);
	if (!error)
		space_note(ns->obj.slot, obj_offset(ns->head));
	return error;
}

int ns_open(struct twz_id id, struct ns *ns)
{
	uint64_t head;
	int error = twz_obj_open(id, &ns->obj);

	if (error)
		return error;
	head = space_noted(ns->obj.slot);
	if (!head)
		return open_first(ns);
	ns->head = (struct twz_ns *)(ns->obj.base + head);
	/* Deleted by another program, and still in a slot? */
	return probe_load(obj_meta(ns->obj.base), 1) ? 0 : TWZ_E_NOTFOUND;
}

int ns_new(struct twz_id parent, uint32_t perms, struct twz_id *id)
{
	const struct twz_new new = {.type = TWZ_TYPE_NAMESPACE,
				    .perms = perms,
				    .key = perms ? twz_rt_info()->key : (struct twz_id){0},
				    .ending = true,
				    .heap = true};
	void *block = NULL, *segment = NULL;
	struct twz_obj obj;
	struct twz_ns *head;
	struct twz_tx tx;
	int error = twz_obj_new(&new, &obj);

	if (error)
		return error;
	*id = obj.id;
	twz_tx_begin(&tx);
	error = heap_alloc(&tx, sizeof(*head), twz_heap_root(&obj), &block);
	if (!error) {
		head = block;
		*head = (struct twz_ns){.magic = TWZ_NS_MAGIC,
					.version = 1,
					.nbuckets = TWZ_NS_SEGMENT,
					.parent = parent};
		error = heap_alloc(&tx, TWZ_NS_SEGMENT * sizeof(uint64_t), &head->segment[0],
				   &segment);
	}
	if (!error) {
		memset(segment, 0, TWZ_NS_SEGMENT * sizeof(uint64_t));
		twz_tx_fresh(&tx, segment, TWZ_NS_SEGMENT * sizeof(uint64_t));
		twz_tx_fresh(&tx, head, sizeof(*head));
	}
	fail(&tx, error); /* heap_alloc's may not be in it */
	error = twz_tx_commit(&tx);
	if (error) {
		twz_obj_delete(obj.id);
		twz_obj_recycle(&obj);
	}
	return error;
}

int ns_walk(const struct twz_tx *tx, const struct ns *ns,
	    int (*each)(const struct twz_ns_entry *entry, void *arg), void *arg)
{
	uint64_t nbuckets = head_of(tx, ns)->nbuckets;

	if (!nbuckets_ok(nbuckets))
		return TWZ_E_DAMAGED;
	for (uint64_t i = 0; i < nbuckets; i++) {
		uint64_t *link = bucket_at(tx, ns, i), next;
		unsigned steps = 0;

		if (!link)
			return TWZ_E_DAMAGED;
		while ((next = load(tx, link))) {
			struct twz_ns_entry *entry = entry_at(ns, next);
			int result;

			if (!entry || ++steps > CHAIN_MAX)
				return TWZ_E_DAMAGED;
			result = each(entry, arg);
			if (result)
				return result;
			link = &entry->next;
		}
	}
	return 0;
}
