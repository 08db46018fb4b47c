/*
 * map_int.h - what the files of the map share: map.c, map_change.c, map_check.c (map.h).
 *
 * Nodes are looked at by readers beside a writer: words are loaded by twz_read_word, and what leads
 * anywhere is checked once it is in a register.
 */
#ifndef TWZ_CORE_MAP_INT_H
#define TWZ_CORE_MAP_INT_H

#include "core/edit.h"
#include "core/map.h"
#include "core/ptr.h"
#include "core/read.h"
#include "core/step.h"

/* Each reader and writer has the descent in it, with what it knows as constants. */
#define INLINE static inline __attribute__((always_inline))

#define PAIRS TWZ_MAP_PAIRS
#define KEYS TWZ_MAP_KEYS
#define KEY_MAX (~(uint64_t)0) /* and of places without a key */
#define ORDER_MASK (((uint64_t)1 << TWZ_MAP_COUNT_SHIFT) - 1)

static inline uint64_t head_word(uint64_t level, uint64_t keys)
{
	return TWZ_MAP_MAGIC | level << TWZ_MAP_LEVEL_SHIFT | keys << TWZ_MAP_KEYS_SHIFT;
}

static inline uint64_t keys_of(uint64_t head)
{
	return head >> TWZ_MAP_KEYS_SHIFT;
}

static inline uint64_t level_of(uint64_t head)
{
	return (uint16_t)(head >> TWZ_MAP_LEVEL_SHIFT);
}

static inline uint64_t count_of(uint64_t order)
{
	return order >> TWZ_MAP_COUNT_SHIFT;
}

/* The place of the entry with that rank, 0 to 13; 14 or 15 in a damaged leaf. */
static inline uint64_t place_of(uint64_t order, uint64_t rank)
{
	return order >> 4 * rank & 15;
}

/* The order with the first free place at that rank, of at most the count, which is below PAIRS. */
static inline uint64_t order_add(uint64_t order, uint64_t rank)
{
	uint64_t n = count_of(order), place = place_of(order, n);
	uint64_t below = order & (((uint64_t)1 << 4 * rank) - 1);
	uint64_t above = (order & (((uint64_t)1 << 4 * n) - 1)) ^ below;
	uint64_t rest = order >> (4 * n + 4) << (4 * n + 4);

	return (rest | above << 4 | place << 4 * rank | below) +
	       ((uint64_t)1 << TWZ_MAP_COUNT_SHIFT);
}

/* The order with the place at that rank, of less than the count, as the first free one. */
static inline uint64_t order_remove(uint64_t order, uint64_t rank)
{
	uint64_t n = count_of(order) - 1, place = place_of(order, rank);
	uint64_t below = order & (((uint64_t)1 << 4 * rank) - 1);
	uint64_t above = (order & (((uint64_t)1 << (4 * n + 4)) - 1)) >> (4 * rank + 4) << 4 * rank;
	uint64_t rest = order >> (4 * n + 4) << (4 * n + 4);

	return (rest | place << 4 * n | above | below) - ((uint64_t)1 << TWZ_MAP_COUNT_SHIFT);
}

static inline uint64_t value_bytes(uint64_t shape)
{
	return shape & TWZ_MAP_BYTES_MASK;
}

/* The low bit of twz_map.doomed: the values are in blocks. */
#define DOOMED_BLOCKS 1u

/* The bits that should be zero become the highest ones: one comparison is for all. */
static inline uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

/* Could a block of so many bytes, at most 64 KiB, lie at that offset, a multiple of 16? */
static inline bool is_block(uint64_t offset, uint64_t bytes)
{
	return rotate(offset - TWZ_OBJ_DATA, 60) <= (TWZ_SLOT_SIZE - TWZ_OBJ_DATA - bytes) / 16;
}

/* What the transaction, if there is one, sees at p. */
#define SEE(tx, p) ((__typeof__(p))((tx) ? twz_tx_read(tx, p, sizeof(*(p))) : (p)))
/* The same for a node, or its first word. */
#define SEE_NODE(tx, p) ((__typeof__(p))((tx) ? tx_read_whole(tx, p) : (p)))

