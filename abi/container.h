/*
 * container.h - the containers: structures that live in an object with a heap, as fields of the
 * user's. All zero is an empty one. docs/format/map.md, vec.md, str.md, dict.md.
 *
 * References are offsets of blocks' payloads in the same object, 0 for none: each owns its block.
 */
#ifndef TWZ_ABI_CONTAINER_H
#define TWZ_ABI_CONTAINER_H

#include "abi/base.h"

/*
 * An ordered map: a B+tree. Keys are compared as unsigned words; signed ones are stored with the
 * highest bit inverted.
 */
struct twz_map {
	uint64_t root;   /* a node, 0 if there never was an entry */
	uint64_t count;  /* entries */
	uint64_t shape;  /* enum twz_map_shape | bytes of a value */
	uint64_t doomed; /* a tree that was cleared, to be freed */
};
TWZ_SIZE(struct twz_map, 32);

/* Values of up to 8 bytes lie in the entry's word, larger ones in a block that the word owns. */
#define TWZ_MAP_INLINE 8u
#define TWZ_MAP_VALUE_MAX 65536u
enum twz_map_shape {
	TWZ_MAP_SIGNED = 1 << 24,   /* keys are signed */
	TWZ_MAP_POINTERS = 1 << 25, /* values are persistent pointers */
};
#define TWZ_MAP_BYTES_MASK 0xffffffull /* of the shape: bytes of a value */

/* The first word of a node: magic, level << 32 (0: a leaf), keys << 48 (0 in a leaf). */
#define TWZ_MAP_MAGIC 0x70616d77ull /* "wmap" */
#define TWZ_MAP_LEVEL_SHIFT 32
#define TWZ_MAP_KEYS_SHIFT 48
#define TWZ_MAP_LEVELS 12u /* the root is of a lower level */

#define TWZ_MAP_PAIRS 14u
struct twz_map_pair {
	uint64_t key; /* of a free place: all ones */
	uint64_t value;
};
TWZ_SIZE(struct twz_map_pair, 16);

/*
 * Pairs stay where they are; `order` sorts them. Its nibble r says which pair is the one with r
 * smaller keys, for r below the count in its top byte; the nibbles behind say which places are free.
 */
struct twz_map_leaf {
	uint64_t head;
	uint64_t order;
	uint64_t next; /* the leaf with the next greater keys, 0 for none */
	uint64_t reserved;
	struct twz_map_pair pair[TWZ_MAP_PAIRS];
};
TWZ_SIZE(struct twz_map_leaf, 256);
#define TWZ_MAP_COUNT_SHIFT 56
#define TWZ_MAP_ORDER_EMPTY 0x00dcba9876543210ull

/* Below child[i] are the keys from key[i - 1] on that are less than key[i]. */
#define TWZ_MAP_KEYS 31u
struct twz_map_inner {
	uint64_t head;
	uint64_t key[TWZ_MAP_KEYS]; /* ascending; all ones behind the last one */
	uint64_t child[TWZ_MAP_KEYS + 1];
};
TWZ_SIZE(struct twz_map_inner, 512);

/*
 * A vector. Segment k holds TWZ_VEC_FIRST << k elements, segment 0 the first ones: so none ever moves.
 * `segments` is the offset of the block that says where they lie.
 */
struct twz_vec {
	uint64_t count;
	uint64_t segments; /* struct twz_vec_segments; 0: none yet */
};
TWZ_SIZE(struct twz_vec, 16);

#define TWZ_VEC_MAGIC 0x63657674u /* "tvec" */
#define TWZ_VEC_FIRST 8u
#define TWZ_VEC_SEGMENTS 27u
#define TWZ_VEC_MAX ((uint64_t)TWZ_VEC_FIRST * ((1u << TWZ_VEC_SEGMENTS) - 1)) /* elements */
#define TWZ_VEC_ELEMENT_MAX 65536u                                             /* bytes of one */

struct twz_vec_segments {
	uint32_t magic; /* TWZ_VEC_MAGIC */
	uint32_t bytes; /* of an element */
	/* Offsets; 0: it is not there, nor are those behind it. */
	uint64_t segment[TWZ_VEC_SEGMENTS];
};
TWZ_SIZE(struct twz_vec_segments, 224);

/* A string of bytes. */
#define TWZ_STR_SHORT 24u /* so many bytes stand in it, more in a block */
#define TWZ_STR_MAX ((uint64_t)1 << 29)

struct twz_str {
	uint64_t length;
	union {
		uint64_t block; /* length > TWZ_STR_SHORT: its offset */
		uint8_t text[TWZ_STR_SHORT];
	};
};
TWZ_SIZE(struct twz_str, 32);

/*
 * A dictionary: entries by strings of bytes, ordered as memcmp has them. Layers of maps: a layer's keys
 * are 7 bytes of the string and a code. docs/format/dict.md.
 */
#define TWZ_DICT_KEY_MAX 255u
#define TWZ_DICT_VALUE_MAX 65536u

struct twz_dict {
	struct twz_map first;  /* the layer for the first 7 bytes */
	struct twz_map doomed; /* layers that were cleared, to be freed */
	uint64_t count;        /* entries */
	uint32_t bytes;        /* of a value; 0: there never was one */
	uint32_t doomed_bytes; /* of a doomed one */
};
TWZ_SIZE(struct twz_dict, 80);

/* A key of a layer: 7 bytes, the first one highest, zeros where the string has ended; below, a code. */
#define TWZ_DICT_STEP 7u
enum twz_dict_code {
	/* 0 to 7: the string ends here, with so many bytes. The word is the value, or an entry's offset. */
	TWZ_DICT_TAIL =
		8, /* it goes on, and is the only one that does: the word is the entry's offset */
	TWZ_DICT_LAYER = 9, /* those that go on are in the layer, a struct twz_map, at the word */
};
#define TWZ_DICT_INLINE 8u /* values of so many bytes are in the word of codes 0 to 7 */

/* An entry in a block; behind it the value, padded to 8, and all of the string. */
struct twz_dict_entry {
	uint32_t length; /* of the string */
	uint32_t bytes;  /* of the value */
};
TWZ_SIZE(struct twz_dict_entry, 8);

#endif
