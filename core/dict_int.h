/*
 * dict_int.h - what the files of the dictionary share: dict.c, dict_change.c, dict_check.c (dict.h).
 */
#ifndef TWZ_CORE_DICT_INT_H
#define TWZ_CORE_DICT_INT_H

#include "core/block.h"
#include "core/dict.h"
#include "core/mem.h"
#include "core/read.h"

#define STEP_BYTES TWZ_DICT_STEP
#define DICT_LAYERS (TWZ_DICT_KEY_MAX / STEP_BYTES + 1)
#define DICT_SHAPE sizeof(uint64_t) /* of the layers: a word for each key */

/* The 7 bytes of the string from `at` on, and the code 0. */
static inline uint64_t dict_bytes_at(const uint8_t *key, uint32_t length, uint32_t at)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < STEP_BYTES; i++)
		word = word << 8 | (at + i < length ? key[at + i] : 0);
	return word << 8;
}

/* Does the string end in the layer that holds its bytes from `at` on? */
static inline bool dict_ends(uint32_t length, uint32_t at)
{
	return length - at <= STEP_BYTES;
}

/* The layer's key of a string that ends there. */
static inline uint64_t dict_end_key(const uint8_t *key, uint32_t length, uint32_t at)
{
	return dict_bytes_at(key, length, at) | (length - at);
}

static inline uint32_t dict_code(uint64_t layer_key)
{
	return layer_key & 0xff;
}

/* Is such an entry's word the offset of a block? */
static inline bool dict_in_block(uint64_t layer_key, uint32_t bytes)
{
	return dict_code(layer_key) == TWZ_DICT_TAIL ||
	       (dict_code(layer_key) < TWZ_DICT_TAIL && bytes > TWZ_DICT_INLINE);
}

static inline uint64_t dict_value_room(uint32_t bytes)
{
	return (bytes + 7ull) & ~7ull;
}

/* Bytes of an entry's block. */
static inline uint64_t dict_entry_bytes(uint32_t bytes, uint32_t length)
{
	return sizeof(struct twz_dict_entry) + dict_value_room(bytes) + length;
}

/* What a transaction sees of memory in the object, or what is in place for null. */
static inline const void *dict_see(const struct twz_tx *tx, const void *p, uint64_t bytes)
{
	return tx ? twz_tx_read(tx, p, bytes) : p;
}

/* An entry in a block. */
struct dict_found {
	uint32_t length;
	const uint8_t *key, *value; /* as the transaction sees them */
};

/* dict.c: the entry at this offset, of a value of `bytes`; TWZ_E_DAMAGED. */
int dict_entry_at(const struct twz_tx *tx, const struct twz_dict *d, uint64_t offset,
		  uint32_t bytes, struct dict_found *found);

/* The layer at this offset; null. */
static inline struct twz_map *dict_layer_at(const struct twz_dict *d, uint64_t offset)
{
	return (struct twz_map *)(void *)block_at(obj_base(d), offset, sizeof(struct twz_map));
}

/*
 * dict.c: the first key of the layer from `from` on, or going back the last one up to it, and its word.
 * TWZ_E_NOTFOUND, TWZ_E_DAMAGED.
 */
int dict_seek(const struct twz_tx *tx, const struct twz_map *layer, uint64_t from, bool back,
	      uint64_t *key, uint64_t *word);

#endif
