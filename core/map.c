/*
 * map.c - the ordered map: looking up, cursors, and what is mostly done to it without a transaction
 * (map.h, docs/format/map.md). Everything else that changes it: map_change.c.
 *
 * The hot paths are twz_map_get_word and put_quick: both are counted (bench/core.c).
 */
#include "core/edit.h"
#include "core/map_int.h"

/* ---- looking up ------------------------------------------------------------------------------ */

INLINE int get_word(const struct twz_tx *tx, const struct twz_map *map, uint64_t shape,
		    uint64_t key, uint64_t *word)
{
	const struct twz_map *seen = SEE(tx, map);
	struct spot spot;
	int error;

	if (twz_read_word(&seen->shape) != shape)
		return other_shape(seen);
	error = find(tx, obj_base(map), twz_read_word(&seen->root), key, &spot);
	if (error)
		return error;
	if (spot.place == PAIRS)
		return TWZ_E_NOTFOUND;
	*word = twz_read_word(&spot.seen->pair[spot.place].value);
	return 0;
}

/* Copies out the value in the block that `word` leads to. */
INLINE int copy_block(const struct twz_tx *tx, const struct twz_map *map, uint64_t word,
		      uint64_t bytes, void *value)
{
	const uint8_t *block;

	if (STEP("check", "map: place of a value") && !is_block(word, bytes))
		return TWZ_E_DAMAGED;
	block = obj_base(map) + word;
	if (value && tx)
		memcpy(value, twz_tx_read(tx, block, bytes), bytes);
	else if (value)
		twz_read_copy(value, block, bytes);
	return 0;
}

INLINE int get_block(const struct twz_tx *tx, const struct twz_map *map, uint64_t shape,
		     uint64_t key, void *value)
{
	uint64_t word;
	int error = get_word(tx, map, shape, key, &word);

	return error ? error : copy_block(tx, map, word, value_bytes(shape), value);
}

/* Beside a writer. */
static __attribute__((noinline)) int get_again(const struct twz_map *map, uint64_t shape,
					       uint64_t key, uint64_t *word)
{
	uint64_t version;
	int error;

	do {
		version = twz_read_begin(map);
		error = get_word(NULL, map, shape, key, word);
	} while (twz_read_again(map, version));
	return version == TWZ_READ_TIMEOUT ? TWZ_E_TIMEOUT : error;
}

int twz_map_get_word(const struct twz_map *map, uint64_t shape, uint64_t key, uint64_t *word)
{
	uint64_t version;
	int error;

	if (!twz_read_try(map, &version))
		return get_again(map, shape, key, word);
	error = get_word(NULL, map, shape, key, word);
	return twz_read_again(map, version) ? get_again(map, shape, key, word) : error;
}

int twz_map_get_block(const struct twz_map *map, uint64_t shape, uint64_t key, void *value)
{
	uint64_t version;
	int error;

	do {
		version = twz_read_begin(map);
		error = get_block(NULL, map, shape, key, value);
	} while (twz_read_again(map, version));
	return version == TWZ_READ_TIMEOUT ? TWZ_E_TIMEOUT : error;
}

int twz_map_get_word_tx(const struct twz_tx *tx, const struct twz_map *map, uint64_t shape,
			uint64_t key, uint64_t *word)
{
	return get_word(tx, map, shape, key, word);
}

int twz_map_get_block_tx(const struct twz_tx *tx, const struct twz_map *map, uint64_t shape,
			 uint64_t key, void *value)
{
	return get_block(tx, map, shape, key, value);
}

/* ---- changing -------------------------------------------------------------------------------- */

/* From the quick forms, which have changed nothing then: it is not that simple. */
#define GENERAL 1

INLINE int add(struct edit *e, struct twz_map *map, const struct spot *spot, uint64_t key,
	       uint64_t word)
{
	struct twz_map_leaf *leaf = (struct twz_map_leaf *)spot->leaf;
	uint64_t count = count_of(spot->order), place;

	if (count >= PAIRS)
		return GENERAL;
	place = place_of(spot->order, count);
	if (STEP("check", "map: free place") && (place >= PAIRS || spot->rank > count))
		return TWZ_E_DAMAGED;
	edit_set(e, NULL, &leaf->pair[place].key, key);
	edit_set(e, NULL, &leaf->pair[place].value, word);
	edit_set(e, NULL, &leaf->order, order_add(spot->order, spot->rank));
	edit_set(e, NULL, &map->count, map->count + 1);
	return 0;
}

INLINE int put(struct edit *e, struct twz_map *map, uint64_t shape, uint64_t key, uint64_t word)
{
	struct spot spot;
	int error;

	if (map->shape != shape)
		return GENERAL;
	error = find(NULL, e->part.base, map->root, key, &spot);
	if (error)
		return error;
	if (spot.place == PAIRS)
		return add(e, map, &spot, key, word);
	edit_set(e, NULL, (uint64_t *)&spot.leaf->pair[spot.place].value, word);
	return 0;
}

