/*
 * vec.c - vectors in objects (vec.h, docs/format/vec.md).
 *
 * An element is staged as one range, and so are struct twz_vec and the list of segments. Without a
 * transaction, what changes a few words goes by edit.h; all else makes a transaction.
 */
#include "core/block.h"
#include "core/edit.h"
#include "core/mem.h"
#include "core/read.h"
#include "core/vec.h"

/* The functions below are expanded twice, for use with a transaction and without. */
#define INLINE static inline __attribute__((always_inline))

/* ---- places ---------------------------------------------------------------------------------- */

static inline unsigned segment_of(uint64_t i)
{
	return 63 - (unsigned)__builtin_clzll(i / TWZ_VEC_FIRST + 1);
}

/* Number of the segment's first element. */
static inline uint64_t start_of(unsigned segment)
{
	return ((uint64_t)TWZ_VEC_FIRST << segment) - TWZ_VEC_FIRST;
}

static inline uint64_t segment_bytes(unsigned segment, uint32_t bytes)
{
	return ((uint64_t)TWZ_VEC_FIRST << segment) * bytes;
}

/* The vector as it is for the transaction, or in place for null. */
INLINE const struct twz_vec *now(const struct twz_tx *tx, const struct twz_vec *v)
{
	return tx ? twz_tx_read(tx, v, sizeof(*v)) : v;
}

/* The list of segments at this offset, in place. TWZ_E_DAMAGED, TWZ_E_TYPE. */
INLINE int list_at(const struct twz_tx *tx, const struct twz_vec *v, uint64_t offset,
		   uint32_t bytes, struct twz_vec_segments **out)
{
	struct twz_vec_segments *list = (void *)block_at(obj_base(v), offset, sizeof(*list));
	const uint64_t *head;

	if (!list)
		return TWZ_E_DAMAGED;
	head = tx ? twz_tx_read(tx, list, sizeof(*list)) : list;
	if (STEP("check", "vec: head") &&
	    twz_read_word(head) != ((uint64_t)bytes << 32 | TWZ_VEC_MAGIC))
		return (uint32_t)twz_read_word(head) == TWZ_VEC_MAGIC ? TWZ_E_TYPE : TWZ_E_DAMAGED;
	*out = list;
	return 0;
}

/* Where element i lies, whatever the count. TWZ_E_DAMAGED: its segment is not there. */
INLINE int find(const struct twz_tx *tx, const struct twz_vec *v, uint64_t segments, uint32_t bytes,
		uint64_t i, uint8_t **place)
{
	const struct twz_vec_segments *read;
	struct twz_vec_segments *list;
	unsigned segment;
	int error;

	if (STEP("check", "vec: count") && i >= TWZ_VEC_MAX)
		return TWZ_E_DAMAGED;
	error = list_at(tx, v, segments, bytes, &list);
	if (error)
		return error;
	read = tx ? twz_tx_read(tx, list, sizeof(*list)) : list;
	segment = segment_of(i);
	*place = block_at(obj_base(v), twz_read_word(&read->segment[segment]),
			  segment_bytes(segment, bytes));
	if (!*place)
		return TWZ_E_DAMAGED;
	*place += (i - start_of(segment)) * bytes;
	return 0;
}

/* Where element i lies, if there is one. */
INLINE int look(const struct twz_tx *tx, const struct twz_vec *v, uint32_t bytes, uint64_t i,
		uint8_t **place)
{
	const struct twz_vec *vec = now(tx, v);

	if (i >= twz_read_word(&vec->count))
		return TWZ_E_RANGE;
	return find(tx, v, twz_read_word(&vec->segments), bytes, i, place);
}

/* ---- without a transaction: a few words ------------------------------------------------------ */

/* Elements that are changed so; a word more than they have may be touched, and the count. */
#define EDIT_BYTES ((EDIT_WORDS - 3) * sizeof(uint64_t))

/* The words that [to, to + bytes) lies in, with what else is in them. */
static inline void edit_bytes(struct edit *e, uint8_t *to, const void *value, uint32_t bytes)
{
	const uint8_t *from = value;

	while (bytes) {
		uint32_t skip = (uintptr_t)to % sizeof(uint64_t), n = sizeof(uint64_t) - skip;
		uint64_t *at = (uint64_t *)(to - skip), word = *at;

		if (n > bytes)
			n = bytes;
		memcpy((uint8_t *)&word + skip, from, n);
		edit_set(e, NULL, at, word);
		to += n, from += n, bytes -= n;
	}
}

