/*
 * large.c - sparse objects of 1 TiB, in both mediums: what they take, that work on them steps over holes, and
 * their ends.
 */
#include "tests/guest/bare.h"

#define MEDIUMS 2u
static const uint32_t mediums[MEDIUMS] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define GIB ((uint64_t)1 << 30)
#define END (TWZ_OBJ_SIZE_MAX / TWZ_PAGE)
#define STEPS_MAX \
	64u /* that a call on all of it takes: with a step for each node, there were 500,000 */

/* Each in a GiB of its own. */
static const uint64_t pages[] = {TWZ_OBJ_DATA / TWZ_PAGE, 3 * GIB / TWZ_PAGE, END / 2 - 1,
				 END / 2 + 77, END - 1};
#define PAGES (sizeof(pages) / sizeof(pages[0]))

static uint64_t *page_of(uint32_t slot, unsigned i)
{
	return (uint64_t *)(test_address(slot) + pages[i] * TWZ_PAGE);
}

static struct twz_id sparse(uint32_t slot, uint32_t flags)
{
	struct twz_id id = test_object(flags);

	test_map(slot, id, READ_WRITE);
	for (unsigned i = 0; i < PAGES; i++)
		*page_of(slot, i) = i + 1;
	return id;
}

static uint64_t npages(struct twz_id id)
{
	struct twz_rt_stat stat = {0};

	CHECK_EQ(twz_rt_stat(id, &stat), 0);
	return stat.npages;
}

static bool holds(uint32_t slot, uint64_t factor)
{
	bool good = true;

	for (unsigned i = 0; i < PAGES; i++)
		good &= CHECK_EQ(*page_of(slot, i), factor * (i + 1));
	return good;
}

/* Entries into the kernel by system calls since then: each step of a call is one. */
static uint64_t steps_since(uint64_t before)
{
	return bare_usage().calls - before;
}

TEST(a_sparse_object_has_the_pages_that_were_touched)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		const uint64_t before = bare_usage().store_used;
		struct twz_id id = sparse(TEST_PLACE, mediums[m]);

		CHECK_EQ(npages(id), PAGES);
		holds(TEST_PLACE, 1);
		if (mediums[m] ==
		    TWZ_OBJECT_ENDING) /* a leaf and a node above it for each, the top */
			CHECK(bare_usage().store_used - before <= 4 * PAGES + 4);
		CHECK_EQ(test_load(test_address(TEST_PLACE)).kind, TWZ_FAULT_NULL);
		test_unmap(TEST_PLACE);
		test_delete(id);
	}
}

TEST(work_on_all_of_a_sparse_object_steps_over_holes)
{
	for (unsigned from = 0; from < MEDIUMS; from++)
		for (unsigned to = 0; to < MEDIUMS; to++) {
			struct twz_id a = sparse(TEST_PLACE, mediums[from]),
				      b = test_object(mediums[to]);
			uint64_t before;

			test_map(TEST_PLACE + 1, b, READ_WRITE);
			before = bare_usage().calls;
			CHECK_EQ(twz_rt_copy(b, 1, a, 1, END - 1), 0);
			CHECK(steps_since(before) < STEPS_MAX);
			holds(TEST_PLACE + 1, 1);
			CHECK_EQ(npages(b), PAGES);
			before = bare_usage().calls;
			CHECK_EQ(twz_rt_sync(b), 0);
			CHECK(steps_since(before) < STEPS_MAX);
			before = bare_usage().calls;
			CHECK_EQ(twz_rt_copy(b, 1, a, 1, END - 1), 0); /* over itself */
			CHECK(steps_since(before) < STEPS_MAX);
			before = bare_usage().calls;
			CHECK_EQ(twz_rt_drop(b, 1, END - 1), 0);
			CHECK(steps_since(before) < STEPS_MAX);
			CHECK_EQ(npages(b), 0);
			holds(TEST_PLACE + 1, 0);
			holds(TEST_PLACE, 1);
			test_unmap(TEST_PLACE);
			test_unmap(TEST_PLACE + 1);
			test_delete(a);
			test_delete(b);
		}
}

/* What a large object had is free soon, as one sees who makes another one in its place. */
TEST(a_sparse_object_is_freed_in_little_time)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		const struct twz_sys_usage before = bare_usage();
		const uint64_t start = twz_rt_time_ns();

		for (unsigned round = 0; round < 20; round++) {
			struct twz_id id = sparse(TEST_PLACE, mediums[m]);

			test_unmap(TEST_PLACE);
			test_delete(id);
		}
		while (bare_usage().store_used > before.store_used ||
		       bare_usage().frames_used > before.frames_used + 16)
			if (!CHECK(bare_patient(start)))
				break;
	}
}

/* ---- the end ----------------------------------------------------------------------------------------- */

TEST(the_last_page_is_as_any_and_behind_it_is_none)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id a = sparse(TEST_PLACE, mediums[m]), b = test_object(mediums[m]);
		uint8_t *end = test_address(TEST_PLACE) + TWZ_OBJ_SIZE_MAX;
		struct twz_rt_shared shared;

		test_map(TEST_PLACE + 1, b, READ_WRITE);
		CHECK_EQ(twz_rt_copy(b, END - 1, a, END - 1, 1), 0);
		CHECK_EQ(*page_of(TEST_PLACE + 1, PAGES - 1), PAGES);
		CHECK_EQ(twz_rt_same(a, END - 1, b, END - 1, 1, &shared), 0);
		CHECK_EQ(shared.present, 1);
		CHECK_EQ(twz_rt_copy(b, 5, a, END - 1, 1), 0);
		CHECK_EQ(twz_rt_limit(a, END - 1, 1, TWZ_WRITE), 0);
		CHECK_EQ(test_store(end - 1).error, TWZ_E_RIGHT);
		CHECK_EQ(test_store(end - TWZ_PAGE - 1).kind, 0);
		CHECK_EQ(test_load(end - 1).kind, 0);
		CHECK_EQ(twz_rt_copy(b, END - 1, a, END - 1, 1), 0); /* with its limit */
		CHECK_EQ(test_store(end + TWZ_OBJ_SIZE_MAX - 1).error, TWZ_E_RIGHT);
		CHECK_EQ(twz_rt_drop(a, END - 1, 1), 0);
		CHECK_EQ(test_store(end - 1).kind, 0);
		/* One too far, and one too many. */
		CHECK_EQ(twz_rt_same(a, END, b, 1, 1, &shared), TWZ_E_ARG);
		CHECK_EQ(twz_rt_same(a, 1, b, END - 1, 2, &shared), TWZ_E_ARG);
		CHECK_EQ(twz_rt_copy(a, END - 1, b, 1, 2), TWZ_E_ARG);
		CHECK_EQ(twz_rt_drop(a, END - 1, 2), TWZ_E_ARG);
		CHECK_EQ(twz_rt_limit(a, END, 1, TWZ_WRITE), TWZ_E_ARG);
		test_unmap(TEST_PLACE + 1);
		CHECK_EQ(test_load(end).kind, TWZ_FAULT_OBJECT); /* the next place */
		test_unmap(TEST_PLACE);
		test_delete(a);
		test_delete(b);
	}
}
