/*
 * small.h - the pages of a small object: runs in its record, spelled out to be changed.
 *
 * Load, change, store back: all in memory but for the store, which stages. An object that has more
 * pages or runs than fit gets a tree (tree.c).
 */
#ifndef TWZ_CORE_SMALL_H
#define TWZ_CORE_SMALL_H

#include "core/store_int.h"

#define SMALL_PAGES_MAX (TWZ_RUNS * TWZ_RUN_PAGES_MAX)

struct small {
	unsigned n; /* pages, in order */
	uint64_t page[SMALL_PAGES_MAX];
	uint32_t frame[SMALL_PAGES_MAX];
};

/* The runs of a record, staged or in place. */
void small_load(const struct update *u, const struct twz_record *rec, struct small *small);

/* Index of the page, or where it belongs. */
unsigned small_find(const struct small *small, uint64_t page);

/* Sets (frame 0: removes) a page; false if there is no room. */
bool small_set(struct small *small, uint64_t page, uint32_t frame);

/* Writes the runs back; false (nothing staged) if they are more than fit. */
bool small_store(struct store *s, struct twz_record *rec, const struct small *small);

#endif
