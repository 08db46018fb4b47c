/*
 * map_change.c - what changes the tree of a map, in a transaction (map.h, docs/format/map.md).
 *
 * Nodes are changed in their staged copies, and named by where they lie: the owner of a block is a
 * word in place, which heap_alloc and heap_free set in the copy.
 *
 * A tree is mended from the root down: each node on the way to the key's leaf is made fit (split when
 * it is full, joined when it has few) before the next one is looked at. So a change below always
 * finds room, or something to spare, above, and each step by itself leaves a sound tree. One that
 * fails for want of memory has changed nothing, and those before it may stay.
 */
#include "core/heap.h"
#include "core/map_int.h"
#include "core/pmem.h"
#include "core/tx_int.h"

/* ---- nodes ----------------------------------------------------------------------------------- */

/* How many entries or children stay in the left one of two. */
#define LEAF_HALF 7u
#define LEAF_EDGE 13u /* at the right edge, where keys are mostly added in order */
#define INNER_HALF 16u
#define INNER_EDGE 30u

/* Two leaves become one if they have no more entries; two inner nodes, no more children. */
#define LEAF_JOIN 10u
#define INNER_JOIN 24u
#define INNER_FEW 8u /* keys of an inner node that is joined */

/* Larger values are stored to their new blocks, not to the log. */
#define VALUE_STAGED 1024u

/* Doomed leaves that a transaction frees: to clear; besides. */
#define REAP_MANY 128u
#define REAP_SOME 4u

static void set_keys(struct twz_map_inner *node, uint64_t level, uint64_t nkeys)
{
	node->head = head_word(level, nkeys);
	for (uint64_t i = nkeys; i < KEYS; i++)
		node->key[i] = KEY_MAX;
}

static void leaf_empty(struct twz_map_leaf *leaf)
{
	*leaf = (struct twz_map_leaf){.head = head_word(0, 0), .order = TWZ_MAP_ORDER_EMPTY};
	for (unsigned i = 0; i < PAIRS; i++)
		leaf->pair[i].key = KEY_MAX;
}

/* The entry goes behind the last one, which has a lesser key. */
static void leaf_append(struct twz_map_leaf *leaf, struct twz_map_pair pair)
{
	uint64_t count = count_of(leaf->order);

	leaf->pair[place_of(leaf->order, count)] = pair;
	leaf->order = order_add(leaf->order, count);
}

/* Is every place in it one of a leaf? */
static bool is_order(uint64_t order)
{
	return !STEP("check", "map: order") ||
	       (count_of(order) <= PAIRS && !(order & order << 1 & order << 2 & 0x88888888888888));
}

/* A leaf to be changed or freed. */
static const struct twz_map_leaf *sound_leaf(const struct twz_tx *tx, const uint8_t *base,
					     uint64_t offset)
{
	const struct twz_map_leaf *leaf, *seen;

	if (!see_leaf(tx, base, offset, &leaf, &seen))
		return NULL;
	return is_order(seen->order) ? seen : NULL;
}

/* heap_free of what only a damaged map can have wrong. */
static int give(struct twz_tx *tx, uint64_t *owner)
{
	int error = heap_free(tx, owner);

	return error == TWZ_E_ARG ? TWZ_E_DAMAGED : error;
}

static uint64_t offset_of(const void *p)
{
	return (uint64_t)((const uint8_t *)p - obj_base(p));
}

/* ---- splitting ------------------------------------------------------------------------------- */

/* The right part of a node goes to a new one; *sep is the least key there. */
static int split_leaf(struct twz_tx *tx, uint64_t offset, struct twz_map_leaf *fresh, bool edge,
		      uint64_t *sep)
{
	uint8_t *base = obj_base(fresh);
	struct twz_map_leaf *left, *right;
	uint64_t keep = edge ? LEAF_EDGE : LEAF_HALF;

	if (!sound_leaf(tx, base, offset))
		return TWZ_E_DAMAGED;
	left = STAGE(tx, (struct twz_map_leaf *)(base + offset));
	right = STAGE(tx, fresh);
	if (!left || !right)
		return tx->error;
	leaf_empty(right);
	for (uint64_t rank = keep; rank < PAIRS; rank++) {
		struct twz_map_pair *pair = &left->pair[place_of(left->order, rank)];

		leaf_append(right, *pair);
		pair->key = KEY_MAX;
	}
	left->order = (left->order & ORDER_MASK) | keep << TWZ_MAP_COUNT_SHIFT;
	right->next = left->next;
	left->next = offset_of(fresh);
	*sep = right->pair[0].key;
	return 0;
}