/* The copy of *p that the transaction commits; null after an error. */
#define STAGE(tx, p) ((__typeof__(p))tx_write_whole(tx, p, sizeof(*(p))))

/* ---- nodes ----------------------------------------------------------------------------------- */

/* A key that is only compared: the compiler may load it as it likes. */
static inline uint64_t load_key(const uint64_t *key)
{
#if TWZ_TSAN
	return twz_read_word(key);
#else
	return *key;
#endif
}

/*
 * k, or `half` keys on if the last one skipped is not greater: a conditional move, for no branch here
 * could be foreseen. The empty asm keeps the compiler from making one.
 */
INLINE const uint64_t *skip_half(const uint64_t *k, unsigned half, uint64_t key)
{
	const uint64_t *behind = k + half;

	__asm__("" : "+r"(behind));
	return load_key(behind - 1) <= key ? behind : k;
}

/* How many keys of an inner node are at most `key`: the child to go to. */
INLINE uint64_t child_of(const struct twz_map_inner *node, uint64_t nkeys, uint64_t key)
{
	const uint64_t *k = node->key, *end = k + nkeys;

	k = skip_half(k, 16, key);
	k = skip_half(k, 8, key);
	k = skip_half(k, 4, key);
	k = skip_half(k, 2, key);
	k = skip_half(k, 1, key);
	/* The greatest key is not less than those of places without one. */
	return (uint64_t)((k < end ? k : end) - node->key);
}

/* How many keys of a leaf are less than `key`; those of free places never are. */
INLINE uint64_t rank_of(const struct twz_map_leaf *leaf, uint64_t key)
{
	uint64_t rank = 0;

#pragma GCC unroll 14
	for (unsigned i = 0; i < PAIRS; i++)
		rank += load_key(&leaf->pair[i].key) < key;
	return rank;
}

/* An inner node of that level, as it is seen; false if there is none. */
INLINE bool see_inner(const struct twz_tx *tx, const uint8_t *base, uint64_t offset, uint64_t level,
		      const struct twz_map_inner **node, uint64_t *nkeys)
{
	if (STEP("check", "map: place of a node") && !is_block(offset, sizeof(**node)))
		return false;
	*node = (const struct twz_map_inner *)(base + offset);
	*node = SEE_NODE(tx, *node);
	/* Where its keys are: the search waits for one after the other. */
	__builtin_prefetch((const uint8_t *)*node + 64);
	__builtin_prefetch((const uint8_t *)*node + 128);
	__builtin_prefetch((const uint8_t *)*node + 192);
	*nkeys = rotate(twz_read_word(&(*node)->head) - head_word(level, 0), 16);
	return !STEP("check", "map: inner node") || *nkeys <= KEYS;
}

/* A leaf in place and as it is seen; false if there is none. */
INLINE bool see_leaf(const struct twz_tx *tx, const uint8_t *base, uint64_t offset,
		     const struct twz_map_leaf **leaf, const struct twz_map_leaf **seen)
{
	if (STEP("check", "map: place of a leaf") && !is_block(offset, sizeof(**leaf)))
		return false;
	*leaf = (const struct twz_map_leaf *)(base + offset);
	*seen = SEE_NODE(tx, *leaf);
	return !STEP("check", "map: leaf") || twz_read_word(&(*seen)->head) == head_word(0, 0);
}

/* Level of the root, TWZ_MAP_LEVELS if there is none. */
INLINE uint64_t level_at(const struct twz_tx *tx, const uint8_t *base, uint64_t root)
{
	const uint64_t *head;
	uint64_t level;

	if (STEP("check", "map: place of the root") && !is_block(root, sizeof(struct twz_map_leaf)))
		return TWZ_MAP_LEVELS;
	head = (const uint64_t *)(base + root);
	level = level_of(twz_read_word(SEE_NODE(tx, head)));
	if (STEP("check", "map: height") && level >= TWZ_MAP_LEVELS)
		return TWZ_MAP_LEVELS;
	return level;
}

