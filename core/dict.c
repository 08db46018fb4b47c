/*
 * dict.c - dictionaries in objects, as they are read (dict.h, docs/format/dict.md).
 */
#include "core/dict_int.h"

int dict_entry_at(const struct twz_tx *tx, const struct twz_dict *d, uint64_t offset,
		  uint32_t bytes, struct dict_found *found)
{
	uint8_t *block = block_at(obj_base(d), offset, sizeof(struct twz_dict_entry));
	struct twz_dict_entry entry;

	if (!block)
		return TWZ_E_DAMAGED;
	twz_read_copy(&entry, dict_see(tx, block, sizeof(entry)), sizeof(entry));
	if (STEP("check", "dict: entry") &&
	    (entry.bytes != bytes || entry.length > TWZ_DICT_KEY_MAX))
		return TWZ_E_DAMAGED;
	if (!block_at(obj_base(d), offset, dict_entry_bytes(bytes, entry.length)))
		return TWZ_E_DAMAGED;
	found->length = entry.length;
	found->value = dict_see(tx, block + sizeof(entry), bytes);
	found->key = block + sizeof(entry) + dict_value_room(bytes);
	if (entry.length)
		found->key = dict_see(tx, found->key, entry.length);
	return 0;
}

int dict_seek(const struct twz_tx *tx, const struct twz_map *layer, uint64_t from, bool back,
	      uint64_t *key, uint64_t *word)
{
	struct twz_map_cursor c;
	int error;

	twz_map_cursor_set(&c, tx, layer, DICT_SHAPE);
	c.key = from + 1; /* for who goes back */
	error = twz_map_move(&c, back ? TWZ_MAP_PREV : TWZ_MAP_SEEK, from, NULL);
	*key = c.key;
	*word = c.word;
	return error == TWZ_E_TYPE ? TWZ_E_DAMAGED : error;
}

/* ---- going to a place ------------------------------------------------------------------------ */

/* A way through the layers along a string. */
struct way {
	const struct twz_tx *tx;
	const struct twz_dict *d;
	uint32_t bytes; /* of a value */
	bool back;
	uint32_t depth; /* of the last layer that the way has come to */
	const struct twz_map *layer[DICT_LAYERS];
	uint64_t
		from; /* the place in it: the first key, or going back the last one, that may be meant */
	/* What was found. */
	uint64_t key, word;
};

static int compare(const uint8_t *a, uint32_t na, const uint8_t *b, uint32_t nb)
{
	uint8_t copy[TWZ_DICT_KEY_MAX];
	uint32_t both = na < nb ? na : nb;
	int order;

	twz_read_copy(copy, a, both);
	order = memcmp(copy, b, both);
	return order ? order : (na > nb) - (na < nb);
}

/* The place of the one string with these 7 bytes that goes on, or behind it, or before. */
static int place_of_tail(struct way *w, const uint8_t *key, uint32_t length, bool same)
{
	struct dict_found found;
	int error = dict_entry_at(w->tx, w->d, w->word, w->bytes, &found), order;

	if (error)
		return error;
	order = compare(found.key, found.length, key, length);
	if (w->back)
		w->from -= order > 0 || (!order && !same);
	else
		w->from += order < 0 || (!order && !same);
	return 0;
}

/*
 * To the last layer that strings with the beginning of this one can be in, and the place there: of the
 * string, if it can be it (`same`) or behind it; going back, before it.
 */
static int go(struct way *w, const uint8_t *key, uint32_t length, bool same)
{
	const struct twz_map *layer = &w->d->first;
	uint32_t at = 0;
	int error;

	for (w->depth = 0; layer; w->depth++, at += STEP_BYTES) {
		w->layer[w->depth] = layer;
		if (dict_ends(length, at)) {
			w->from = dict_end_key(key, length, at);
			if (w->back && !same && !w->from)
				return TWZ_E_NOTFOUND; /* the empty string is the first one */
			if (!same)
				w->from += w->back ? -1ull : 1;
			return 0;
		}
		w->from = dict_bytes_at(key, length, at) | TWZ_DICT_TAIL;
		error = dict_seek(w->tx, layer, w->from, false, &w->key, &w->word);
		if (error == TWZ_E_NOTFOUND)
			return 0;
		if (error)
			return error;
		if (w->key == w->from)
			return place_of_tail(w, key, length, same);
		if (w->key != (w->from | TWZ_DICT_LAYER))
			return 0;
		layer = dict_layer_at(w->d, w->word);
	}
	return TWZ_E_DAMAGED;
}

/* The first entry from the place on, or the last one up to it, perhaps in a layer above. */
static int find_near(struct way *w, const uint8_t *key, uint32_t length)
{
	int error;

	for (;;) {
		error = dict_seek(w->tx, w->layer[w->depth], w->from, w->back, &w->key, &w->word);
		if (error != TWZ_E_NOTFOUND || !w->depth)
			return error;
		w->depth--;
		w->from = dict_bytes_at(key, length, w->depth * STEP_BYTES) |
			  (w->back ? TWZ_DICT_TAIL : TWZ_DICT_LAYER + 1);
	}
}

/* What is looked for, and what was found. */
struct entry {
	enum twz_map_to to;
	bool only; /* the one with this key and no other */
	const uint8_t *sought;
	uint32_t sought_length;
	void *value; /* gets it, if it is not null */
	uint32_t length;
	uint8_t key[DICT_LAYERS * STEP_BYTES + STEP_BYTES];
};