static int split_inner(struct twz_tx *tx, uint64_t offset, uint64_t level,
		       struct twz_map_inner *fresh, bool edge, uint64_t *sep)
{
	uint64_t keep = edge ? INNER_EDGE : INNER_HALF;
	struct twz_map_inner *left, *right;

	left = STAGE(tx, (struct twz_map_inner *)(obj_base(fresh) + offset));
	right = STAGE(tx, fresh);
	if (!left || !right)
		return tx->error;
	*sep = left->key[keep - 1];
	for (uint64_t i = keep; i <= KEYS; i++) {
		right->child[i - keep] = left->child[i];
		if (i < KEYS)
			right->key[i - keep] = left->key[i];
	}
	set_keys(right, level, KEYS - keep);
	set_keys(left, level, keep - 1);
	return 0;
}

/*
 * Splits child i, which is full, of a node that is not. The new child's owner is at first the word
 * behind the node's last child.
 */
static int split(struct twz_tx *tx, struct twz_map_inner *node, uint64_t i, bool edge)
{
	struct twz_map_inner *up = STAGE(tx, node);
	uint64_t level, nkeys, sep = 0, fresh;
	void *block;
	int error;

	if (!up)
		return tx->error;
	level = level_of(up->head) - 1;
	nkeys = keys_of(up->head);
	error = heap_alloc(tx, level ? sizeof(struct twz_map_inner) : sizeof(struct twz_map_leaf),
			   &node->child[nkeys + 1], &block);
	if (error)
		return error;
	error = level ? split_inner(tx, up->child[i], level, block, edge, &sep)
		      : split_leaf(tx, up->child[i], block, edge, &sep);
	if (error)
		return error;
	fresh = up->child[nkeys + 1];
	for (uint64_t k = nkeys; k > i; k--) {
		up->key[k] = up->key[k - 1];
		up->child[k + 1] = up->child[k];
	}
	up->key[i] = sep;
	up->child[i + 1] = fresh;
	up->head = head_word(level + 1, nkeys + 1);
	return 0;
}

/* A new root above the one that is full, which is split. */
static int grow(struct twz_tx *tx, struct twz_map *map, uint64_t level)
{
	struct twz_map *head = STAGE(tx, map);
	struct twz_map_inner *root;
	uint64_t old;
	void *block;
	int error;

	if (!head)
		return tx->error;
	if (level + 1 == TWZ_MAP_LEVELS)
		return TWZ_E_DAMAGED; /* 2^40 entries in 1 GiB */
	old = head->root;
	error = heap_alloc(tx, sizeof(*root), &map->root, &block);
	if (error)
		return error;
	root = STAGE(tx, (struct twz_map_inner *)block);
	if (!root)
		return tx->error;
	*root = (struct twz_map_inner){.child = {old}};
	set_keys(root, level + 1, 0);
	error = split(tx, block, 0, true);
	if (error == TWZ_E_HEAPFULL) {
		int damage = give(tx, &map->root);

		head->root = old;
		return damage ? damage : error;
	}
	return error;
}

/* 0 or 1, or TWZ_E_DAMAGED. */
static int is_full(const struct twz_tx *tx, const uint8_t *base, uint64_t offset, uint64_t level)
{
	const struct twz_map_inner *inner;
	const struct twz_map_leaf *leaf;
	uint64_t nkeys;

	if (!level) {
		leaf = sound_leaf(tx, base, offset);
		return leaf ? count_of(leaf->order) == PAIRS : TWZ_E_DAMAGED;
	}
	return see_inner(tx, base, offset, level, &inner, &nkeys) ? nkeys == KEYS : TWZ_E_DAMAGED;
}

