/*
 * long.c - what takes long is done in parts: it does what it is to do, and others run meanwhile.
 *
 * The kernel that measures says how long a part was at most; guest.sh has this run, with instructions
 * counted, and compares.
 */
#include "tests/guest/bare.h"

#define PAGES 2000u
#define LARGE (TEST_PLACE + 3) /* a place for what does not fit a slot */
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define SPREAD 300u /* pages, each in a GiB of its own */
#define BOUND 300u  /* slots */
#define SLEEPERS 24u

/* ---- objects of many pages --------------------------------------------------------------------------- */

static uint64_t *word_of(uint8_t *base, uint64_t page)
{
	return (uint64_t *)(base + (TEST_DATA_PAGE + page) * TWZ_PAGE);
}

/* One with so many pages, each with its number in it. */
static struct twz_id large(uint32_t flags, uint32_t slot)
{
	struct twz_id id = test_object(flags);
	uint8_t *base = test_map(slot, id, READ_WRITE);

	CHECK_EQ(SYS(object_touch, word_of(base, 0), PAGES * TWZ_PAGE), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		*word_of(base, i) = i + 1;
	return id;
}

static void check_pages(uint32_t slot, struct twz_id id, uint64_t first, uint64_t pages)
{
	uint8_t *base = test_map(slot, id, TWZ_VIEW_READ);
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < pages; i++)
		wrong += *(volatile uint64_t *)word_of(base, first + i) != i + 1;
	CHECK_EQ(wrong, 0);
}

static struct twz_id seal(struct twz_id src)
{
	const struct twz_sys_seal s = {.src = src,
				       .size = PAGES * TWZ_PAGE,
				       .type = TWZ_TYPE_DATA,
				       .perms = TWZ_READ | TWZ_DELETE};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_seal, &s, &id), 0);
	return id;
}

static void copy(struct twz_id dst, struct twz_id src, uint64_t to, uint64_t from, uint64_t pages)
{
	struct twz_sys_copy c = {.dst = dst,
				 .src = src,
				 .dst_page = TEST_DATA_PAGE + to,
				 .src_page = TEST_DATA_PAGE + from,
				 .pages = pages};

	CHECK_EQ(SYS(object_copy, &c), 0);
	CHECK_EQ(c.pages, 0);
}

TEST(what_is_large_is_sealed)
{
	struct twz_id lasting = large(0, TEST_SLOT), sealed = seal(lasting);
	struct twz_id fleeting = large(TWZ_OBJECT_VOLATILE, TEST_SLOT + 1), same = seal(fleeting);

	CHECK(sealed.lo == same.lo && sealed.hi == same.hi);
	check_pages(TEST_SLOT + 2, sealed, 0, PAGES);
	test_unmap(TEST_SLOT + 2);
	test_delete(sealed);
	test_delete(lasting);
	test_delete(fleeting);
}

TEST(what_is_large_is_synced_limited_dropped_and_deleted)
{
	struct twz_id id = large(0, TEST_SLOT);

	CHECK_EQ(SYS(object_sync, ID(id)), 0);
	CHECK_EQ(SYS(object_settle, ID(id)), 0);
	CHECK_EQ(SYS(object_limit, ID(id), TEST_DATA_PAGE, PAGES, TWZ_WRITE), 0);
	CHECK_EQ(test_store(word_of(test_address(TEST_SLOT), PAGES - 1)).kind, TWZ_FAULT_RIGHT);
	check_pages(TEST_SLOT, id, 0, PAGES);
	CHECK_EQ(SYS(object_drop, ID(id), TEST_DATA_PAGE, PAGES / 2), 0);
	CHECK_EQ(*word_of(test_address(TEST_SLOT), PAGES / 2 - 1), 0);
	CHECK_EQ(*word_of(test_address(TEST_SLOT), PAGES / 2), PAGES / 2 + 1);
	test_delete(id);
}

/* By whole nodes, and by pages that lie otherwise in theirs. */
TEST(what_is_large_is_copied)
{
	static const uint32_t mediums[][2] = {{0, 0},
					      {0, TWZ_OBJECT_VOLATILE},
					      {TWZ_OBJECT_VOLATILE, 0},
					      {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_VOLATILE}};

	for (unsigned i = 0; i < sizeof(mediums) / sizeof(mediums[0]); i++) {
		struct twz_id src = large(mediums[i][0], TEST_SLOT),
			      dst = test_object(mediums[i][1]);

		copy(dst, src, 0, 0, PAGES);
		copy(dst, src, PAGES + 77, 0, PAGES);
		*word_of(test_address(TEST_SLOT), 1000) = 0; /* is the source's alone */
		check_pages(TEST_SLOT + 1, dst, 0, PAGES);
		check_pages(TEST_SLOT + 1, dst, PAGES + 77, PAGES);
		test_unmap(TEST_SLOT + 1);
		test_delete(dst);
		test_delete(src);
	}
}

