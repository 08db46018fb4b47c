/*
 * check.h - the checker: reads a whole store and names every violated invariant by its number
 * (docs/format/store.md, S1 to S..). It changes nothing. The store is open (recovered).
 */
#ifndef TWZ_CORE_CHECK_H
#define TWZ_CORE_CHECK_H

#include "core/store.h"

struct check {
	void *arg;
	/* Called for each violation: the invariant ("S7"), where, and what is wrong. */
	void (*report)(void *arg, const char *invariant, uint64_t frame, const char *what);
	uint8_t *scratch; /* CHECK_SCRATCH(nframes) bytes, zeroed */
	uint64_t nviolations;
};
#define CHECK_SCRATCH(nframes) (6 * (uint64_t)(nframes))

/* 0 if the store is sound, else TWZ_E_DAMAGED. */
int store_check(const struct store *s, struct check *check);

#endif