/* Splits all that is full on the way to the key's leaf, and that. */
static int make_room(struct twz_tx *tx, struct twz_map *map, uint64_t key)
{
	uint8_t *base = obj_base(map);
	uint64_t offset = SEE(tx, map)->root, level = level_at(tx, base, offset), nkeys, i;
	const struct twz_map_inner *node;
	bool edge = true; /* the way goes along the right edge */
	int full;

	if (level == TWZ_MAP_LEVELS)
		return TWZ_E_DAMAGED;
	full = is_full(tx, base, offset, level);
	if (full > 0) {
		full = grow(tx, map, level++);
		offset = SEE(tx, map)->root;
	}
	for (; full >= 0 && level; level--) {
		if (!see_inner(tx, base, offset, level, &node, &nkeys))
			return TWZ_E_DAMAGED;
		i = child_of(node, nkeys, key);
		edge = edge && i == nkeys;
		full = is_full(tx, base, node->child[i], level - 1);
		if (full > 0) {
			full = split(tx, (struct twz_map_inner *)(base + offset), i, edge);
			node = SEE_NODE(tx, (const struct twz_map_inner *)(base + offset));
			i += !full && node->key[i] <= key;
		}
		offset = node->child[i];
	}
	return full;
}

/* ---- freeing what was cleared ----------------------------------------------------------------- */

static int reap_values(struct twz_tx *tx, uint8_t *base, uint64_t offset)
{
	const struct twz_map_leaf *seen = sound_leaf(tx, base, offset);
	struct twz_map_leaf *leaf;
	uint64_t order;
	int error = 0;

	if (!seen)
		return TWZ_E_DAMAGED;
	leaf = (struct twz_map_leaf *)(base + offset);
	order = seen->order;
	for (uint64_t rank = 0; rank < count_of(order) && !error; rank++)
		error = give(tx, &leaf->pair[place_of(order, rank)].value);
	return error;
}

/* Log that freeing a leaf takes at most: the head, the nodes that lead to it, three words for each block. */
static uint64_t reap_bytes(uint64_t height)
{
	uint64_t blocks = PAIRS + 1 + height;

	return log_range_bytes(sizeof(struct twz_map)) +
	       height * log_range_bytes(sizeof(struct twz_map_inner)) +
	       blocks * 3 * log_range_bytes(sizeof(uint64_t));
}

/*
 * Frees the last leaf of the doomed tree, and the nodes that have no child then. If the log has no room for
 * that, nothing was done, and the transaction can go on.
 */
static int reap_leaf(struct twz_tx *tx, struct twz_map *map, struct twz_map *head)
{
	struct twz_map_inner *node[TWZ_MAP_LEVELS], *place;
	const struct twz_map_inner *seen;
	uint64_t *owner[TWZ_MAP_LEVELS], blocks = head->doomed & DOOMED_BLOCKS;
	uint64_t offset = head->doomed - blocks, nkeys, level, height;
	uint8_t *base = obj_base(map);
	int error;

	height = level_at(tx, base, offset);
	if (height == TWZ_MAP_LEVELS)
		return TWZ_E_DAMAGED;
	error = tx_room(tx, map, reap_bytes(height));
	if (error)
		return error;
	owner[height] = &map->doomed;
	for (level = height; level; level--) {
		if (!see_inner(tx, base, offset, level, &seen, &nkeys))
			return TWZ_E_DAMAGED;
		place = (struct twz_map_inner *)(base + offset);
		node[level] = STAGE(tx, place);
		if (!node[level])
			return tx->error;
		owner[level - 1] = &place->child[nkeys];
		offset = node[level]->child[nkeys];
	}
	error = blocks ? reap_values(tx, base, offset) : 0;
	for (; !error; level++) {
		if (level == height)
			head->doomed -= blocks; /* heap_free wants the pointer alone */
		error = give(tx, owner[level]);
		if (error || level == height)
			return error;
		nkeys = keys_of(node[level + 1]->head);
		if (nkeys) {
			set_keys(node[level + 1], level + 1, nkeys - 1);
			return 0;
		}
	}
	return error;
}