/* ---- others ------------------------------------------------------------------------------------------ */

static uint64_t counted;
static uint32_t over;

static void count(uint64_t unused)
{
	(void)unused;
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		__atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED);
}

TEST(others_run_while_it_is_sealed)
{
	struct twz_id src = large(0, TEST_SLOT), sealed;
	struct test_thread *thread;
	uint64_t before;

	over = 0;
	thread = test_thread(count, 0);
	while (!__atomic_load_n(&counted, __ATOMIC_RELAXED))
		test_sleep(BARE_SECOND_NS / 1000);
	before = __atomic_load_n(&counted, __ATOMIC_RELAXED);
	sealed = seal(src);
	CHECK(__atomic_load_n(&counted, __ATOMIC_RELAXED) > before);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	test_join(thread);
	test_delete(sealed);
	test_delete(src);
}

static struct twz_id sealing;

static void seal_for_ever(uint64_t unused)
{
	(void)unused;
	for (;;)
		test_delete(seal(sealing));
}

/* What the thread had begun is done all the same, and the store is as good as before. */
TEST(a_thread_ends_while_it_seals)
{
	sealing = large(0, TEST_SLOT);
	for (unsigned i = 0; i < 4; i++) {
		struct test_thread *thread = test_thread(seal_for_ever, 0);

		test_sleep((i + 1) * BARE_SECOND_NS / 200);
		CHECK_EQ(SYS(thread_kill, ID(test_thread_id(thread)), 3), 0);
		test_join(thread);
	}
	test_delete(seal(sealing));
	check_pages(TEST_SLOT, sealing, 0, PAGES);
	test_delete(sealing);
}

/* ---- much of something else --------------------------------------------------------------------------- */

TEST(what_is_spread_wide_goes)
{
	struct twz_id id = test_object(TWZ_OBJECT_VOLATILE);
	uint8_t *base;

	test_enter(LARGE, id, READ_WRITE);
	base = test_address(LARGE);
	for (uint64_t i = 0; i < SPREAD; i++)
		*word_of(base, i << 18) = i + 1;
	CHECK_EQ(SYS(object_drop, ID(id), 1, (1ull << 28) - 1), 0);
	CHECK_EQ(*word_of(base, (SPREAD - 1ull) << 18), 0);
	CHECK_EQ(SYS(view_invalidate, LARGE, 1), 0);
	test_unmap(LARGE);
	test_delete(id);
}

TEST(many_slots_are_invalidated)
{
	struct twz_id id = large(TWZ_OBJECT_VOLATILE, TEST_SLOT);

	for (uint32_t i = 0; i < BOUND; i++) {
		test_enter(TEST_SLOT + 1000 + i, id, TWZ_VIEW_READ);
		CHECK_EQ(*word_of(test_address(TEST_SLOT + 1000 + i), i), i + 1);
	}
	for (uint32_t i = 0; i < BOUND; i++)
		test_enter(TEST_SLOT + 1000 + i, (struct twz_id){0}, 0);
	CHECK_EQ(SYS(view_invalidate, TEST_SLOT + 1000, BOUND), 0);
	for (uint32_t i = 0; i < BOUND; i++)
		CHECK_EQ(test_load(word_of(test_address(TEST_SLOT + 1000 + i), 0)).kind,
			 TWZ_FAULT_OBJECT);
	test_delete(id);
}

static uint32_t word, asleep;

static void sleep_on_word(uint64_t unused)
{
	(void)unused;
	__atomic_add_fetch(&asleep, 1, __ATOMIC_RELEASE);
	CHECK_EQ(bare_wait(&word, 0, 60 * BARE_SECOND_NS), 0);
}

TEST(many_sleepers_are_woken_by_one_call)
{
	struct test_thread *thread[SLEEPERS];
	uint64_t before = bare_usage().sleeping;

	asleep = 0;
	for (unsigned i = 0; i < SLEEPERS; i++)
		thread[i] = test_thread(sleep_on_word, i);
	while (bare_usage().sleeping != before + SLEEPERS)
		test_sleep(BARE_SECOND_NS / 1000);
	CHECK_EQ(bare_wake(&word, SLEEPERS - 2), SLEEPERS - 2);
	CHECK_EQ(bare_wake(&word, SLEEPERS), 2);
	for (unsigned i = 0; i < SLEEPERS; i++)
		test_join(thread[i]);
}
