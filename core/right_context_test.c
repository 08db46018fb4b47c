/*
 * right_context_test.c - the decision on rights over contexts that lie: entries, runs, headers and
 * tables that are wrong, and words changed at random. Nothing outside a context is read.
 */
#include "core/right_test.h"

static void test_candidates(void **state)
{
	(void)state;
	for (unsigned bad = RIGHT_CANDIDATES - 1; bad <= RIGHT_CANDIDATES; bad++) {
		sound();
		cap[0].accessor = id(A);
		signer[0] = K;
		sign(0, NULL);
		empty(&active, A, TWZ_PERM_ALL);
		place(bad, 0);
		cap[0].sig[0] ^= 1;
		for (unsigned i = 0; i < bad; i++)
			place(i, 0);
		enter(&active, id(O), TWZ_CONTEXT_CAP, bad + 1, CAPS);
		if (bad < RIGHT_CANDIDATES)
			gives(TWZ_READ | TWZ_WRITE);
		else
			refused(RIGHT_FORGED);
	}
}

/* After a record that is malformed, the next chain of the run is found; after a wild depth it is not. */
static void test_run_goes_on(void **state)
{
	(void)state;
	sound();
	signer[0] = K;
	sign(0, NULL);
	empty(&active, A, TWZ_PERM_ALL);
	place(1, 0);
	cap[0].version = 2;
	place(0, 0);
	enter(&active, id(O), TWZ_CONTEXT_CAP, 2, CAPS);
	gives(TWZ_READ | TWZ_WRITE);
	placed(0)->depth = TWZ_CAP_DEPTH_MAX + 1;
	refused(RIGHT_MALFORMED);
}

/* A context that nobody opened gives nothing, and leaves nothing. */
static void test_not_open(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	q.defaults = TWZ_READ;
	right_decide(&q, &a);
	assert_int_equal(a.granted, TWZ_READ);
	assert_int_equal(a.effective, 0);
	assert_int_equal(right_limit(&active.context, id(O)), 0);
}

static void test_header(void **state)
{
	static const uint64_t lengths[] = {0, 8, 127};

	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	header(&active)->magic ^= 1;
	assert_int_equal(ask().granted, 0);
	assert_int_equal(limit_of(&active, O), 0);
	hold(O, 2);
	header(&active)->version = 2;
	assert_int_equal(ask().granted, 0);
	assert_int_equal(limit_of(&active, O), 0);
	for (unsigned i = 0; i < 3; i++) {
		hold(O, 2);
		active.context.bytes = lengths[i];
		assert_int_equal(ask().granted, 0);
		assert_int_equal(limit_of(&active, O), 0);
	}
	/* Without a table, the global mask alone. */
	hold(O, 2);
	header(&active)->nentries = 0;
	assert_int_equal(ask().granted, 0);
	assert_int_equal(limit_of(&active, O), TWZ_PERM_ALL);
}

/* Tables that cannot be read: no capability is found, and it is not assumed that there is no mask. */
static void test_table(void **state)
{
	static const uint64_t tables[] = {0,
					  TWZ_OBJ_DATA - 32,
					  TWZ_OBJ_DATA + PAGES * TWZ_PAGE,
					  TWZ_OBJ_DATA + PAGES * TWZ_PAGE - 24,
					  TWZ_OBJ_DATA + TABLE + 4,
					  TWZ_OBJ_DATA + 2 * TWZ_PAGE - 16,
					  1ull << 63,
					  ~0ull,
					  ~0ull - 31};
	static const uint64_t counts[] = {3, 6, 7, 12, 1ull << 40 | 1, ~0ull, ~0ull - 1};
	static const uint64_t huge[] = {1ull << 20, 1ull << 40, 1ull << 63};

	(void)state;
	sound();
	sign(2, NULL);
	for (unsigned i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		hold(O, 2);
		header(&active)->nentries = 1;
		header(&active)->table = tables[i];
		assert_int_equal(ask().granted, 0);
		assert_int_equal(limit_of(&active, O), 0);
	}
	for (unsigned i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		hold(O, 2);
		mask(&active, O, 0, TWZ_PERM_ALL);
		header(&active)->nentries = counts[i];
		/* All places hold the same, so that only the number can be wrong. */
		for (unsigned j = 1; j < ENTRIES; j++)
			memcpy(active.data + TABLE + 32 * j,
			       active.data + TABLE + 32 * ((O ^ 0x77) & (ENTRIES - 1)), 32);
		assert_int_equal(ask().effective, 0);
		assert_int_equal(limit_of(&active, O), 0);
	}
	/* A table that is longer than the data: what lies inside can be used. */
	for (unsigned i = 0; i < sizeof(huge) / sizeof(*huge); i++) {
		hold(O, 2);
		header(&active)->nentries = huge[i];
		assert_true(ask().effective == 0 || ask().effective == (TWZ_READ | TWZ_WRITE));
	}
}

/* A full table without an end: the search gives up, and then there may be a mask. */
static void test_full_table(void **state)
{
	static const uint64_t sizes[] = {1, 8, 64, 128, 256};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		empty(&active, A, TWZ_PERM_ALL);
		header(&active)->table = TWZ_OBJ_DATA + TWZ_PAGE;
		header(&active)->nentries = sizes[i];
		for (uint64_t j = 0; j < sizes[i]; j++)
			enter(&active, id(NIDS + j), TWZ_CONTEXT_CAP, 1, CAPS);
		assert_int_equal(limit_of(&active, O), sizes[i] <= RIGHT_PROBES ? TWZ_PERM_ALL : 0);
		assert_int_equal(ask().granted, 0);
	}
	/* A mask further away than the search goes is not found: neither is it believed to be absent. */
	empty(&active, A, TWZ_PERM_ALL);
	header(&active)->table = TWZ_OBJ_DATA + TWZ_PAGE;
	header(&active)->nentries = 128;
	for (uint64_t j = 0; j < RIGHT_PROBES; j++)
		enter(&active, (struct twz_id){O + 128 * j, 0x77 + (128ull << 20)}, TWZ_CONTEXT_CAP,
		      1, CAPS);
	mask(&active, O, 0, TWZ_READ);
	assert_int_equal(limit_of(&active, O), 0);
}