/* So many doomed leaves, or all; *n: were freed. */
static int reap_n(struct twz_tx *tx, struct twz_map *map, unsigned nleaves, unsigned *n)
{
	struct twz_map *head;
	int error = 0;

	*n = 0;
	if (!SEE(tx, map)->doomed)
		return 0;
	head = STAGE(tx, map);
	if (!head)
		return tx->error;
	while (!error && head->doomed && *n < nleaves) {
		error = reap_leaf(tx, map, head);
		*n += !error;
	}
	return error;
}

/* As many as the log has room for, on a full store perhaps none: the next ones are freed later. */
static int reap(struct twz_tx *tx, struct twz_map *map, unsigned nleaves)
{
	unsigned n;
	int error = reap_n(tx, map, nleaves, &n);

	return !tx->error && (error == TWZ_E_FULL || error == TWZ_E_TXFULL) ? 0 : error;
}

/* ---- joining --------------------------------------------------------------------------------- */

/* Child i + 1 of the node, whose content is in child i now, is freed. */
static int drop_child(struct twz_tx *tx, struct twz_map_inner *node, struct twz_map_inner *up,
		      uint64_t i)
{
	uint64_t nkeys = keys_of(up->head);
	int error = give(tx, &node->child[i + 1]);

	for (uint64_t k = i; k + 1 < nkeys; k++) {
		up->key[k] = up->key[k + 1];
		up->child[k + 1] = up->child[k + 2];
	}
	set_keys(up, level_of(up->head), nkeys - 1);
	return error;
}

/* Joins two neighbours, of which the left one is child i, or gives both as many children. */
static int join_inner(struct twz_tx *tx, struct twz_map_inner *node, uint64_t i)
{
	struct twz_map_inner *up = STAGE(tx, node), *left, *right;
	const struct twz_map_inner *seen;
	uint64_t key[2 * KEYS + 1], child[2 * KEYS + 2], n, m, keep, level;
	uint8_t *base = obj_base(node);

	if (!up)
		return tx->error;
	level = level_of(up->head) - 1;
	if (!see_inner(tx, base, up->child[i], level, &seen, &n) ||
	    !see_inner(tx, base, up->child[i + 1], level, &seen, &m))
		return TWZ_E_DAMAGED;
	left = STAGE(tx, (struct twz_map_inner *)(base + up->child[i]));
	right = STAGE(tx, (struct twz_map_inner *)(base + up->child[i + 1]));
	if (!left || !right)
		return tx->error;
	memcpy(key, left->key, n * sizeof(*key));
	key[n] = up->key[i];
	memcpy(key + n + 1, right->key, m * sizeof(*key));
	memcpy(child, left->child, (n + 1) * sizeof(*child));
	memcpy(child + n + 1, right->child, (m + 1) * sizeof(*child));

	n += m + 2; /* children */
	keep = n <= INNER_JOIN ? n : n / 2;
	memcpy(left->key, key, (keep - 1) * sizeof(*key));
	memcpy(left->child, child, keep * sizeof(*child));
	set_keys(left, level, keep - 1);
	if (keep == n)
		return drop_child(tx, node, up, i);
	up->key[i] = key[keep - 1];
	memcpy(right->key, key + keep, (n - keep - 1) * sizeof(*key));
	memcpy(right->child, child + keep, (n - keep) * sizeof(*child));
	set_keys(right, level, n - keep - 1);
	return 0;
}