static int put_quick(struct twz_map *map, uint64_t shape, uint64_t key, uint64_t word)
{
	struct edit e;
	int error = edit_begin(&e, NULL, obj_base(map));

	return error ? error : edit_end(&e, NULL, put(&e, map, shape, key, word));
}

INLINE int take(struct edit *e, struct twz_map *map, uint64_t key)
{
	struct spot spot;
	struct twz_map_leaf *leaf;
	int error;

	if (!map->root)
		return TWZ_E_NOTFOUND;
	if (value_bytes(map->shape) > TWZ_MAP_INLINE)
		return GENERAL;
	error = find(NULL, e->part.base, map->root, key, &spot);
	if (error)
		return error;
	if (spot.place == PAIRS)
		return TWZ_E_NOTFOUND;
	leaf = (struct twz_map_leaf *)spot.leaf;
	if (count_of(spot.order) > PAIRS ||
	    (count_of(spot.order) <= FEW && (uint8_t *)leaf - e->part.base != (ptrdiff_t)map->root))
		return GENERAL;
	edit_set(e, NULL, &leaf->order, order_remove(spot.order, spot.rank));
	edit_set(e, NULL, &leaf->pair[spot.place].key, KEY_MAX);
	edit_set(e, NULL, &map->count, map->count - 1);
	return 0;
}

static int take_quick(struct twz_map *map, uint64_t key)
{
	struct edit e;
	int error = edit_begin(&e, NULL, obj_base(map));

	return error ? error : edit_end(&e, NULL, take(&e, map, key));
}

typedef int change_fn(struct twz_tx *tx, const struct change *c);

/* As a transaction of its own, which takes 11 KiB of the stack. */
static __attribute__((noinline)) int alone(change_fn *change, const struct change *c)
{
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	error = change(&tx, c);
	if (!error)
		return twz_tx_commit(&tx);
	twz_tx_abort(&tx);
	return error;
}

/* As part of the caller's: what is not as before the call after an error must not be committed. */
static int within(struct twz_tx *tx, change_fn *change, const struct change *c)
{
	int error = change(tx, c);

	switch (error) {
	case 0:
	case TWZ_E_NOTFOUND:
	case TWZ_E_TYPE:
	case TWZ_E_HEAPFULL:
		return error;
	default:
		return tx_fail(tx, error);
	}
}

int twz_map_put_word(struct twz_tx *tx, struct twz_map *map, uint64_t shape, uint64_t key,
		     uint64_t word)
{
	struct change c = {.map = map, .shape = shape, .key = key, .word = word};
	int error;

	if (value_bytes(shape) - 1 >= TWZ_MAP_INLINE)
		return TWZ_E_ARG;
	if (tx)
		return within(tx, map_put_in, &c);
	error = put_quick(map, shape, key, word);
	return error == GENERAL ? alone(map_put_in, &c) : error;
}

int twz_map_put_block(struct twz_tx *tx, struct twz_map *map, uint64_t shape, uint64_t key,
		      const void *value)
{
	struct change c = {.map = map, .shape = shape, .key = key, .value = value};

	if (value_bytes(shape) <= TWZ_MAP_INLINE || value_bytes(shape) > TWZ_MAP_VALUE_MAX)
		return TWZ_E_ARG;
	return tx ? within(tx, map_put_in, &c) : alone(map_put_in, &c);
}

int twz_map_remove_key(struct twz_tx *tx, struct twz_map *map, uint64_t key)
{
	struct change c = {.map = map, .key = key};
	int error;

	if (tx)
		return within(tx, map_remove_in, &c);
	error = take_quick(map, key);
	return error == GENERAL ? alone(map_remove_in, &c) : error;
}

int twz_map_clear_all(struct twz_tx *tx, struct twz_map *map)
{
	struct change c = {.map = map};
	int error;

	if (tx)
		return within(tx, map_clear_in, &c);
	error = alone(map_clear_in, &c);
	while (!error && twz_read_word(&map->doomed))
		error = alone(map_reap_in, &c);
	return error;
}

int twz_map_find_word(struct twz_tx *tx, struct twz_map *map, uint64_t key, uint64_t **word)
{
	const struct twz_map *seen;
	struct twz_map_leaf *leaf;
	struct spot spot;
	int error = twz_tx_add(tx, map);

	if (error)
		return error;
	seen = SEE(tx, map);
	if (!seen->root)
		return TWZ_E_NOTFOUND;
	error = find(tx, obj_base(map), seen->root, key, &spot);
	if (error)
		return error;
	if (spot.place == PAIRS)
		return TWZ_E_NOTFOUND;
	leaf = (struct twz_map_leaf *)spot.leaf;
	*word = &leaf->pair[spot.place].value;
	return STAGE(tx, leaf) ? 0 : tx->error;
}

