/*
 * same_test.c - what objects share (store_same): each rule by itself, then random copies, stores and drops
 * against a comparison page by page.
 */
#include "core/store_test.h"

#define FAR ((uint64_t)1 << 20) /* pages: past the tree of a small object */

static uint64_t make(void)
{
	struct store_new new = {.perms = TWZ_READ};
	uint64_t ref = 0;

	assert_int_equal(store_create(s, &new, &ref), 0);
	return ref;
}

static void fill(uint64_t ref, uint64_t page, uint64_t pages)
{
	for (uint64_t at = page, n; at < page + pages; at += n) {
		n = 512 - at % 512 < page + pages - at ? 512 - at % 512 : page + pages - at;
		assert_int_equal(store_make(s, ref, at, n), 0);
	}
}

static void copy(uint64_t dst, uint64_t dst_page, uint64_t src, uint64_t src_page, uint64_t pages)
{
	assert_int_equal(store_copy(s, dst, dst_page, src, src_page, pages), 0);
}

static struct store_shared same(uint64_t a, uint64_t a_page, uint64_t b, uint64_t b_page,
				uint64_t pages)
{
	struct store_shared shared;

	assert_int_equal(store_same(s, (struct store_place){a, a_page},
				    (struct store_place){b, b_page}, pages, &shared),
			 0);
	assert_true(shared.pages <= pages && shared.present <= shared.pages);
	return shared;
}

/* From there on to the end, or to what is not shared, in however many calls; *calls counts them. */
static struct store_shared all_same(uint64_t a, uint64_t a_page, uint64_t b, uint64_t b_page,
				    uint64_t pages, unsigned *calls)
{
	struct store_shared all = {0}, some;

	for (*calls = 0; all.pages < pages; ++*calls) {
		some = same(a, a_page + all.pages, b, b_page + all.pages, pages - all.pages);
		if (!some.pages)
			break;
		all.pages += some.pages;
		all.present += some.present;
	}
	return all;
}

static void test_whole(void **state)
{
	const uint64_t all = STORE_PAGES_MAX - 1;
	uint64_t a = make(), b = make();
	struct store_shared shared;
	unsigned calls;

	(void)state;
	/* Nothing but holes. */
	assert_int_equal(all_same(a, 1, b, 1, all, &calls).pages, all);
	assert_true(calls <= 2);
	fill(a, 1024, 3000);
	fill(a, FAR + 77, 5);
	fill(a, STORE_PAGES_MAX - 1, 1);
	assert_int_equal(all_same(a, 1, b, 1, all, &calls).pages, 1023);
	copy(b, 1, a, 1, all);
	shared = all_same(a, 1, b, 1, all, &calls);
	assert_int_equal(shared.pages, all);
	assert_int_equal(shared.present, 3006);
	assert_true(calls <= 3);
	assert_int_equal(all_same(a, 1, a, 1, all, &calls).pages, all);
	/* One page gets its own frame, on one side. */
	fill(b, 2000, 1);
	assert_int_equal(all_same(a, 1, b, 1, all, &calls).pages, 1999);
	assert_int_equal(same(a, 2000, b, 2000, 5).pages, 0);
	shared = all_same(a, 2001, b, 2001, STORE_PAGES_MAX - 2001, &calls);
	assert_int_equal(shared.pages, STORE_PAGES_MAX - 2001);
	assert_int_equal(shared.present, 1024 + 3000 - 2001 + 6);
	/* A hole is none of a page. */
	assert_int_equal(store_drop(s, b, FAR + 78, 1), 0);
	assert_int_equal(same(a, FAR + 78, b, FAR + 78, 1).pages, 0);
	assert_int_equal(same(a, FAR + 77, b, FAR + 77, 5).pages, 1);
	assert_int_equal(same(a, FAR + 79, b, FAR + 79, 3).pages, 3);
	sound();
}

static void test_shifted(void **state)
{
	uint64_t a = make(), b = make();
	struct store_shared shared;
	unsigned calls;

	(void)state;
	fill(a, 1024, 1500);
	copy(b, 5001, a, 1024, 1500);
	shared = all_same(a, 1024, b, 5001, 1500, &calls);
	assert_int_equal(shared.pages, 1500);
	assert_int_equal(shared.present, 1500);
	assert_int_equal(same(a, 1025, b, 5001, 10).pages, 0);
	assert_int_equal(same(a, 1024, b, 5001, 7).pages, 7);
	assert_int_equal(same(a, 1024, b, 5001, 0).pages, 0);
}

