/*
 * dict_change.c - dictionaries in objects, as they are changed (dict.h, docs/format/dict.md).
 *
 * All is done in a transaction. Maps do the layers; the words of their entries own blocks here.
 */
#include "core/dict_int.h"
#include "core/edit.h"
#include "core/pmem.h"

#define STAGED_MAX 1024u /* bytes of an entry that are staged; more are filled in at once */
#define REAPED 4u        /* doomed entries that each change frees */
#define REAPED_ALONE 64u
#define REAPED_ALL (~0u)
#define REAP_LOG 3072u /* bytes of log that one mostly takes */

/* What is wanted of a dictionary. */
struct call {
	struct twz_dict *d;
	uint32_t bytes, length;
	const uint8_t *key;
	const void *value;
	struct twz_dict *now; /* staged */
};

typedef int change_fn(struct twz_tx *tx, struct call *c);

static int within(struct twz_tx *tx, change_fn *change, struct call *c)
{
	if (c->length > TWZ_DICT_KEY_MAX)
		return TWZ_E_RANGE;
	c->now = twz_tx_write(tx, c->d, sizeof(*c->d));
	return c->now ? change(tx, c) : tx->error;
}

/* In the caller's transaction, or in one of its own. What is not as before the call is not committed. */
static int perform(struct twz_tx *tx, change_fn *change, struct call *c)
{
	struct twz_tx own;
	int error;

	if (tx) {
		error = within(tx, change, c);
		if (error && error != TWZ_E_NOTFOUND && error != TWZ_E_TYPE && error != TWZ_E_ARG &&
		    error != TWZ_E_RANGE && error != TWZ_E_HEAPFULL)
			tx_fail(tx, error);
		return error;
	}
	twz_tx_begin(&own);
	error = within(&own, change, c);
	if (!error)
		return twz_tx_commit(&own);
	twz_tx_abort(&own);
	return error;
}

/* ---- words of entries ------------------------------------------------------------------------ */

/* Errors of maps and of the heap that no call here may have. */
static int sound(int error)
{
	return error == TWZ_E_TYPE || error == TWZ_E_NOTFOUND || error == TWZ_E_ARG ? TWZ_E_DAMAGED
										    : error;
}

/* The error of undoing something, or else why it was undone. */
static int either(int undoing, int error)
{
	return undoing ? undoing : error;
}

/* Takes the key out of the layer, and frees the block that its word owns. */
static int erase(struct twz_tx *tx, struct twz_map *layer, uint64_t key, bool owns)
{
	uint64_t *word;
	int error = 0;

	if (owns) {
		error = twz_map_find_word(tx, layer, key, &word);
		if (!error)
			error = heap_free(tx, word);
	}
	if (!error)
		error = twz_map_remove_key(tx, layer, key);
	return sound(error);
}

/*
 * The layer's key, which is there or not, gets a new block; the one that it owned before is freed.
 * TWZ_E_HEAPFULL: all is as before.
 */
static int own_block(struct twz_tx *tx, struct twz_map *layer, uint64_t key, uint64_t bytes,
		     void **block)
{
	uint64_t old = 0, fresh, *word;
	int error = twz_map_get_word_tx(tx, layer, DICT_SHAPE, key, &old);
	bool is_new = error == TWZ_E_NOTFOUND;

	if (is_new)
		error = twz_map_put_word(tx, layer, DICT_SHAPE, key, 0);
	if (error)
		return sound(error);
	error = twz_map_find_word(tx, layer, key, &word);
	if (!error)
		error = heap_alloc(tx, bytes, word, block);
	if (error == TWZ_E_HEAPFULL && is_new)
		error = either(erase(tx, layer, key, false), error);
	if (error || !old)
		return sound(error);
	fresh = *(const uint64_t *)twz_tx_read(tx, word, sizeof(*word));
	twz_tx_set(tx, word, old);
	error = heap_free(tx, word);
	twz_tx_set(tx, word, fresh);
	return sound(error);
}

/* Fills an entry's new block. */
static int fill(struct twz_tx *tx, const struct call *c, uint8_t *block)
{
	const struct twz_dict_entry entry = {c->length, c->bytes};
	uint64_t room = dict_value_room(c->bytes), all = dict_entry_bytes(c->bytes, c->length);
	uint8_t *to = all <= STAGED_MAX ? twz_tx_write(tx, block, all) : block;

	if (!to)
		return tx->error;
	pmem_copy(to, &entry, sizeof(entry));
	pmem_copy(to + sizeof(entry), c->value, c->bytes);
	if (room > c->bytes)
		pmem_zero(to + sizeof(entry) + c->bytes, room - c->bytes);
	if (c->length)
		pmem_copy(to + sizeof(entry) + room, c->key, c->length);
	if (to == block)
		twz_tx_fresh(tx, block, all);
	return 0;
}