/* ---- cursors --------------------------------------------------------------------------------- */

/* Where a cursor goes to. */
struct goal {
	const struct twz_map_leaf *leaf; /* in place */
	const struct twz_map_leaf *seen;
	uint64_t rank;
	uint64_t key, word;
	const uint64_t *way; /* this and `left` as in the cursor */
	uint64_t left;
};

/* Reads the entry at goal->rank of the leaf. */
INLINE int entry(struct goal *goal)
{
	uint64_t order = twz_read_word(&goal->seen->order), place;

	if (STEP("check", "map: rank of a cursor") &&
	    (goal->rank >= count_of(order) || goal->rank >= PAIRS))
		return TWZ_E_DAMAGED;
	place = place_of(order, goal->rank);
	if (STEP("check", "map: place of a cursor") && place >= PAIRS)
		return TWZ_E_DAMAGED;
	goal->key = twz_read_word(&goal->seen->pair[place].key);
	goal->word = twz_read_word(&goal->seen->pair[place].value);
	return 0;
}

/* The first entry of the leaf behind the one in `goal`; only there can the first one be missing. */
INLINE int next_leaf(const struct twz_map_cursor *c, struct goal *goal)
{
	uint64_t next = twz_read_word(&goal->seen->next);

	if (!next)
		return TWZ_E_NOTFOUND;
	if (!see_leaf(c->tx, obj_base(c->map), next, &goal->leaf, &goal->seen))
		return TWZ_E_DAMAGED;
	goal->rank = 0;
	goal->left = 0;
	return entry(goal);
}

/* The first entry with a key of at least `key`. */
static int at_least(const struct twz_map_cursor *c, uint64_t root, uint64_t key, struct goal *goal)
{
	const uint8_t *base = obj_base(c->map);
	struct spot spot;
	int error = find_leaf(c->tx, base, root, key, &spot, NULL);

	if (error)
		return error;
	goal->leaf = spot.leaf;
	goal->seen = spot.seen;
	goal->rank = rank_of(spot.seen, key);
	goal->way = &((const struct twz_map_inner *)(base + spot.up))->child[spot.up_child];
	goal->left = spot.up_keys - spot.up_child;
	return goal->rank < count_of(spot.order) ? entry(goal) : next_leaf(c, goal);
}

/* The last entry with a key of at most `key`. */
static int at_most(const struct twz_map_cursor *c, uint64_t root, uint64_t key, struct goal *goal)
{
	struct bounds bounds;
	struct spot spot;
	uint64_t count;
	int error;

	for (;; key = bounds.low - 1) {
		bounds = (struct bounds){0, KEY_MAX};
		error = find_leaf(c->tx, obj_base(c->map), root, key, &spot, &bounds);
		if (error)
			return error;
		goal->leaf = spot.leaf;
		goal->seen = spot.seen;
		goal->left = 0;
		count = count_of(spot.order);
		goal->rank = rank_of(spot.seen, key);
		if (goal->rank < count) {
			error = entry(goal);
			if (error || goal->key == key)
				return error;
		}
		if (goal->rank) {
			goal->rank--;
			return entry(goal);
		}
		/* All entries here are greater: on in the leaf before, to which lesser keys lead. */
		if (!bounds.low)
			return TWZ_E_NOTFOUND;
		if (STEP("check", "map: bound of a leaf") && bounds.low > key)
			return TWZ_E_DAMAGED;
	}
}

/* ---- scans ----------------------------------------------------------------------------------- */

/*
 * A leaf is four lines, and says only where the next one is: who went from one to the next would wait for
 * each. The node above knows where many are, so they are asked for in time.
 */
#define AHEAD 6u

/* Nothing is checked: this is a hint, and no fault. */
INLINE void prefetch_leaf(const uint8_t *base, uint64_t offset)
{
	for (unsigned i = 0; i < sizeof(struct twz_map_leaf); i += TWZ_LINE)
		__builtin_prefetch((const void *)((uintptr_t)base + offset + i));
}

/* A scan has come to a leaf whose node above has not been looked at yet. */
static __attribute__((noinline)) void look_ahead(const struct twz_map_cursor *c, uint64_t root,
						 struct goal *goal)
{
	struct goal same;

	if (at_least(c, root, goal->key, &same) || same.leaf != goal->leaf)
		return;
	*goal = same;
	for (unsigned i = 1; i <= AHEAD && i <= goal->left; i++)
		prefetch_leaf(obj_base(c->map), twz_read_word(goal->way + i));
}

