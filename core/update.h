/*
 * update.h - the atomic update: the one way in which the store's structures change.
 *
 * An update stages words, reads through what it staged, and commits all of them or none:
 *   words and their sum into the log, flushed; FENCE (the commit point); words in place, flushed;
 *   FENCE; then the log says applied. A whole log found at open is applied again: no harm.
 * A log can be whole before the first fence (lines are written back at any time). So what it
 * publishes, the content of fresh frames, needs a fence before the log is written.
 *
 * Rules
 *   U1 A word that an update ever wrote is only ever written by updates, while its frame is in use;
 *      but for a record's settled mark, which means nothing in another epoch.
 *   U2 What a commit publishes (fresh frames) is written and flushed before the end, and `fresh` set.
 *   U3 An update writes no word in a frame that it frees: a replay could hit the next owner's.
 * Staging cannot fail midway: errors are sticky, and the end returns them and changes nothing.
 */
#ifndef TWZ_CORE_UPDATE_H
#define TWZ_CORE_UPDATE_H

#include "abi/errors.h"
#include "abi/store.h"
#include "core/sum.h"

#define UPDATE_SLOTS 8192u /* of the look-up table, a power of two, twice the words */
#define UPDATE_STAMP 4096u /* stamps are multiples of it: below it an index in word[] has room */
TWZ_PIN(TWZ_UPDATE_WORDS <= UPDATE_STAMP);

struct update {
	uint8_t *base; /* of the image */
	uint64_t bytes;
	struct twz_update_log *log;
	int error;
	uint32_t count;
	bool fresh;  /* frames were filled outside the log: a fence more */
	bool frames; /* words that say which frames are in use, and shared, are staged (frame.c) */
	uint32_t stamp; /* of this update: older slots are empty */
	struct twz_update_word word[TWZ_UPDATE_WORDS];
	uint32_t slot[UPDATE_SLOTS]; /* stamp | index in word[] */
};

/* All zeros, or one that was used before. */
void update_init(struct update *u, void *base, uint64_t bytes, struct twz_update_log *log);

/* The first error that staging meets is kept, for update_end to return. */
void update_fail(struct update *u, int error);

/*
 * Ends the update: commits if neither `error` nor staging says no, else forgets what was staged.
 * 0 or the error. Nothing staged costs nothing.
 */
int update_end(struct update *u, int error);

/* Applies the log if it is whole. TWZ_E_DAMAGED if a word lies outside the image. */
int update_recover(struct update *u);

/*
 * The staged value of the aligned word at p, which is staged with its present value if it was not.
 * Valid until the next word is staged. Inline, as the rest: this is what every operation is made of.
 */
uint64_t *update_word_slow(struct update *u, uint64_t off, uint32_t i);

static inline uint32_t update_slot(uint64_t off)
{
	return (uint32_t)(off * TWZ_SUM_K >> 51);
}

/* What slot i holds, an index in word[]; TWZ_UPDATE_WORDS or more: nothing of this update. */
static inline uint32_t update_index(const struct update *u, uint32_t i)
{
	return u->slot[i] ^ u->stamp;
}

static inline uint64_t *update_word(struct update *u, void *p)
{
	uint64_t off = (uint64_t)((uint8_t *)p - u->base);
	uint32_t i = update_slot(off), index = update_index(u, i);
	struct twz_update_word *word;

	if (index < TWZ_UPDATE_WORDS && u->word[index].off == off)
		return &u->word[index].value;
	if (index < TWZ_UPDATE_WORDS || u->count == TWZ_UPDATE_WORDS)
		return update_word_slow(u, off, i);
	word = &u->word[u->count];
	u->slot[i] = u->stamp | u->count++;
	word->off = off;
	word->value = *(const uint64_t *)p;
	return &word->value;
}

/* The aligned word at p, staged or in place. Mostly in place: its slot is empty. */
uint64_t update_get_slow(const struct update *u, const void *p);

static inline uint64_t update_get(const struct update *u, const void *p)
{
	uint64_t off = (uint64_t)((const uint8_t *)p - u->base);

	if (!u->count || update_index(u, update_slot(off)) >= TWZ_UPDATE_WORDS)
		return *(const uint64_t *)p;
	return update_get_slow(u, p);
}

/* The aligned word at p becomes `value`, and is staged only if it was another. */
void update_set_slow(struct update *u, uint64_t *p, uint64_t value);

static inline void update_set(struct update *u, uint64_t *p, uint64_t value)
{
	uint64_t off = (uint64_t)((uint8_t *)p - u->base);
	uint32_t i = update_slot(off);

	if (update_index(u, i) < TWZ_UPDATE_WORDS || u->count == TWZ_UPDATE_WORDS) {
		update_set_slow(u, p, value);
	} else if (*p != value) {
		u->word[u->count] = (struct twz_update_word){off, value};
		u->slot[i] = u->stamp | u->count++;
	}
}

static inline void *update_aligned(const void *field)
{
	return (void *)((uintptr_t)field & ~(uintptr_t)7);
}

static inline uint64_t update_mask(unsigned bytes)
{
	return bytes == 8 ? ~0ull : (1ull << bytes * 8) - 1;
}

/* A field of 1, 2, 4 or 8 bytes, aligned to its size. */
static inline uint64_t update_get_field(const struct update *u, const void *field, unsigned bytes)
{
	if (bytes == 8)
		return update_get(u, field);
	return update_get(u, update_aligned(field)) >> ((uintptr_t)field & 7) * 8 &
	       update_mask(bytes);
}

static inline void update_put_field(struct update *u, void *field, unsigned bytes, uint64_t value)
{
	uint64_t *word = update_word(u, update_aligned(field));
	unsigned shift = ((uintptr_t)field & 7) * 8;

	*word = (*word & ~(update_mask(bytes) << shift)) | (value & update_mask(bytes)) << shift;
}

/*
 * In a structure whose sum (twz_sum_at over its words) is the word at `sum`: the bits of `mask` in its
 * word `index` become those of `bits`.
 */
void update_put_bits(struct update *u, void *structure, uint64_t *sum, uint64_t index,
		     uint64_t mask, uint64_t bits);

/*
 * The same by hand, where many calls come by: a whole word, of which the return value is what the sum
 * changes by. Several words of a structure so take one change of the sum.
 */
static inline uint64_t update_change(struct update *u, void *structure, uint64_t index,
				     uint64_t value)
{
	uint64_t *word = update_word(u, (uint64_t *)structure + index), before = *word;

	*word = value;
	return twz_sum_at(index, value) - twz_sum_at(index, before);
}

static inline void update_sum(struct update *u, uint64_t *sum, uint64_t change)
{
	*update_word(u, sum) += change;
}

/* A field of such a structure. Where it lies in it is mostly constant, and so is its mask. */
static inline void update_put_summed(struct update *u, void *structure, uint64_t *sum, void *field,
				     unsigned bytes, uint64_t value)
{
	uint64_t at = (uintptr_t)field - (uintptr_t)structure, mask = update_mask(bytes);
	unsigned shift = at % 8 * 8;

	update_put_bits(u, structure, sum, at / 8, mask << shift, (value & mask) << shift);
}

#define UPDATE_GET(u, field) ((__typeof__(field))update_get_field(u, &(field), sizeof(field)))
#define UPDATE_PUT(u, structure, field, value)                                  \
	update_put_summed(u, structure, &(structure)->sum, &(structure)->field, \
			  sizeof((structure)->field), value)

#endif
