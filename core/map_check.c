/*
 * map_check.c - the checker of maps: the invariants of docs/format/map.md.
 */
#include "core/heap.h"
#include "core/map_int.h"

struct walk {
	const uint8_t *base;
	uint64_t value_bytes; /* of values in blocks, else 0 */
	bool doomed;          /* M9 */
	uint64_t where;       /* what is looked at */
	uint64_t bytes, count;
	uint64_t *next; /* of the last leaf, null before the first */
};

/* M2, M8: a used block of the heap. More bytes than an object has are a node that comes again. */
static bool is_used(struct walk *w, uint64_t offset, uint64_t bytes)
{
	const struct twz_block_head *head;

	w->where = offset;
	if (!is_block(offset, bytes) || offset < TWZ_OBJ_DATA + sizeof(*head))
		return false;
	head = (const struct twz_block_head *)(w->base + offset) - 1;
	if (head->magic != TWZ_BLOCK_USED || heap_size(head + 1) < bytes)
		return false;
	w->bytes += sizeof(*head) + heap_size(head + 1);
	return w->bytes < TWZ_SLOT_SIZE;
}

/* M5, M6, M8, and M4: the keys are between first and last. */
static bool leaf_ok(struct walk *w, uint64_t offset, uint64_t first, uint64_t last)
{
	struct twz_map_leaf *leaf;
	uint64_t order, places = 0, key = first;

	if (!is_used(w, offset, sizeof(*leaf)))
		return false;
	leaf = (struct twz_map_leaf *)(w->base + offset);
	if (leaf->head != head_word(0, 0))
		return false;
	order = leaf->order;
	if (count_of(order) > PAIRS || (w->next && *w->next != offset))
		return false;
	for (uint64_t rank = 0; rank < PAIRS; rank++)
		places |= (uint64_t)1 << place_of(order, rank);
	if (places != ((uint64_t)1 << PAIRS) - 1)
		return false;
	for (uint64_t rank = 0; rank < PAIRS; rank++) {
		const struct twz_map_pair *pair = &leaf->pair[place_of(order, rank)];

		if (rank >= count_of(order) && pair->key != KEY_MAX)
			return false;
		if (rank >= count_of(order))
			continue;
		if (pair->key < key || pair->key > last || (rank && pair->key == key))
			return false;
		key = pair->key;
		if (w->value_bytes && !is_used(w, pair->value, w->value_bytes))
			return false;
	}
	w->count += count_of(order);
	w->next = w->doomed ? NULL : &leaf->next;
	return true;
}

/* M2 to M6 for a tree; it calls itself for each level. */
static bool tree_ok(struct walk *w, uint64_t offset, uint64_t level, uint64_t first, uint64_t last)
{
	const struct twz_map_inner *node;
	uint64_t nkeys, low = first, count;

	if (!level)
		return leaf_ok(w, offset, first, last);
	if (!is_used(w, offset, sizeof(*node)))
		return false;
	node = (const struct twz_map_inner *)(w->base + offset);
	nkeys = keys_of(node->head);
	if (node->head != head_word(level, nkeys) || nkeys > KEYS || (!nkeys && !w->doomed))
		return false;
	for (uint64_t i = 0; i < KEYS; i++) {
		if (i >= nkeys && node->key[i] != KEY_MAX)
			return false;
		if (i < nkeys && (node->key[i] <= low || node->key[i] > last))
			return false;
		if (i < nkeys)
			low = node->key[i];
	}
	for (uint64_t i = 0; i <= nkeys; i++) {
		count = w->count;
		low = i ? node->key[i - 1] : first;
		if (!tree_ok(w, node->child[i], level - 1, low,
			     i < nkeys ? node->key[i] - 1 : last))
			return false;
		w->where = node->child[i];
		if (w->count == count)
			return false;
	}
	return true;
}

/* A root's level is what its head says. */
static bool root_ok(struct walk *w, uint64_t root)
{
	uint64_t level = level_at(NULL, w->base, root);

	w->where = root;
	return level < TWZ_MAP_LEVELS && tree_ok(w, root, level, 0, KEY_MAX);
}

int twz_map_check_all(const struct twz_map *map, uint64_t *where, uint64_t *bytes)
{
	uint64_t value = value_bytes(map->shape);
	struct walk w = {.base = obj_base(map), .where = obj_offset(map)};
	uint64_t blocks = map->doomed & DOOMED_BLOCKS;
	bool sound = !map->root == !map->shape && value <= TWZ_MAP_VALUE_MAX;

	w.value_bytes = value > TWZ_MAP_INLINE ? value : 0;
	if (sound && map->root)
		sound = root_ok(&w, map->root);
	if (sound && w.next && *w.next)
		sound = false; /* M6 */
	if (sound && w.count != map->count) {
		w.where = obj_offset(map);
		sound = false; /* M7 */
	}
	if (sound && map->doomed) {
		w.doomed = true;
		w.next = NULL;
		w.value_bytes = blocks; /* of what size is not known any more */
		sound = root_ok(&w, map->doomed - blocks);
	}
	*where = w.where;
	*bytes = w.bytes;
	return sound ? 0 : TWZ_E_DAMAGED;
}