/* A table of two pages: what lies in either is found. */
static void test_large_table(void **state)
{
	(void)state;
	sound();
	cap[0].accessor = id(A);
	signer[0] = K;
	sign(0, NULL);
	for (uint64_t page = 0; page < 2; page++) {
		uint64_t target = O ^ page << 7; /* its place in the table is as far behind */

		empty(&active, A, TWZ_PERM_ALL);
		header(&active)->table = TWZ_OBJ_DATA + TWZ_PAGE;
		header(&active)->nentries = 256;
		place(0, 0);
		enter(&active, id(O), TWZ_CONTEXT_CAP, 1, CAPS);
		mask(&active, target, 0, TWZ_READ);
		assert_int_equal(limit_of(&active, target), TWZ_READ);
		assert_int_equal(ask().effective, page ? TWZ_READ | TWZ_WRITE : TWZ_READ);
	}
}

static void test_mask_out_of_place(void **state)
{
	static const uint64_t offs[] = {0,
					TWZ_OBJ_DATA - 32,
					TWZ_OBJ_DATA + PAGES * TWZ_PAGE - 24,
					TWZ_OBJ_DATA + TWZ_PAGE - 16,
					TWZ_OBJ_DATA + MASKS + 4,
					~0ull - 7};
	struct twz_mask *m;

	(void)state;
	for (unsigned i = 0; i < sizeof(offs) / sizeof(*offs); i++) {
		empty(&active, A, TWZ_PERM_ALL);
		enter(&active, id(O), TWZ_CONTEXT_MASK, 1, 0)->off = offs[i];
		assert_int_equal(limit_of(&active, O), 0);
	}
	empty(&active, A, TWZ_PERM_ALL);
	m = mask(&active, O, 0, TWZ_READ);
	assert_int_equal(limit_of(&active, O), TWZ_READ);
	m->target = id(P);
	assert_int_equal(limit_of(&active, O), 0);
}

static void test_run_out_of_place(void **state)
{
	static const uint64_t offs[] = {0,
					TWZ_OBJ_DATA - 256,
					TWZ_OBJ_DATA + PAGES * TWZ_PAGE,
					TWZ_OBJ_DATA + PAGES * TWZ_PAGE - 128,
					TWZ_OBJ_DATA + TWZ_PAGE - 128,
					TWZ_OBJ_DATA + CAPS + 4,
					1ull << 63,
					~0ull - 255};
	struct twz_context_entry *e;

	(void)state;
	sound();
	sign(2, NULL);
	for (unsigned i = 0; i < sizeof(offs) / sizeof(*offs); i++) {
		empty(&active, A, TWZ_PERM_ALL);
		e = enter(&active, id(O), TWZ_CONTEXT_CAP, ~0u, 0);
		e->off = offs[i];
		assert_int_equal(ask().granted, 0);
		assert_int_equal(ask().reason[0].why, RIGHT_MALFORMED);
	}
	/* The last record of the chain lies behind the end. */
	hold(O, 2);
	active.context.bytes = CAPS + 3 * sizeof(struct twz_cap) - 8;
	refused(RIGHT_MALFORMED);
	/* A count beyond everything does no harm: the depths say how much of it is used. */
	empty(&active, A, TWZ_PERM_ALL);
	place(0, 2);
	enter(&active, id(O), TWZ_CONTEXT_CAP, ~0u, CAPS);
	assert_int_equal(ask().effective, TWZ_READ | TWZ_WRITE);
}

/* Entries of kinds that are not known take a place, and nothing else. */
static void test_unknown_kind(void **state)
{
	(void)state;
	sound();
	sign(2, NULL);
	empty(&active, A, TWZ_PERM_ALL);
	enter(&active, id(O), 77, 3, CAPS);
	enter(&active, id(O), TWZ_CONTEXT_CAP, 3, CAPS);
	place(0, 2);
	gives(TWZ_READ | TWZ_WRITE);
}

/* Words changed at random: at() sees that nothing outside is read; defaults stay what they are. */
static void test_damaged(void **state)
{
	struct right_query q = query();
	struct right_answer a;
	uint64_t random = 1;

	(void)state;
	q.defaults = TWZ_READ;
	all_known = false;
	for (unsigned i = 0; i < 20000; i++) {
		if (i % 4 == 0) {
			sound();
			hold(O, 2);
			mask(&active, O, 0, TWZ_PERM_ALL);
		}
		random = random * 6364136223846793005u + 1442695040888963407u;
		*(uint64_t *)(active.data + (random >> 33) % (CAPS + 768) / 8 * 8) =
			random >> 20 & 1 ? random : 1ull << (random >> 58);
		decide(&q, &a);
		assert_int_equal(a.granted, TWZ_READ);
		assert_int_equal(a.effective & ~TWZ_READ, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_candidates),       cmocka_unit_test(test_run_goes_on),
		cmocka_unit_test(test_not_open),         cmocka_unit_test(test_large_table),
		cmocka_unit_test(test_header),           cmocka_unit_test(test_table),
		cmocka_unit_test(test_full_table),       cmocka_unit_test(test_mask_out_of_place),
		cmocka_unit_test(test_run_out_of_place), cmocka_unit_test(test_unknown_kind),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