/*
 * Element i gets the value; if it is the one behind the last, the count grows. False: nothing was
 * done, *error may say why; the general form does it or finds out.
 */
static bool edit_element(struct twz_vec *v, uint32_t bytes, uint64_t i, bool push,
			 const void *value, int *error)
{
	uint8_t *base = obj_base(v), *place;
	struct edit e;

	if (bytes > EDIT_BYTES)
		return false;
	*error = edit_begin(&e, NULL, base);
	if (*error)
		return true;
	if (push)
		i = v->count;
	*error = push ? find(NULL, v, v->segments, bytes, i, &place)
		      : look(NULL, v, bytes, i, &place);
	if (*error) {
		edit_end(&e, NULL, *error);
		return !push;
	}
	edit_bytes(&e, place, value, bytes);
	if (push)
		edit_set(&e, NULL, &v->count, i + 1);
	*error = edit_end(&e, NULL, 0);
	return true;
}

/* ---- in a transaction ------------------------------------------------------------------------ */

/* What is wanted of a vector. */
struct call {
	struct twz_vec *v;
	uint32_t bytes;
	uint64_t i; /* an element, or the count */
	const void *value;
	void *out;
};

/*
 * Does it in the caller's transaction, or in one of its own. What was half done when a lie was found must
 * not be committed.
 */
static int perform(struct twz_tx *tx, int (*how)(struct twz_tx *, const struct call *),
		   const struct call *c)
{
	struct twz_tx own;
	int error;

	if (tx) {
		error = how(tx, c);
		return error == TWZ_E_DAMAGED ? tx_fail(tx, error) : error;
	}
	twz_tx_begin(&own);
	error = how(&own, c);
	if (!error)
		return twz_tx_commit(&own);
	twz_tx_abort(&own);
	return error;
}

static int make_list(struct twz_tx *tx, const struct call *c)
{
	struct twz_vec_segments *list;
	void *block;
	int error;

	if (c->bytes - 1 >= TWZ_VEC_ELEMENT_MAX)
		return TWZ_E_ARG;
	error = heap_alloc(tx, sizeof(*list), &c->v->segments, &block);
	if (error)
		return error;
	list = twz_tx_write(tx, block, sizeof(*list));
	if (!list)
		return tx->error;
	memset(list, 0, sizeof(*list));
	list->magic = TWZ_VEC_MAGIC;
	list->bytes = c->bytes;
	return 0;
}

/* Makes the segments that `count` elements take. vec is staged. */
static int grow(struct twz_tx *tx, const struct call *c, const struct twz_vec *vec, uint64_t count)
{
	struct twz_vec_segments *list, *staged;
	uint64_t bytes;
	void *block;
	int error = 0;

	if (count > TWZ_VEC_MAX)
		return TWZ_E_HEAPFULL;
	if (!count)
		return 0;
	if (!vec->segments)
		error = make_list(tx, c);
	if (!error)
		error = list_at(tx, c->v, vec->segments, c->bytes, &list);
	if (error)
		return error;
	staged = (void *)twz_tx_read(tx, list, sizeof(*list));
	if (staged->segment[segment_of(count - 1)])
		return 0;
	staged = twz_tx_write(tx, list, sizeof(*list));
	if (!staged)
		return tx->error;
	for (unsigned i = 0; i <= segment_of(count - 1); i++) {
		if (staged->segment[i])
			continue;
		bytes = segment_bytes(i, c->bytes);
		error = bytes > BLOCK_SPAN ? TWZ_E_HEAPFULL
					   : heap_alloc(tx, bytes, &list->segment[i], &block);
		if (error)
			return error;
	}
	return 0;
}

static int push(struct twz_tx *tx, const struct call *c)
{
	struct twz_vec *vec = twz_tx_write(tx, c->v, sizeof(*vec));
	uint8_t *place;
	void *staged;
	int error;

	if (!vec)
		return tx->error;
	error = find(tx, c->v, vec->segments, c->bytes, vec->count, &place);
	if (error) {
		error = grow(tx, c, vec, vec->count + 1);
		if (!error)
			error = find(tx, c->v, vec->segments, c->bytes, vec->count, &place);
	}
	if (error)
		return error;
	staged = twz_tx_write(tx, place, c->bytes);
	if (!staged)
		return tx->error;
	memcpy(staged, c->value, c->bytes);
	vec->count++;
	return 0;
}

