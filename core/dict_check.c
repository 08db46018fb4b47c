/*
 * dict_check.c - the checker of dictionaries: the invariants of docs/format/dict.md.
 */
#include "core/dict_int.h"

struct walk {
	const struct twz_dict *d;
	uint32_t bytes; /* of a value */
	uint64_t where; /* what is looked at */
	uint64_t owned, count;
	uint8_t key[DICT_LAYERS * STEP_BYTES + STEP_BYTES]; /* what the layers stand for */
};

static bool layer_ok(struct walk *w, const struct twz_map *layer, uint32_t at);

/* D2: a used block. More bytes than an object has are one that comes again. */
static bool is_used(struct walk *w, uint64_t offset, uint64_t bytes)
{
	uint64_t all;

	w->where = offset;
	if (!block_used(obj_base(w->d), offset, bytes, &all))
		return false;
	w->owned += all;
	return w->owned < TWZ_SLOT_SIZE;
}

/* D3: the bytes behind those that the string has are zero; the key is as in struct walk. */
static bool key_ok(struct walk *w, uint64_t key, uint32_t at)
{
	uint32_t n = dict_code(key) < STEP_BYTES ? dict_code(key) : STEP_BYTES;

	for (uint32_t i = 0; i < STEP_BYTES; i++)
		w->key[at + i] = (uint8_t)(key >> (56 - 8 * i));
	for (uint32_t i = n; i < STEP_BYTES; i++)
		if (w->key[at + i])
			return false;
	/* D5: only the first layer has the empty string. */
	return dict_code(key) <= TWZ_DICT_LAYER && (n || !at) && at + n <= TWZ_DICT_KEY_MAX;
}

/* D4: an entry's block has the string that leads there. */
static bool entry_ok(struct walk *w, uint64_t key, uint64_t word, uint32_t at)
{
	bool tail = dict_code(key) == TWZ_DICT_TAIL;
	uint32_t n = at + (tail ? STEP_BYTES : dict_code(key));
	struct dict_found found;

	w->count++;
	if (!dict_in_block(key, w->bytes))
		return true;
	w->where = word;
	if (dict_entry_at(NULL, w->d, word, w->bytes, &found))
		return false;
	if (!is_used(w, word, dict_entry_bytes(w->bytes, found.length)))
		return false;
	return (tail ? found.length > n : found.length == n) && !memcmp(found.key, w->key, n);
}

/* D5: a layer below another one is a block, and not empty; nor does the same tail lie beside it. */
static bool below_ok(struct walk *w, uint64_t word, uint32_t at)
{
	const struct twz_map *layer = (const struct twz_map *)(const void *)(obj_base(w->d) + word);

	return at + STEP_BYTES < TWZ_DICT_KEY_MAX && is_used(w, word, sizeof(*layer)) &&
	       layer->count && layer_ok(w, layer, at + STEP_BYTES);
}

/* D1 to D5 for a layer of strings whose first `at` bytes are in w->key; it calls itself for each below. */
static bool layer_ok(struct walk *w, const struct twz_map *layer, uint32_t at)
{
	uint64_t bytes, key = 0, word, before = 0;
	int error;

	if (twz_map_check_all(layer, &w->where, &bytes) ||
	    (layer->root && layer->shape != DICT_SHAPE))
		return false;
	w->owned += bytes;
	if (w->owned >= TWZ_SLOT_SIZE)
		return false;
	for (;; key++) {
		error = dict_seek(NULL, layer, key, false, &key, &word);
		if (error)
			return error == TWZ_E_NOTFOUND;
		w->where = obj_offset(layer);
		if (!key_ok(w, key, at))
			return false;
		if (dict_code(key) == TWZ_DICT_LAYER && before == key - 1)
			return false;
		if (dict_code(key) == TWZ_DICT_LAYER ? !below_ok(w, word, at)
						     : !entry_ok(w, key, word, at))
			return false;
		before = key;
	}
}

int dict_check(const struct twz_dict *d, uint64_t *where, uint64_t *owned)
{
	struct walk w = {.d = d, .bytes = d->bytes};
	bool sound = layer_ok(&w, &d->first, 0) && w.count == d->count;

	if (sound) {
		w.bytes = d->doomed_bytes;
		sound = layer_ok(&w, &d->doomed, 0);
	}
	*where = w.where;
	*owned = w.owned;
	return sound ? 0 : TWZ_E_DAMAGED;
}