/* Joins two leaves, of which the left one is child i, if they have few entries. */
static int join_leaves(struct twz_tx *tx, struct twz_map_inner *node, uint64_t i)
{
	const struct twz_map_inner *seen = SEE_NODE(tx, node);
	uint8_t *base = obj_base(node);
	const struct twz_map_leaf *from, *to = sound_leaf(tx, base, seen->child[i]);
	struct twz_map_inner *up;
	struct twz_map_leaf *left;
	uint64_t n, m;

	from = sound_leaf(tx, base, seen->child[i + 1]);
	if (!to || !from)
		return TWZ_E_DAMAGED;
	n = count_of(to->order);
	m = count_of(from->order);
	if (n && m && n + m > LEAF_JOIN)
		return 0;
	up = STAGE(tx, node);
	left = STAGE(tx, (struct twz_map_leaf *)(base + seen->child[i]));
	if (!up || !left)
		return tx->error;
	for (uint64_t rank = 0; rank < m; rank++)
		leaf_append(left, from->pair[place_of(from->order, rank)]);
	left->next = from->next;
	return drop_child(tx, node, up, i);
}

/* A root with one child gives way to it. */
static int lower(struct twz_tx *tx, struct twz_map *map)
{
	uint8_t *base = obj_base(map);
	uint64_t root = SEE(tx, map)->root, level = level_at(tx, base, root), nkeys;
	const struct twz_map_inner *node;
	struct twz_map *head;
	int error;

	if (level == TWZ_MAP_LEVELS)
		return TWZ_E_DAMAGED;
	if (!level)
		return 0;
	if (!see_inner(tx, base, root, level, &node, &nkeys))
		return TWZ_E_DAMAGED;
	if (nkeys)
		return 0;
	head = STAGE(tx, map);
	if (!head)
		return tx->error;
	root = node->child[0];
	error = give(tx, &map->root);
	head->root = root;
	return error;
}

/* The left one of two neighbours, child i and the next or, for the last one, the one before. */
static uint64_t left_of(uint64_t i, uint64_t nkeys)
{
	return i < nkeys ? i : i - 1;
}

/*
 * Joins what has few keys on the way to the key's leaf, and this with a neighbour.
 */
static int join(struct twz_tx *tx, struct twz_map *map, uint64_t key)
{
	uint8_t *base = obj_base(map);
	uint64_t offset = SEE(tx, map)->root, level = level_at(tx, base, offset), nkeys, below, i;
	const struct twz_map_inner *node, *child;
	struct twz_map_inner *place;
	int error = 0;

	if (level == TWZ_MAP_LEVELS)
		return TWZ_E_DAMAGED;
	for (; level && !error; level--) {
		if (!see_inner(tx, base, offset, level, &node, &nkeys) || !nkeys)
			return TWZ_E_DAMAGED;
		place = (struct twz_map_inner *)(base + offset);
		i = child_of(node, nkeys, key);
		if (level == 1) {
			error = join_leaves(tx, place, left_of(i, nkeys));
			break;
		}
		if (!see_inner(tx, base, node->child[i], level - 1, &child, &below))
			return TWZ_E_DAMAGED;
		if (below < INNER_FEW) {
			error = join_inner(tx, place, left_of(i, nkeys));
			node = SEE_NODE(tx, place);
			i = child_of(node, keys_of(node->head), key);
		}
		offset = node->child[i];
	}
	return error ? error : lower(tx, map);
}

/* ---- entries --------------------------------------------------------------------------------- */

/*
 * The finger: where an entry was put last, in a transaction that has an index, that is, a large one. A
 * key that belongs into the same leaf needs no descent, while no node was changed otherwise; and copies
 * stay where they are until the transaction ends.
 */
static const struct tx_finger *finger_of(const struct twz_tx *tx, const struct twz_map *map)
{
	return (tx->special & FINGER) && tx->finger.map == map && !tx->error ? &tx->finger : NULL;
}

static void finger_lift(struct twz_tx *tx)
{
	tx->special &= (uint16_t)~FINGER;
}

static void finger_set(struct twz_tx *tx, const struct twz_map *map, struct twz_map *head,
		       const struct spot *spot, struct twz_map_leaf *copy,
		       const struct bounds *bounds)
{
	if (!(tx->special & INDEXED))
		return;
	tx->special |= FINGER;
	tx->finger = (struct tx_finger){
		map, head, head->root, spot->leaf, copy, bounds->low, bounds->high - bounds->low};
}