/* ---- putting --------------------------------------------------------------------------------- */

/* The value, at this key of the layer. */
static int put_at(struct twz_tx *tx, struct call *c, struct twz_map *layer, uint64_t key)
{
	uint64_t word = 0;
	void *block;
	int error = twz_map_get_word_tx(tx, layer, DICT_SHAPE, key, &word);

	bool is_new = error == TWZ_E_NOTFOUND;

	if (error && !is_new)
		return sound(error);
	if (dict_in_block(key, c->bytes)) {
		error = own_block(tx, layer, key, dict_entry_bytes(c->bytes, c->length), &block);
		if (!error)
			error = fill(tx, c, block);
	} else {
		word = 0;
		memcpy(&word, c->value, c->bytes);
		error = sound(twz_map_put_word(tx, layer, DICT_SHAPE, key, word));
	}
	if (!error)
		c->now->count += is_new;
	return error;
}

/* The one string with the 7 bytes at `at` that goes on gets a layer for itself, and for others. */
static int push_down(struct twz_tx *tx, const struct call *c, struct twz_map *layer, uint64_t tail,
		     uint64_t word, uint32_t at)
{
	struct dict_found found;
	uint64_t key, inside = word;
	void *block, *staged;
	int error = dict_entry_at(tx, c->d, word, c->bytes, &found);

	if (error)
		return error;
	if (STEP("check", "dict: tail") && found.length <= at + STEP_BYTES)
		return TWZ_E_DAMAGED;
	error = own_block(tx, layer, tail | TWZ_DICT_LAYER, sizeof(struct twz_map), &block);
	if (error)
		return error;
	staged = twz_tx_write(tx, block, sizeof(struct twz_map));
	if (!staged)
		return tx->error;
	memset(staged, 0, sizeof(struct twz_map));

	at += STEP_BYTES;
	key = dict_ends(found.length, at)
		      ? dict_end_key(found.key, found.length, at)
		      : dict_bytes_at(found.key, found.length, at) | TWZ_DICT_TAIL;
	if (!dict_in_block(key, c->bytes)) {
		inside = 0;
		memcpy(&inside, found.value, c->bytes);
	}
	error = sound(twz_map_put_word(tx, block, DICT_SHAPE, key, inside));
	if (error == TWZ_E_HEAPFULL)
		return either(erase(tx, layer, tail | TWZ_DICT_LAYER, true), error);
	/* Its block is the new layer's now, or nobody's. */
	return error ? error : erase(tx, layer, tail, !dict_in_block(key, c->bytes));
}

static int reap(struct twz_tx *tx, struct call *c, unsigned n);

