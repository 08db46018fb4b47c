/*
 * dict.h - dictionaries in objects: entries by strings of bytes, in the order of memcmp
 * (docs/format/dict.md); <twz/dict.h> exports it, with types.
 *
 * Rules
 *   - A dictionary is a field of a structure in an object that has a heap. All zero is an empty one.
 *   - A key is 0 to TWZ_DICT_KEY_MAX bytes of any kind; all values are of `bytes`, 1 to
 *     TWZ_DICT_VALUE_MAX: the first entry says of how many, and while there are entries another size is
 *     TWZ_E_TYPE.
 *   - What changes it takes the caller's transaction, and is part of it; or null: it is a transaction of
 *     its own, durable on return: 2 fences, 3 with values of more than 1 KiB.
 *   - In a transaction struct twz_dict is staged whole, by itself or as a part of what the caller staged
 *     before; so are the layers. TWZ_E_NOTFOUND, TWZ_E_TYPE, TWZ_E_ARG, TWZ_E_RANGE and TWZ_E_HEAPFULL
 *     leave the entries as before the call, and the transaction can go on; every other error is the
 *     transaction's.
 *   - Without a transaction what only looks takes no lock and can run beside a writer (read.h); with one
 *     it sees what is staged, and has the object in it from then on.
 *   - A cursor remembers its key: it goes on whatever is changed.
 *
 * Errors of all: TWZ_E_RANGE: the key is too long; TWZ_E_DAMAGED; TWZ_E_TIMEOUT; of what changes: what
 * transactions return, TWZ_E_HEAPFULL, TWZ_E_FULL; TWZ_E_ARG: such values cannot be.
 */
#ifndef TWZ_CORE_DICT_H
#define TWZ_CORE_DICT_H

#include "core/map.h"

TWZ_C_BEGIN

/* Adds the entry, or gives the one that has the key another value. */
int dict_put(struct twz_tx *tx, struct twz_dict *d, uint32_t bytes, const void *key,
	     uint32_t length, const void *value);

/* Copies the value out, if `value` is not null. TWZ_E_NOTFOUND, TWZ_E_TYPE. */
int dict_get(struct twz_tx *tx, const struct twz_dict *d, uint32_t bytes, const void *key,
	     uint32_t length, void *value);

/* TWZ_E_NOTFOUND. */
int dict_remove(struct twz_tx *tx, struct twz_dict *d, const void *key, uint32_t length);

/*
 * Removes all entries at once. Their memory is freed piece by piece: with null before the return, else
 * by the changes that follow.
 */
int dict_clear(struct twz_tx *tx, struct twz_dict *d);

uint64_t dict_count(struct twz_tx *tx, const struct twz_dict *d);

/* Where a cursor stands: at an entry, whose key it has. */
struct twz_dict_cursor {
	const struct twz_dict *dict;
	struct twz_tx *tx; /* or null */
	uint32_t bytes;
	int error; /* of the last move */
	uint32_t length;
	uint8_t key[TWZ_DICT_KEY_MAX + 1]; /* a zero follows */
};

static inline void dict_cursor_set(struct twz_dict_cursor *c, struct twz_tx *tx,
				   const struct twz_dict *d, uint32_t bytes)
{
	c->dict = d;
	c->tx = tx;
	c->bytes = bytes;
	c->error = 0;
	c->length = 0;
}

/*
 * To the first entry, the last one, the first whose key is not before this one (TWZ_MAP_SEEK; others
 * ignore it); one on, one back from the key where it stands. The value is copied out, if `value` is not
 * null. TWZ_E_NOTFOUND: there is none; the cursor stays, as after every error.
 */
int dict_move(struct twz_dict_cursor *c, enum twz_map_to to, const void *key, uint32_t length,
	      void *value);

/* Does the key where the cursor stands begin with these bytes? */
bool dict_begins(const struct twz_dict_cursor *c, const void *bytes, uint32_t n);

/*
 * Checks a dictionary that nobody changes: 0, with *owned the bytes that its blocks take of the heap,
 * their heads included; or TWZ_E_DAMAGED, with *where the offset of what is wrong.
 */
int dict_check(const struct twz_dict *d, uint64_t *where, uint64_t *owned);

TWZ_C_END

#endif