/* The leaf where the key belongs; false: it has to be looked for, or has no room. */
static bool finger_finds(const struct tx_finger *f, const struct twz_map *head, uint64_t key,
			 struct spot *spot, struct bounds *bounds)
{
	if (!f || key - f->low > f->behind || head->root != f->root)
		return false;
	*spot = (struct spot){.leaf = f->leaf, .seen = f->copy};
	*bounds = (struct bounds){f->low, f->low + f->behind};
	spot->order = spot->seen->order;
	return count_of(spot->order) < PAIRS;
}

/* The bytes that the entry's new block, or the one it has, is to hold. */
static int fill(struct twz_tx *tx, uint8_t *block, const void *value, uint64_t bytes, bool fresh)
{
	void *copy;

	if (fresh && bytes > VALUE_STAGED) {
		pmem_copy(block, value, bytes);
		twz_tx_fresh(tx, block, bytes);
		return 0;
	}
	copy = twz_tx_write(tx, block, bytes);
	if (!copy)
		return tx->error;
	memcpy(copy, value, bytes);
	return 0;
}

/* The first entry gives the map its shape. */
static int start(struct twz_tx *tx, struct twz_map *map, struct twz_map *head, uint64_t shape)
{
	struct twz_map_leaf *leaf;
	void *fresh;
	int error;

	if (head->count)
		return TWZ_E_TYPE;
	if (!head->root) {
		error = heap_alloc(tx, sizeof(*leaf), &map->root, &fresh);
		if (error)
			return error;
		leaf = STAGE(tx, (struct twz_map_leaf *)fresh);
		if (!leaf)
			return tx->error;
		leaf_empty(leaf);
	}
	head->shape = shape;
	return 0;
}

static int replace(struct twz_tx *tx, const struct change *c, const struct spot *spot)
{
	struct twz_map_leaf *leaf;
	uint64_t word = spot->seen->pair[spot->place].value;

	if (c->value) {
		if (STEP("check", "map: place of a changed value") &&
		    !is_block(word, value_bytes(c->shape)))
			return TWZ_E_DAMAGED;
		return fill(tx, obj_base(c->map) + word, c->value, value_bytes(c->shape), false);
	}
	leaf = STAGE(tx, (struct twz_map_leaf *)spot->leaf);
	if (!leaf)
		return tx->error;
	leaf->pair[spot->place].value = c->word;
	return 0;
}

/* Into a leaf with room. */
static int insert(struct twz_tx *tx, const struct change *c, struct twz_map *head,
		  const struct spot *spot, const struct bounds *bounds)
{
	const struct tx_finger *f = finger_of(tx, c->map);
	struct twz_map_leaf *place = (struct twz_map_leaf *)spot->leaf, *leaf;
	struct twz_map_pair *pair;
	void *block;
	int error;

	if (!is_order(spot->order) || spot->rank > count_of(spot->order))
		return TWZ_E_DAMAGED;
	leaf = f && f->leaf == place ? f->copy : STAGE(tx, place);
	if (!leaf)
		return tx->error;
	pair = &leaf->pair[place_of(leaf->order, count_of(leaf->order))];
	if (c->value) {
		/* The word of the free place in the leaf becomes the owner, in the copy. */
		error = heap_alloc(tx, value_bytes(c->shape), &place->pair[pair - leaf->pair].value,
				   &block);
		if (!error)
			error = fill(tx, block, c->value, value_bytes(c->shape), true);
		if (error)
			return error;
	} else {
		pair->value = c->word;
	}
	pair->key = c->key;
	leaf->order = order_add(leaf->order, spot->rank);
	head->count++;
	finger_set(tx, c->map, head, spot, leaf, bounds);
	return 0;
}

/* The key's leaf and where in it. */
static int look(const struct twz_tx *tx, const uint8_t *base, uint64_t top, uint64_t key,
		struct spot *spot, struct bounds *bounds)
{
	int error = find_leaf(tx, base, top, key, spot, bounds);

	return error ? error : find_in_leaf(key, spot);
}

