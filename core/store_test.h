/*
 * store_test.h - a new, empty store on the simulated medium for each test, random numbers that repeat, and
 * the checker's word on the store. The group's setup is `setup`.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "abi/object.h"
#include "core/check.h"
#include "core/log.h"
#include "core/store_int.h"
#include "tests/sim/sim.h"

#define BYTES ((uint64_t)32 << 20)

static struct store store;
static struct store *const s = &store;
static uint64_t random_state;
static char found[8]; /* the first invariant that the checker named */

static inline uint64_t next_random(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return random_state >> 33;
}

static void test_random(void *out, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		((uint8_t *)out)[i] = (uint8_t)next_random();
}

static void said(void *arg, const char *invariant, uint64_t frame, const char *what)
{
	(void)arg;
	(void)frame;
	(void)what;
	if (!found[0])
		snprintf(found, sizeof(found), "%s", invariant);
}

/* What the checker names first; "" for a sound store. */
static const char *checked(void)
{
	static uint8_t scratch[CHECK_SCRATCH(BYTES / TWZ_PAGE)];
	struct check check = {.report = said, .scratch = scratch};

	found[0] = 0;
	memset(scratch, 0, sizeof(scratch));
	(void)store_check(s, &check);
	return found;
}

static inline void sound(void)
{
	assert_string_equal(checked(), "");
}

static int setup(void **state)
{
	void *base = sim_memory(BYTES);

	(void)state;
	random_state = 1;
	assert_int_equal(store_format(base, BYTES, test_random), 0);
	assert_int_equal(store_mount(s, base, BYTES, test_random), 0);
	return 0;
}
