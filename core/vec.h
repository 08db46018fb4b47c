/*
 * vec.h - vectors in objects: elements of one size that never move (docs/format/vec.md);
 * <twz/vec.h> exports it, with types.
 *
 * Rules
 *   - A vector is a field of a structure in an object that has a heap. All zero is an empty one.
 *   - What changes it takes the caller's transaction, and is part of it; or null: it is a transaction of
 *     its own, durable on return, 2 fences (resize: 3).
 *   - In a transaction the elements are staged whole, and so is struct twz_vec: the caller stages
 *     either all of one or none of it.
 *   - vec_get, vec_at and vec_count see what is staged in the transaction that they are given, and have
 *     the object in it from then on. Without one they take no lock; vec_get and vec_count can run
 *     beside a writer (read.h).
 *   - vec_at is for who has the object: nobody else changes it meanwhile.
 *   - `bytes`, of an element, is the same in all calls for a vector; TWZ_E_TYPE.
 *   - What an element owns (a string, a block) is the caller's to free before the element goes.
 *   - Segments stay until resize and clear. If one cannot be made, in the caller's transaction, those
 *     made before stay; the elements are as before the call, and the transaction can go on.
 *
 * Errors of all: TWZ_E_DAMAGED: contents that make no sense, of a change also the transaction's; what
 * transactions return. Of what makes segments: TWZ_E_HEAPFULL, TWZ_E_FULL.
 */
#ifndef TWZ_CORE_VEC_H
#define TWZ_CORE_VEC_H

#include "abi/container.h"
#include "core/tx.h"

TWZ_C_BEGIN

/* Adds an element at the end. TWZ_E_ARG: `bytes` is 0, or more than TWZ_VEC_ELEMENT_MAX. */
int vec_push(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, const void *value);

/* Takes the last element away; out, which may be null, gets it. TWZ_E_NOTFOUND: there is none. */
int vec_pop(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, void *out);

/* TWZ_E_RANGE: there is no such element. */
int vec_set(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, uint64_t i, const void *value);

/* Copies it out, as one commit left it; with a transaction, as staged. TWZ_E_RANGE, TWZ_E_TIMEOUT. */
int vec_get(struct twz_tx *tx, const struct twz_vec *v, uint32_t bytes, uint64_t i, void *out);

/* Where it lies, now and as long as it is there; null: there is none, or the vector makes no sense. */
void *vec_at(struct twz_tx *tx, const struct twz_vec *v, uint32_t bytes, uint64_t i);

/* Element i becomes the last one, which goes. TWZ_E_RANGE. */
int vec_swap_remove(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, uint64_t i);

/*
 * New elements are all zero; those past the new count go. Leaves only the segments that it takes.
 */
int vec_resize(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, uint64_t count);

/* Frees all that it owns: it is all zero then. */
int vec_clear(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes);

uint64_t vec_count(struct twz_tx *tx, const struct twz_vec *v);

/*
 * Checks a vector that nobody changes: 0, with *owned the bytes that its blocks take of the heap,
 * their heads included; or TWZ_E_DAMAGED, with *where the offset of what is wrong.
 */
int vec_check(const struct twz_vec *v, uint32_t bytes, uint64_t *where, uint64_t *owned);

TWZ_C_END

#endif