/* The next entry: mostly the first one of the next leaf, as the cursor stands at the end of its own. */
static int one_on(const struct twz_map_cursor *c, uint64_t root, uint64_t version,
		  struct goal *goal)
{
	int error;

	if (c->key == KEY_MAX)
		return TWZ_E_NOTFOUND;
	if (!c->leaf || c->version != version ||
	    c->rank + 1 < count_of(twz_read_word(&c->leaf->order)))
		return at_least(c, root, c->key + 1, goal);
	goal->seen = c->leaf;
	error = next_leaf(c, goal);
	if (error)
		return error;
	if (!c->left) {
		look_ahead(c, root, goal);
		return 0;
	}
	goal->way = c->way + 1;
	goal->left = c->left - 1;
	if (goal->left >= AHEAD)
		prefetch_leaf(obj_base(c->map), twz_read_word(goal->way + AHEAD));
	return 0;
}

/* Finds where the cursor goes to. */
static int find_goal(const struct twz_map_cursor *c, enum twz_map_to to, uint64_t key,
		     uint64_t version, struct goal *goal)
{
	const struct twz_map *seen = SEE(c->tx, c->map);
	uint64_t root = twz_read_word(&seen->root);

	if (twz_read_word(&seen->shape) != c->shape)
		return other_shape(seen);
	switch (to) {
	case TWZ_MAP_FIRST:
		return at_least(c, root, 0, goal);
	case TWZ_MAP_LAST:
		return at_most(c, root, KEY_MAX, goal);
	case TWZ_MAP_SEEK:
		return at_least(c, root, key, goal);
	case TWZ_MAP_NEXT:
		return one_on(c, root, version, goal);
	case TWZ_MAP_PREV:
		return c->key ? at_most(c, root, c->key - 1, goal) : TWZ_E_NOTFOUND;
	}
	return TWZ_E_ARG;
}

/* In whatever order a damaged map has them: who goes one way must come to an end. */
static bool goes_on(const struct twz_map_cursor *c, enum twz_map_to to, uint64_t key)
{
	return to == TWZ_MAP_NEXT ? key > c->key : to != TWZ_MAP_PREV || key < c->key;
}

static __attribute__((noinline)) int move_far(struct twz_map_cursor *c, enum twz_map_to to,
					      uint64_t key, void *value)
{
	uint64_t bytes = value_bytes(c->shape), version;
	struct goal goal = {0};
	int error;

	do {
		version = c->tx ? 0 : twz_read_begin(c->map);
		error = find_goal(c, to, key, version, &goal);
		if (!error && STEP("check", "map: order of a scan") && !goes_on(c, to, goal.key))
			error = TWZ_E_DAMAGED;
		if (!error && bytes > TWZ_MAP_INLINE)
			error = copy_block(c->tx, c->map, goal.word, bytes, value);
	} while (!c->tx && twz_read_again(c->map, version));
	if (version == TWZ_READ_TIMEOUT)
		error = TWZ_E_TIMEOUT;
	c->error = error;
	if (error)
		return error;
	c->key = goal.key;
	c->word = goal.word;
	c->leaf = c->tx ? NULL : goal.leaf;
	c->rank = (uint32_t)goal.rank;
	c->way = goal.way;
	c->left = (uint32_t)goal.left;
	c->version = version;
	return 0;
}

/*
 * Moves to that rank of the leaf that the cursor stands in, if nothing was changed since; false: the
 * cursor has to be moved otherwise.
 */
INLINE bool move_within(struct twz_map_cursor *c, uint32_t rank, enum twz_map_to to, void *value)
{
	uint64_t bytes = value_bytes(c->shape), version, order, place, key, word;

	if (rank >= PAIRS || !c->leaf || !twz_read_try(c->map, &version) || version != c->version)
		return false;
	order = twz_read_word(&c->leaf->order);
	place = place_of(order, rank);
	if (rank >= count_of(order) || place >= PAIRS)
		return false;
	key = twz_read_word(&c->leaf->pair[place].key);
	word = twz_read_word(&c->leaf->pair[place].value);
	if (!goes_on(c, to, key) ||
	    (bytes > TWZ_MAP_INLINE && copy_block(NULL, c->map, word, bytes, value)) ||
	    twz_read_again(c->map, version))
		return false;
	c->key = key;
	c->word = word;
	c->rank = rank;
	c->error = 0;
	return true;
}

int twz_map_move(struct twz_map_cursor *c, enum twz_map_to to, uint64_t key, void *value)
{
	if (to == TWZ_MAP_NEXT && move_within(c, c->rank + 1, TWZ_MAP_NEXT, value))
		return 0;
	if (to == TWZ_MAP_PREV && move_within(c, c->rank - 1, TWZ_MAP_PREV, value))
		return 0;
	return move_far(c, to, key, value);
}
