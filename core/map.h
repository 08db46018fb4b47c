/*
 * map.h - the ordered map: a crash-atomic B+tree in an object's heap (docs/format/map.md);
 * <twz/map.h> gives it types.
 *
 * A map is a field of the user's, in an object with a heap; it and its blocks lie in that object,
 * which it never leaves. All zero is an empty map. A key is a word, compared unsigned. A value is a
 * word, or bytes in a block that the entry owns; all values of a map are of one size.
 *
 * The shape says what a map holds: bytes of a value (1 to TWZ_MAP_VALUE_MAX) | enum twz_map_shape.
 * The first entry gives it to the map; while there are entries, another one is TWZ_E_TYPE.
 * Functions called _word are for shapes of up to TWZ_MAP_INLINE bytes, those called _block for
 * others.
 *
 * CHANGING. With `tx` it is part of that transaction and sees what is staged there. With null it is
 * a transaction of its own, durable on return, with two fences.
 *   - Nodes are staged whole, and so is the struct twz_map. Who stages bytes around it in the same
 *     transaction does that before, and takes in all of it, or leaves it out: a range that overlaps
 *     it partly is TWZ_E_ARG.
 *   - TWZ_E_HEAPFULL (no room for a node or a value), TWZ_E_NOTFOUND and TWZ_E_TYPE leave the entries
 *     as they were before the call, and the transaction can go on. Every other error is the
 *     transaction's: it stays, and commit returns it.
 *   - A staged node takes 272 or 528 bytes of the log: some 2,500 entries at random places fit into
 *     a transaction, 900 if each splits a leaf of its own, 30,000 in order. More are TWZ_E_TXFULL.
 *
 * READING without a transaction takes no lock. It is a read section (read.h): a reader beside a
 * writer, of this or another process, gets the state before or after a commit, never a mixture, and
 * repeats what a commit came between. With a transaction (_tx) it sees what is staged there; the
 * object must be one of its participants if others change it.
 *
 * Nothing in the object is trusted. What makes no sense is TWZ_E_DAMAGED; every walk is bounded.
 */
#ifndef TWZ_CORE_MAP_H
#define TWZ_CORE_MAP_H

#include "abi/container.h"
#include "core/tx.h"

TWZ_C_BEGIN

/* Adds the entry, or gives the one that has the key another value. */
int twz_map_put_word(struct twz_tx *tx, struct twz_map *map, uint64_t shape, uint64_t key,
		     uint64_t word);
int twz_map_put_block(struct twz_tx *tx, struct twz_map *map, uint64_t shape, uint64_t key,
		      const void *value);

/* Copies the value out, if `value` is not null. TWZ_E_NOTFOUND, TWZ_E_TYPE, TWZ_E_DAMAGED. */
int twz_map_get_word(const struct twz_map *map, uint64_t shape, uint64_t key, uint64_t *word);
int twz_map_get_block(const struct twz_map *map, uint64_t shape, uint64_t key, void *value);
int twz_map_get_word_tx(const struct twz_tx *tx, const struct twz_map *map, uint64_t shape,
			uint64_t key, uint64_t *word);
int twz_map_get_block_tx(const struct twz_tx *tx, const struct twz_map *map, uint64_t shape,
			 uint64_t key, void *value);

/* Removes the entry and frees what it owns. TWZ_E_NOTFOUND. */
int twz_map_remove_key(struct twz_tx *tx, struct twz_map *map, uint64_t key);

/*
 * Removes all entries; the map is as if all zero. The tree leaves the map at once and is freed piece
 * by piece: what is more than 128 leaves, or than the log has room for if the store is full, by the
 * transactions that follow; with null all of it before the return.
 */
int twz_map_clear_all(struct twz_tx *tx, struct twz_map *map);

/*
 * The word of the entry's value, in place, its leaf staged: twz_tx_set can set it, heap_alloc and
 * heap_free can take it as owner. Until the next change of the map. For who keeps something of his
 * own in the word; he frees that before he removes the entry.
 */
int twz_map_find_word(struct twz_tx *tx, struct twz_map *map, uint64_t key, uint64_t **word);

static inline uint64_t twz_map_entries(const struct twz_map *map)
{
	return __atomic_load_n(&map->count, __ATOMIC_RELAXED);
}

/*
 * A cursor stands at an entry, whose key it remembers: it can go on whatever is changed, also when
 * its entry is removed. One thread's. Where it stands is set by twz_map_move; all fields may be read.
 */
struct twz_map_cursor {
	const struct twz_map *map;
	const struct twz_tx *tx; /* or null: committed states are seen */
	uint64_t shape;
	uint64_t key;
	uint64_t word; /* the value, of shapes for words */
	int error;     /* of the last move */
	/* map.c's own: the leaf that it stands in, good while the object has this version. */
	uint32_t rank;
	uint32_t left; /* how many more leaves have their offsets behind `way`; 0: not known */
	const struct twz_map_leaf *leaf;
	const uint64_t *way; /* where the node above has the leaf's offset */
	uint64_t version;
};

/* To the first entry, the last one, the first with a key of at least `key`; one on, one back. */
enum twz_map_to { TWZ_MAP_FIRST, TWZ_MAP_LAST, TWZ_MAP_SEEK, TWZ_MAP_NEXT, TWZ_MAP_PREV };

static inline void twz_map_cursor_set(struct twz_map_cursor *c, const struct twz_tx *tx,
				      const struct twz_map *map, uint64_t shape)
{
	c->map = map;
	c->tx = tx;
	c->shape = shape;
	c->leaf = 0;
}

/*
 * Moves the cursor. The value goes to c->word, or to `value` if it is in a block. An error, also in
 * c->error, leaves the cursor where it was: TWZ_E_NOTFOUND at the end; as twz_map_get_word.
 */
int twz_map_move(struct twz_map_cursor *c, enum twz_map_to to, uint64_t key, void *value);

/*
 * Checks all that the map consists of (docs/format/map.md); nobody changes the object meanwhile.
 * 0, *bytes being those of its blocks, their heads included; or TWZ_E_DAMAGED, *where being the
 * offset of what is wrong.
 */
int twz_map_check_all(const struct twz_map *map, uint64_t *where, uint64_t *bytes);

TWZ_C_END

#endif
