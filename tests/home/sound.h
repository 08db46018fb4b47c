/*
 * sound.h - for tests on the hosted runtime: is the open store sound?
 */
#ifndef TESTS_HOME_SOUND_H
#define TESTS_HOME_SOUND_H

#include "core/check.h"
#include "rt/linux/home.h"
#include "tests/home/home.h"

static inline void violated(void *arg, const char *invariant, uint64_t frame, const char *what)
{
	(void)arg;
	fprintf(stderr, "%s: frame %lu: %s\n", invariant, frame, what);
}

static inline void store_is_sound(void)
{
	struct check check = {.report = violated};

	home_lock();
	check.scratch = calloc(1, CHECK_SCRATCH(home.store.nframes));
	MUST(store_check(&home.store, &check));
	free(check.scratch);
	home_unlock();
}

#endif