/* ---- looking a key up ------------------------------------------------------------------------ */

/* Where an entry is, or would be. */
struct spot {
	const struct twz_map_leaf *leaf; /* in place */
	const struct twz_map_leaf *seen; /* as the transaction sees it */
	uint64_t order;
	uint64_t rank;
	uint64_t place; /* of the entry with the key, or PAIRS: there is none */
	/* Above the leaf: the node, its keys, which child the leaf is; 0 if the leaf is the root. */
	uint64_t up, up_keys, up_child;
	bool edge; /* the way went along the right edge */
};

/* The keys that belong into a leaf. */
struct bounds {
	uint64_t low, high;
};

/* The leaf where the key belongs; bounds, if they are asked for, are narrowed to its. TWZ_E_DAMAGED. */
INLINE int find_leaf(const struct twz_tx *tx, const uint8_t *base, uint64_t root, uint64_t key,
		     struct spot *spot, struct bounds *bounds)
{
	uint64_t level = level_at(tx, base, root), offset = root, nkeys, i;
	const struct twz_map_inner *node;

	if (level == TWZ_MAP_LEVELS)
		return TWZ_E_DAMAGED;
	spot->up = spot->up_keys = spot->up_child = 0;
	spot->edge = true;
	for (; level; level--) {
		if (!see_inner(tx, base, offset, level, &node, &nkeys))
			return TWZ_E_DAMAGED;
		i = child_of(node, nkeys, key);
		if (bounds && i)
			bounds->low = twz_read_word(&node->key[i - 1]);
		if (bounds && i < nkeys)
			bounds->high = twz_read_word(&node->key[i]) - 1;
		spot->up = offset;
		spot->up_keys = nkeys;
		spot->up_child = i;
		spot->edge &= i == nkeys;
		offset = twz_read_word(&node->child[i]);
	}
	if (!see_leaf(tx, base, offset, &spot->leaf, &spot->seen))
		return TWZ_E_DAMAGED;
	spot->order = twz_read_word(&spot->seen->order);
	return 0;
}

/* Where in its leaf the key is, or would be. TWZ_E_DAMAGED. */
INLINE int find_in_leaf(uint64_t key, struct spot *spot)
{
	uint64_t place;

	spot->rank = rank_of(spot->seen, key);
	spot->place = PAIRS;
	if (spot->rank >= count_of(spot->order))
		return 0;
	place = place_of(spot->order, spot->rank);
	if (STEP("check", "map: place in a leaf") && place >= PAIRS)
		return TWZ_E_DAMAGED;
	if (twz_read_word(&spot->seen->pair[place].key) == key)
		spot->place = place;
	return 0;
}

/* Both. */
INLINE int find(const struct twz_tx *tx, const uint8_t *base, uint64_t root, uint64_t key,
		struct spot *spot)
{
	int error = find_leaf(tx, base, root, key, spot, NULL);

	return error ? error : find_in_leaf(key, spot);
}

/* Why a map of another shape is not looked into. */
static inline int other_shape(const struct twz_map *seen)
{
	return twz_read_word(&seen->count) ? TWZ_E_TYPE : TWZ_E_NOTFOUND;
}

/* A leaf that has fewer entries left is joined with a neighbour if that can be. */
#define FEW 4u

/* ---- map_change.c ---------------------------------------------------------------------------- */

/* What is to be done to a map, in a transaction. */
struct change {
	struct twz_map *map;
	uint64_t shape, key, word;
	const void *value; /* null: the word is the value */
};

int map_put_in(struct twz_tx *tx, const struct change *c);
int map_remove_in(struct twz_tx *tx, const struct change *c);
int map_clear_in(struct twz_tx *tx, const struct change *c);
int map_reap_in(struct twz_tx *tx, const struct change *c);

#endif