static int put(struct twz_tx *tx, struct call *c)
{
	struct twz_map *layer = &c->d->first;
	struct dict_found found;
	uint64_t tail, key, word;
	int error;

	if (c->bytes - 1 >= TWZ_DICT_VALUE_MAX)
		return TWZ_E_ARG;
	if (c->now->count && c->now->bytes != c->bytes)
		return TWZ_E_TYPE;
	c->now->bytes = c->bytes;
	error = reap(tx, c, REAPED);
	for (uint32_t at = 0; !error && layer; at += STEP_BYTES) {
		if (dict_ends(c->length, at))
			return put_at(tx, c, layer, dict_end_key(c->key, c->length, at));
		tail = dict_bytes_at(c->key, c->length, at) | TWZ_DICT_TAIL;
		error = dict_seek(tx, layer, tail, false, &key, &word);
		if (error == TWZ_E_NOTFOUND || (!error && key > (tail | TWZ_DICT_LAYER)))
			return put_at(tx, c, layer, tail);
		if (!error && key == tail) {
			error = dict_entry_at(tx, c->d, word, c->bytes, &found);
			if (!error && found.length == c->length &&
			    !memcmp(found.key, c->key, c->length))
				return put_at(tx, c, layer, tail);
			if (!error)
				error = push_down(tx, c, layer, tail, word, at);
			if (!error)
				error = sound(twz_map_get_word_tx(tx, layer, DICT_SHAPE,
								  tail | TWZ_DICT_LAYER, &word));
		}
		if (!error)
			layer = dict_layer_at(c->d, word);
	}
	return error ? error : TWZ_E_DAMAGED;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* The layers that lead to an entry, and the keys in them. */
struct way {
	uint32_t depth;
	struct twz_map *layer[DICT_LAYERS];
	uint64_t key[DICT_LAYERS];
};

/* Takes the entry out, and the layers that are empty then, but for the first one. */
static int take_out(struct twz_tx *tx, const struct way *w, uint32_t bytes)
{
	uint32_t i = w->depth;
	int error = erase(tx, w->layer[i], w->key[i], dict_in_block(w->key[i], bytes));

	while (!error && i) {
		const struct twz_map *seen = twz_tx_read(tx, w->layer[i], sizeof(*seen));

		if (seen->count)
			break;
		error = twz_map_clear_all(tx, w->layer[i--]);
		if (!error)
			error = erase(tx, w->layer[i], w->key[i], true);
	}
	return error;
}

/*
 * Frees n doomed entries, or all; but for the first one of n, which is tried as a removal is, as many as the
 * log has room for.
 */
static int reap(struct twz_tx *tx, struct call *c, unsigned n)
{
	struct twz_map *layer;
	uint64_t word;
	struct way w;
	int error = 0;

	for (unsigned i = 0; i < n && c->now->doomed.count && !error; i++) {
		if (i && n != REAPED_ALL && tx_room(tx, c->d, REAP_LOG))
			return 0;
		layer = &c->d->doomed;
		for (w.depth = 0; layer && w.depth < DICT_LAYERS; w.depth++) {
			w.layer[w.depth] = layer;
			error = sound(dict_seek(tx, layer, 0, false, &w.key[w.depth], &word));
			if (error || dict_code(w.key[w.depth]) != TWZ_DICT_LAYER)
				break;
			layer = dict_layer_at(c->d, word);
		}
		if (STEP("check", "dict: doomed layers") && (!layer || w.depth == DICT_LAYERS))
			return TWZ_E_DAMAGED;
		if (!error)
			error = take_out(tx, &w, c->now->doomed_bytes);
	}
	if (!error && !c->now->doomed.count && c->now->doomed.root)
		error = twz_map_clear_all(tx, &c->d->doomed);
	return error;
}

static int take_key(struct twz_tx *tx, struct call *c)
{
	struct twz_map *layer = &c->d->first;
	struct dict_found found;
	uint64_t tail, word;
	struct way w;
	uint32_t at = 0;
	int error = reap(tx, c, REAPED);

	for (w.depth = 0; !error && layer; w.depth++, at += STEP_BYTES) {
		w.layer[w.depth] = layer;
		if (dict_ends(c->length, at)) {
			w.key[w.depth] = dict_end_key(c->key, c->length, at);
			error = twz_map_get_word_tx(tx, layer, DICT_SHAPE, w.key[w.depth], &word);
			break;
		}
		tail = dict_bytes_at(c->key, c->length, at) | TWZ_DICT_TAIL;
		error = dict_seek(tx, layer, tail, false, &w.key[w.depth], &word);
		if (!error && w.key[w.depth] > (tail | TWZ_DICT_LAYER))
			return TWZ_E_NOTFOUND;
		if (!error && w.key[w.depth] == tail) {
			error = dict_entry_at(tx, c->d, word, c->now->bytes, &found);
			if (!error &&
			    (found.length != c->length || memcmp(found.key, c->key, c->length)))
				return TWZ_E_NOTFOUND;
			break;
		}
		if (!error)
			layer = dict_layer_at(c->d, word);
	}
	if (error || !layer)
		return error ? error : TWZ_E_DAMAGED;
	error = take_out(tx, &w, c->now->bytes);
	if (!error)
		c->now->count--;
	return error;
}

/* ---- clearing -------------------------------------------------------------------------------- */

static int clear(struct twz_tx *tx, struct call *c)
{
	int error = reap(tx, c, REAPED_ALL);

	if (error)
		return error;
	c->now->doomed = c->now->first;
	c->now->doomed_bytes = c->now->bytes;
	memset(&c->now->first, 0, sizeof(c->now->first));
	c->now->count = 0;
	c->now->bytes = 0;
	return 0;
}

static int reap_some(struct twz_tx *tx, struct call *c)
{
	return reap(tx, c, REAPED_ALONE);
}

/* ---- as dict.h has it ------------------------------------------------------------------------ */

int dict_put(struct twz_tx *tx, struct twz_dict *d, uint32_t bytes, const void *key,
	     uint32_t length, const void *value)
{
	struct call c = {.d = d, .bytes = bytes, .key = key, .length = length, .value = value};

	return perform(tx, put, &c);
}

int dict_remove(struct twz_tx *tx, struct twz_dict *d, const void *key, uint32_t length)
{
	return perform(tx, take_key, &(struct call){.d = d, .key = key, .length = length});
}

int dict_clear(struct twz_tx *tx, struct twz_dict *d)
{
	struct call c = {.d = d};
	int error = perform(tx, clear, &c);

	while (!tx && !error && twz_read_word(&d->doomed.root))
		error = perform(NULL, reap_some, &c);
	return error;
}
