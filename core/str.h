/*
 * str.h - strings of bytes in objects, which grow (docs/format/str.md); <twz/str.h> exports it.
 *
 * Rules
 *   - A string is a field of a structure in an object that has a heap, also of an element of a vector.
 *     All zero is an empty one. Any bytes can be in it; none ends it.
 *   - What changes it takes the caller's transaction, and is part of it; or null: it is a transaction of
 *     its own, durable on return: 2 fences, 3 if a block is filled: in the caller's transaction, one that
 *     gets more than TWZ_STR_SHORT bytes; alone, a new block, or more than 1,900 bytes.
 *   - In a transaction struct twz_str is staged whole, by itself or as a part of what the caller staged
 *     before. A block is never staged: what is new is filled in where nothing counts yet.
 *   - Without a transaction twz_str_get, twz_str_length and twz_str_compare take no lock and can run beside a writer
 *     (read.h); with one they see what is staged, and have the object in it from then on.
 *   - Who frees the memory that a string lies in clears it before.
 *   - If a block cannot be had, in the caller's transaction, the string is as before the call, and the
 *     transaction can go on.
 *
 * Errors of all: TWZ_E_DAMAGED: contents that make no sense, of a change also the transaction's; what
 * transactions return. Of what makes it longer: TWZ_E_RANGE: past TWZ_STR_MAX; TWZ_E_HEAPFULL, TWZ_E_FULL.
 */
#ifndef TWZ_CORE_STR_H
#define TWZ_CORE_STR_H

#include "abi/container.h"
#include "core/tx.h"

TWZ_C_BEGIN

/* These bytes, which may be the string's own, become all of it; or more of it. */
int twz_str_set(struct twz_tx *tx, struct twz_str *s, const void *data, uint64_t bytes);
int twz_str_append(struct twz_tx *tx, struct twz_str *s, const void *data, uint64_t bytes);

/* The first `length` bytes stay. TWZ_E_RANGE: it has not that many. */
int twz_str_truncate(struct twz_tx *tx, struct twz_str *s, uint64_t length);

/* Empty, and it owns no block. */
int twz_str_clear(struct twz_tx *tx, struct twz_str *s);

/*
 * Copies all of it out, as one commit left it; its length returned. TWZ_E_RANGE: it is longer than
 * `room`; TWZ_E_TIMEOUT.
 */
int64_t twz_str_get(struct twz_tx *tx, const struct twz_str *s, void *out, uint64_t room);

uint64_t twz_str_length(struct twz_tx *tx, const struct twz_str *s);

/* *order < 0, 0, > 0: it sorts before these bytes, is them, sorts behind them, as memcmp has it. */
int twz_str_compare(struct twz_tx *tx, const struct twz_str *s, const void *data, uint64_t bytes,
		    int *order);

/*
 * Checks a string that nobody changes: 0, with *owned the bytes that its block takes of the heap, its
 * head included; or TWZ_E_DAMAGED, with *where the offset of what is wrong.
 */
int twz_str_check(const struct twz_str *s, uint64_t *where, uint64_t *owned);

TWZ_C_END

#endif
