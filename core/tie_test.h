/*
 * tie_test.h - objects and ties in the store of store_test.h, for the tests of ties.
 */
#pragma once

#include "core/store_test.h"

static const struct twz_id none;

static int try_make(struct twz_id under, bool ending, uint64_t to, uint32_t flags, uint64_t *ref)
{
	struct store_new new = {.perms = TWZ_READ,
				.key = under,
				.ending = ending,
				.page = 1024,
				.npages = 3,
				.tie = to,
				.tie_flags = flags};

	return store_create(s, &new, ref);
}

static uint64_t make(bool ending)
{
	uint64_t ref = 0;

	assert_int_equal(try_make(none, ending, 0, 0, &ref), 0);
	return ref;
}

static struct twz_record *record(uint64_t ref)
{
	return (struct twz_record *)store_record(s, ref);
}

static void tie(uint64_t a, uint64_t b)
{
	assert_int_equal(store_tie(s, a, b, 0), 0);
}

static void drain(void)
{
	assert_int_equal(store_drain(s, 1000000), 0);
	sound();
}

static void mount(void)
{
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	sound();
}

/* Is it found? By reference: the place of one that is freed is empty. */
static bool lives(uint64_t ref)
{
	struct twz_id id = record(ref)->id;
	uint64_t found_ref;

	return !id_none(id) && !store_find(s, id, &found_ref);
}

/* The kinds of the tie, 0 if there is none; both walks agree. */
static uint32_t tied(uint64_t a, uint64_t b)
{
	uint64_t other = 0;
	uint32_t kinds, out = 0, in = 0;

	while (!store_tie_next(s, a, false, &other, &kinds))
		out |= other == b ? kinds : 0;
	other = 0;
	while (!store_tie_next(s, b, true, &other, &kinds))
		in |= other == a ? kinds : 0;
	assert_int_equal(out, in);
	return out;
}