static int pop(struct twz_tx *tx, const struct call *c)
{
	struct twz_vec *vec = twz_tx_write(tx, c->v, sizeof(*vec));
	uint8_t *place;
	int error;

	if (!vec)
		return tx->error;
	if (!vec->count)
		return TWZ_E_NOTFOUND;
	error = look(tx, c->v, c->bytes, vec->count - 1, &place);
	if (error)
		return error;
	if (c->out)
		memcpy(c->out, twz_tx_read(tx, place, c->bytes), c->bytes);
	vec->count--;
	return 0;
}

static int set(struct twz_tx *tx, const struct call *c)
{
	uint8_t *place;
	void *staged;
	int error = twz_tx_add(tx, c->v);

	if (!error)
		error = look(tx, c->v, c->bytes, c->i, &place);
	if (error)
		return error;
	staged = twz_tx_write(tx, place, c->bytes);
	if (!staged)
		return tx->error;
	memcpy(staged, c->value, c->bytes);
	return 0;
}

static int swap_remove(struct twz_tx *tx, const struct call *c)
{
	struct twz_vec *vec = twz_tx_write(tx, c->v, sizeof(*vec));
	struct call last = *c;
	uint8_t *place;
	int error;

	if (!vec)
		return tx->error;
	if (c->i >= vec->count)
		return TWZ_E_RANGE;
	error = look(tx, c->v, c->bytes, vec->count - 1, &place);
	if (error)
		return error;
	last.value = twz_tx_read(tx, place, c->bytes);
	if (c->i < vec->count - 1)
		error = set(tx, &last);
	if (!error)
		vec->count--;
	return error;
}

/* Memory that no element counts in, now or at the commit. */
static int fill_zero(struct twz_tx *tx, uint8_t *p, uint64_t bytes)
{
	int error = bytes ? block_touch(p, bytes) : 0;

	if (error || !bytes)
		return error;
	pmem_zero(p, bytes);
	twz_tx_fresh(tx, p, bytes);
	return 0;
}

/*
 * The elements [from, to) become zero, in segments that are there. Those that count until the commit,
 * and those that were staged and given up, are staged; the others are filled at once.
 */
static int zero(struct twz_tx *tx, const struct call *c, const struct twz_vec *vec, uint64_t to)
{
	uint8_t *start = NULL, *end = NULL, *place;
	int error = 0;

	for (uint64_t i = vec->count; i < to && !error; i++) {
		error = find(tx, c->v, vec->segments, c->bytes, i, &place);
		if (error)
			return error;
		if (i < c->v->count || twz_tx_read(tx, place, c->bytes) != place) {
			void *staged = twz_tx_write(tx, place, c->bytes);

			if (!staged)
				return tx->error;
			memset(staged, 0, c->bytes);
			continue;
		}
		if (place != end) {
			error = fill_zero(tx, start, (uint64_t)(end - start));
			start = place;
		}
		end = place + c->bytes;
	}
	return error ? error : fill_zero(tx, start, (uint64_t)(end - start));
}

/* Frees the segments that `count` elements do not take, the last one first. */
static int shrink(struct twz_tx *tx, const struct call *c, const struct twz_vec *vec,
		  uint64_t count)
{
	struct twz_vec_segments *list, *staged;
	unsigned need = count ? segment_of(count - 1) + 1 : 0;
	int error = list_at(tx, c->v, vec->segments, c->bytes, &list);

	if (error)
		return error;
	staged = (void *)twz_tx_read(tx, list, sizeof(*list));
	if (need == TWZ_VEC_SEGMENTS || !staged->segment[need])
		return 0;
	staged = twz_tx_write(tx, list, sizeof(*list));
	if (!staged)
		return tx->error;
	for (unsigned i = TWZ_VEC_SEGMENTS; i-- > need && !error;)
		if (staged->segment[i])
			error = heap_free(tx, &list->segment[i]);
	return error == TWZ_E_ARG ? TWZ_E_DAMAGED : error;
}

static int resize(struct twz_tx *tx, const struct call *c)
{
	struct twz_vec *vec = twz_tx_write(tx, c->v, sizeof(*vec));
	int error;

	if (!vec)
		return tx->error;
	error = grow(tx, c, vec, c->i);
	if (!error)
		error = zero(tx, c, vec, c->i);
	if (error || !vec->segments)
		return error;
	vec->count = c->i;
	return shrink(tx, c, vec, c->i);
}