/* A node that both have is told only as far as was asked for, and from its beginning. */
static void test_part_of_a_node(void **state)
{
	uint64_t a = make(), b = make();

	(void)state;
	fill(a, 1024, 512);
	fill(a, 1536, 512);
	copy(b, 1024, a, 1024, 1024);
	assert_int_equal(same(a, 1024, b, 1024, 100).pages, 100);
	assert_int_equal(same(a, 1024, b, 1024, 100).present, 100);
	assert_int_equal(same(a, 1100, b, 1100, 948).pages, 948);
	assert_int_equal(same(a, 1100, b, 1100, 948).present, 948);
}

static void test_refused(void **state)
{
	struct store_shared shared;
	uint64_t a = make(), b = make();
	struct twz_node *node;

	(void)state;
	fill(a, 1024, 600);
	copy(b, 1024, a, 1024, 600);
	assert_int_equal(store_same(s, (struct store_place){a, STORE_PAGES_MAX},
				    (struct store_place){b, 1}, 1, &shared),
			 TWZ_E_RANGE);
	assert_int_equal(store_same(s, (struct store_place){a, 1},
				    (struct store_place){b, STORE_PAGES_MAX - 1}, 2, &shared),
			 TWZ_E_RANGE);
	assert_int_equal(store_same(s, (struct store_place){a, 1}, (struct store_place){b, 2},
				    ~0ull, &shared),
			 TWZ_E_RANGE);
	assert_int_equal(store_same(s, (struct store_place){~0ull, 1}, (struct store_place){b, 1},
				    1, &shared),
			 TWZ_E_NOTFOUND);
	node = frame_at(s, store_record(s, a)->map.tree.root);
	node->magic ^= 1;
	assert_int_equal(store_same(s, (struct store_place){a, 1024}, (struct store_place){b, 1024},
				    1, &shared),
			 TWZ_E_DAMAGED);
	node->magic ^= 1;
	sound();
}

/* ---- random ---------------------------------------------------------------------------------- */

#define OBJECTS 4
#define BEGIN 900u
#define SPAN 1800u /* pages that are used, from there on */

static uint32_t frame_of(uint64_t ref, uint64_t page)
{
	struct store_run run;

	assert_int_equal(store_run(s, ref, page, 1, &run), 0);
	return run.frame;
}

static void compare(uint64_t a, uint64_t a_page, uint64_t b, uint64_t b_page, uint64_t pages)
{
	const struct store_shared shared = same(a, a_page, b, b_page, pages);
	uint64_t present = 0;

	for (uint64_t i = 0; i < shared.pages; i++) {
		assert_int_equal(frame_of(a, a_page + i), frame_of(b, b_page + i));
		present += frame_of(a, a_page + i) != 0;
	}
	assert_int_equal(shared.present, present);
	if (pages && !shared.pages)
		assert_int_not_equal(frame_of(a, a_page), frame_of(b, b_page));
}

static void random_step(const uint64_t *ref)
{
	uint64_t a = ref[next_random() % OBJECTS], b = ref[next_random() % OBJECTS];
	uint64_t from = next_random() % SPAN, to = next_random() % 2 ? from : next_random() % SPAN;
	uint64_t n = 1 + next_random() % (SPAN - (from > to ? from : to));

	switch (next_random() % 5) {
	case 0:
		fill(a, BEGIN + from, 1 + n % 20);
		break;
	case 1:
		assert_int_equal(store_drop(s, a, BEGIN + from, 1 + n % 600), 0);
		break;
	case 2:
		if (a != b)
			copy(a, BEGIN + to, b, BEGIN + from, n);
		break;
	default:
		compare(a, BEGIN + to, b, BEGIN + from, n);
		compare(a, BEGIN + to, b, BEGIN + to, SPAN - to);
	}
}

static void test_random_copies(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t ref[OBJECTS];

		setup(state);
		random_state = seed;
		for (unsigned i = 0; i < OBJECTS; i++)
			ref[i] = make();
		for (unsigned step = 0; step < 150; step++)
			random_step(ref);
		sound();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whole, setup),
		cmocka_unit_test_setup(test_shifted, setup),
		cmocka_unit_test_setup(test_part_of_a_node, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test(test_random_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