/* The leaf is full: it is split, and found again. */
static int widen(struct twz_tx *tx, const struct change *c, const struct twz_map *head,
		 struct spot *spot, struct bounds *bounds)
{
	uint8_t *base = obj_base(c->map);
	uint64_t top = spot->up;
	int error = reap(tx, c->map, REAP_SOME);

	finger_lift(tx);
	if (!error && top && spot->up_keys < KEYS) { /* mostly only the leaf is full */
		error = split(tx, (struct twz_map_inner *)(base + top), spot->up_child, spot->edge);
	} else if (!error) {
		error = make_room(tx, c->map, c->key);
		top = head->root;
	}
	return error ? error : look(tx, base, top, c->key, spot, bounds);
}

int map_put_in(struct twz_tx *tx, const struct change *c)
{
	const struct tx_finger *f = finger_of(tx, c->map);
	struct twz_map *head = f ? f->head : STAGE(tx, c->map);
	struct bounds bounds = {0, KEY_MAX};
	struct spot spot;
	int error = 0;

	if (!head)
		return tx->error;
	if (head->shape != c->shape)
		error = start(tx, c->map, head, c->shape);
	if (error)
		return error;
	if (finger_finds(f, head, c->key, &spot, &bounds)) {
		error = find_in_leaf(c->key, &spot);
	} else {
		bounds = (struct bounds){0, KEY_MAX};
		error = look(tx, obj_base(c->map), head->root, c->key, &spot, &bounds);
	}
	if (!error && spot.place < PAIRS)
		return replace(tx, c, &spot);
	if (!error && count_of(spot.order) >= PAIRS)
		error = widen(tx, c, head, &spot, &bounds);
	return error ? error : insert(tx, c, head, &spot, &bounds);
}

int map_remove_in(struct twz_tx *tx, const struct change *c)
{
	const struct twz_map *seen;
	struct twz_map_leaf *leaf;
	struct twz_map *head;
	struct spot spot;
	int error = twz_tx_add(tx, c->map);

	if (error)
		return error;
	seen = SEE(tx, c->map);
	if (!seen->root)
		return TWZ_E_NOTFOUND;
	error = find(tx, obj_base(c->map), seen->root, c->key, &spot);
	if (error)
		return error;
	if (spot.place == PAIRS)
		return TWZ_E_NOTFOUND;
	leaf = STAGE(tx, (struct twz_map_leaf *)spot.leaf);
	head = STAGE(tx, c->map);
	if (!leaf || !head)
		return tx->error;
	finger_lift(tx);
	if (!sound_leaf(tx, obj_base(c->map), offset_of(spot.leaf)))
		return TWZ_E_DAMAGED;
	if (value_bytes(head->shape) > TWZ_MAP_INLINE)
		error = give(tx, (uint64_t *)&spot.leaf->pair[spot.place].value);
	if (error)
		return error;
	leaf->pair[spot.place].key = KEY_MAX;
	leaf->order = order_remove(leaf->order, spot.rank);
	head->count--;
	if (count_of(leaf->order) >= FEW)
		return 0;
	error = reap(tx, c->map, REAP_SOME);
	return error ? error : join(tx, c->map, c->key);
}

/* ---- clearing -------------------------------------------------------------------------------- */

int map_clear_in(struct twz_tx *tx, const struct change *c)
{
	struct twz_map *head = STAGE(tx, c->map);
	unsigned n;
	int error;

	if (!head)
		return tx->error;
	finger_lift(tx);
	/* One tree at a time. */
	error = head->root ? reap_n(tx, c->map, UINT32_MAX, &n) : 0;
	if (error)
		return error;
	if (head->root)
		*head = (struct twz_map){.doomed = head->root |
						   (value_bytes(head->shape) > TWZ_MAP_INLINE)};
	return reap(tx, c->map, REAP_MANY);
}

int map_reap_in(struct twz_tx *tx, const struct change *c)
{
	int error = twz_tx_add(tx, c->map);
	unsigned n;

	if (error)
		return error;
	error = reap_n(tx, c->map, REAP_MANY, &n);
	return n && !tx->error ? 0 : error;
}