static void append(struct entry *e, uint64_t layer_key, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		e->key[e->length++] = (uint8_t)(layer_key >> (56 - 8 * i));
}

/* Copies out the entry that was found, which is not a layer. */
static int take(const struct way *w, struct entry *e)
{
	struct dict_found found = {.value = (const uint8_t *)&w->word};
	int error;

	if (dict_in_block(w->key, w->bytes)) {
		error = dict_entry_at(w->tx, w->d, w->word, w->bytes, &found);
		if (error)
			return error;
		e->length = found.length;
		twz_read_copy(e->key, found.key, found.length);
	} else {
		append(e, w->key, dict_code(w->key));
	}
	if (e->length > TWZ_DICT_KEY_MAX)
		return TWZ_E_DAMAGED;
	if (e->only && (e->length != e->sought_length || memcmp(e->key, e->sought, e->length)))
		return TWZ_E_NOTFOUND;
	if (e->value)
		twz_read_copy(e->value, found.value, w->bytes);
	return 0;
}

/* The first entry below what was found, or the last one. */
static int descend(struct way *w, struct entry *e)
{
	const struct twz_map *layer;
	int error;

	e->length = w->depth * STEP_BYTES;
	memcpy(e->key, e->sought, e->length);
	while (dict_code(w->key) == TWZ_DICT_LAYER) {
		append(e, w->key, STEP_BYTES);
		layer = dict_layer_at(w->d, w->word);
		if (STEP("check", "dict: layers") && e->length > TWZ_DICT_KEY_MAX)
			return TWZ_E_DAMAGED;
		if (!layer)
			return TWZ_E_DAMAGED;
		error = dict_seek(w->tx, layer, w->back ? ~0ull - 1 : 0, w->back, &w->key,
				  &w->word);
		if (error)
			return error == TWZ_E_NOTFOUND ? TWZ_E_DAMAGED : error;
	}
	if (STEP("check", "dict: code") && dict_code(w->key) > TWZ_DICT_LAYER)
		return TWZ_E_DAMAGED;
	return take(w, e);
}

/* ---- in a section ---------------------------------------------------------------------------- */

static int look_in(const struct twz_tx *tx, const struct twz_dict *d, uint32_t bytes,
		   struct entry *e)
{
	const struct twz_dict *now = dict_see(tx, d, sizeof(*d));
	struct way w = {.tx = tx, .d = d, .bytes = bytes, .layer = {&d->first}};
	uint32_t has = __atomic_load_n(&now->bytes, __ATOMIC_RELAXED);
	int error = 0;

	if (!has || !twz_read_word(&now->count))
		return TWZ_E_NOTFOUND;
	if (STEP("check", "dict: bytes") && has != bytes)
		return TWZ_E_TYPE;
	w.back = e->to == TWZ_MAP_LAST || e->to == TWZ_MAP_PREV;
	w.from = w.back ? ~0ull - 1 : 0;
	if (e->to != TWZ_MAP_FIRST && e->to != TWZ_MAP_LAST)
		error = go(&w, e->sought, e->sought_length, e->to == TWZ_MAP_SEEK);
	if (!error)
		error = find_near(&w, e->sought, e->sought_length);
	return error ? error : descend(&w, e);
}

static int look(struct twz_tx *tx, const struct twz_dict *d, uint32_t bytes, struct entry *e)
{
	uint64_t version;
	int error;

	if (e->sought_length > TWZ_DICT_KEY_MAX)
		return TWZ_E_RANGE;
	if (tx) {
		error = twz_tx_add(tx, d);
		return error ? error : look_in(tx, d, bytes, e);
	}
	do {
		version = twz_read_begin(d);
		error = look_in(NULL, d, bytes, e);
	} while (twz_read_again(d, version));
	return twz_read_error(version) ? twz_read_error(version) : error;
}

int dict_get(struct twz_tx *tx, const struct twz_dict *d, uint32_t bytes, const void *key,
	     uint32_t length, void *value)
{
	struct entry e = {.to = TWZ_MAP_SEEK,
			  .only = true,
			  .sought = key,
			  .sought_length = length,
			  .value = value};

	return look(tx, d, bytes, &e);
}

int dict_move(struct twz_dict_cursor *c, enum twz_map_to to, const void *key, uint32_t length,
	      void *value)
{
	bool seek = to == TWZ_MAP_SEEK;
	struct entry e = {.to = to,
			  .sought = seek ? key : c->key,
			  .sought_length = seek ? length : c->length,
			  .value = value};

	c->error = look(c->tx, c->dict, c->bytes, &e);
	if (c->error)
		return c->error;
	c->length = e.length;
	memcpy(c->key, e.key, e.length);
	c->key[e.length] = 0;
	return 0;
}

bool dict_begins(const struct twz_dict_cursor *c, const void *bytes, uint32_t n)
{
	return !c->error && n <= c->length && !memcmp(c->key, bytes, n);
}

uint64_t dict_count(struct twz_tx *tx, const struct twz_dict *d)
{
	if (tx && twz_tx_add(tx, d))
		return 0;
	return twz_read_word(&((const struct twz_dict *)dict_see(tx, d, sizeof(*d)))->count);
}