static int clear(struct twz_tx *tx, const struct call *c)
{
	struct twz_vec *vec = twz_tx_write(tx, c->v, sizeof(*vec));
	int error;

	if (!vec)
		return tx->error;
	if (!vec->segments)
		return vec->count ? TWZ_E_DAMAGED : 0;
	vec->count = 0;
	error = shrink(tx, c, vec, 0);
	if (!error)
		error = heap_free(tx, &c->v->segments);
	return error == TWZ_E_ARG ? TWZ_E_DAMAGED : error;
}

/* ---- as vec.h has it ------------------------------------------------------------------------- */

int vec_push(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, const void *value)
{
	int error;

	if (!tx && edit_element(v, bytes, 0, true, value, &error))
		return error;
	return perform(tx, push, &(struct call){.v = v, .bytes = bytes, .value = value});
}

int vec_pop(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, void *out)
{
	return perform(tx, pop, &(struct call){.v = v, .bytes = bytes, .out = out});
}

int vec_set(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, uint64_t i, const void *value)
{
	int error;

	if (!tx && edit_element(v, bytes, i, false, value, &error))
		return error;
	return perform(tx, set, &(struct call){.v = v, .bytes = bytes, .i = i, .value = value});
}

int vec_swap_remove(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, uint64_t i)
{
	return perform(tx, swap_remove, &(struct call){.v = v, .bytes = bytes, .i = i});
}

int vec_resize(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, uint64_t count)
{
	return perform(tx, resize, &(struct call){.v = v, .bytes = bytes, .i = count});
}

int vec_clear(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes)
{
	return perform(tx, clear, &(struct call){.v = v, .bytes = bytes});
}

static int get_in(struct twz_tx *tx, const struct twz_vec *v, uint32_t bytes, uint64_t i, void *out)
{
	uint8_t *place;
	int error = twz_tx_add(tx, v);

	if (!error)
		error = look(tx, v, bytes, i, &place);
	if (!error)
		memcpy(out, twz_tx_read(tx, place, bytes), bytes);
	return error;
}

int vec_get(struct twz_tx *tx, const struct twz_vec *v, uint32_t bytes, uint64_t i, void *out)
{
	uint64_t version;
	uint8_t *place;
	int error;

	if (tx)
		return get_in(tx, v, bytes, i, out);
	do {
		version = twz_read_begin(v);
		error = look(NULL, v, bytes, i, &place);
		if (error)
			continue;
		if (bytes == sizeof(uint64_t)) /* no call */
			twz_read_copy(out, place, sizeof(uint64_t));
		else
			twz_read_copy(out, place, bytes);
	} while (twz_read_again(v, version));
	return twz_read_error(version) ? twz_read_error(version) : error;
}

void *vec_at(struct twz_tx *tx, const struct twz_vec *v, uint32_t bytes, uint64_t i)
{
	uint8_t *place;
	int error = tx ? twz_tx_add(tx, v) : 0;

	if (!error)
		error = tx ? look(tx, v, bytes, i, &place) : look(NULL, v, bytes, i, &place);
	return error ? NULL : place;
}

uint64_t vec_count(struct twz_tx *tx, const struct twz_vec *v)
{
	if (tx && twz_tx_add(tx, v))
		return 0;
	return twz_read_word(&now(tx, v)->count);
}

int vec_check(const struct twz_vec *v, uint32_t bytes, uint64_t *where, uint64_t *owned)
{
	const struct twz_vec_segments *list;
	uint8_t *base = obj_base(v);
	uint64_t all, nsegments = 0;

	*where = obj_offset(v);
	*owned = 0;
	if (!v->segments)
		return v->count ? TWZ_E_DAMAGED : 0;
	if (!block_used(base, v->segments, sizeof(*list), owned))
		return TWZ_E_DAMAGED;
	*where = v->segments;
	list = (const void *)(base + v->segments);
	if (list->magic != TWZ_VEC_MAGIC || list->bytes != bytes)
		return TWZ_E_DAMAGED;
	while (nsegments < TWZ_VEC_SEGMENTS && list->segment[nsegments]) {
		*where = list->segment[nsegments];
		if (!block_used(base, *where, segment_bytes((unsigned)nsegments, bytes), &all))
			return TWZ_E_DAMAGED;
		*owned += all;
		nsegments++;
	}
	*where = v->segments;
	for (unsigned i = (unsigned)nsegments; i < TWZ_VEC_SEGMENTS; i++)
		if (list->segment[i])
			return TWZ_E_DAMAGED;
	return v->count > start_of((unsigned)nsegments) ? TWZ_E_DAMAGED : 0;
}
