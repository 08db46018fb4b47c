/*
 * memory.c - what happens when DRAM or the store is used up, and what page tables cost.
 *
 * How much there is of both is for who starts the machine to say; all of it is used up here.
 */
#include "tests/guest/test.h"

#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define LEAF_PAGES 512u

static struct twz_sys_usage usage(void)
{
	struct twz_sys_usage usage;

	CHECK_EQ(SYS(usage, &usage), 0);
	return usage;
}

static uint8_t *page(uint32_t slot, uint64_t n)
{
	return test_address(slot) + TWZ_OBJ_DATA + n * TWZ_PAGE;
}

/* ---- none left ------------------------------------------------------------------------------------------ */

/* What a fault and its handling need of the stacks is there, while there still is memory. */
static __attribute__((noinline)) void prepare(void)
{
	volatile uint8_t room[32 << 10];

	for (unsigned i = 0; i < sizeof(room); i += 512)
		room[i] = 1;
	CHECK_EQ(test_load(page(TEST_SLOT + 9, 0)).kind, TWZ_FAULT_OBJECT);
}

/* Stores to page after page, each its number; the fault of the first that is not to be had. */
static struct twz_fault fill(uint32_t slot, uint64_t *pages)
{
	struct twz_fault fault;

	prepare();
	for (*pages = 0;; ++*pages) {
		fault = test_store(page(slot, *pages));
		if (fault.kind)
			return fault;
		*(uint64_t *)page(slot, *pages) = *pages + 1;
	}
}

static void check_filled(uint32_t slot, uint64_t pages)
{
	uint64_t wrong = 0;

	for (uint64_t n = 0; n < pages; n++)
		wrong += *(volatile uint64_t *)page(slot, n) != n + 1;
	CHECK_EQ(wrong, 0);
}

TEST(dram_that_is_used_up_is_a_fault_and_an_error)
{
	struct twz_id id = test_object(TWZ_OBJECT_VOLATILE), more;
	struct twz_sys_new new = {
		.perms = TEST_PERMS, .flags = TWZ_OBJECT_VOLATILE, .page = 1, .npages = 512};
	struct twz_fault fault;
	uint64_t pages;

	test_map(TEST_PLACE, id, READ_WRITE);
	fault = fill(TEST_PLACE, &pages);
	CHECK_EQ(fault.kind, TWZ_FAULT_FULL);
	CHECK_EQ(fault.error, TWZ_E_NOMEM);
	CHECK_EQ(fault.access, TWZ_VIEW_WRITE);
	CHECK_EQ(fault.address, page(TEST_PLACE, pages));
	CHECK_EQ(twz_rt_touch(page(TEST_PLACE, pages), 1), TWZ_E_NOMEM);
	CHECK_EQ(SYS(object_new, &new, &more), TWZ_E_NOMEM);
	check_filled(TEST_PLACE, pages);
	test_say("%llu MiB of memory were to be had", (unsigned long long)pages >> 8);
	/* Some of it given back is to be had again. */
	CHECK_EQ(twz_rt_drop(id, TEST_DATA_PAGE, pages / 2), 0);
	CHECK_EQ(test_store(page(TEST_PLACE, pages)).kind, 0);
	test_unmap(TEST_PLACE);
	test_delete(id);
}

TEST(copies_that_find_no_memory_fail_and_lose_nothing)
{
	struct twz_id a = test_object(TWZ_OBJECT_VOLATILE), b = test_object(TWZ_OBJECT_VOLATILE),
		      c = test_object(TWZ_OBJECT_VOLATILE);
	uint64_t pages, n;
	struct twz_fault fault;

	test_map(TEST_PLACE, a, READ_WRITE);
	test_map(TEST_PLACE + 1, b, READ_WRITE);
	test_map(TEST_PLACE + 2, c, READ_WRITE);
	for (n = 0; n < 1000; n++)
		*(uint64_t *)page(TEST_PLACE, n) = n + 1;
	CHECK_EQ(twz_rt_copy(b, TEST_DATA_PAGE, a, TEST_DATA_PAGE, 1000), 0);
	CHECK_EQ(*page(TEST_PLACE + 1, 0), 1); /* its tables are there */
	fill(TEST_PLACE + 2, &pages);
	for (n = 0; n < 1000; n++) {
		fault = test_store(page(TEST_PLACE + 1, n)); /* it would have to be unshared */
		if (fault.kind)
			break;
		*(uint64_t *)page(TEST_PLACE + 1, n) = n + 1;
	}
	CHECK(n < 1000);
	CHECK_EQ(fault.error, TWZ_E_NOMEM);
	check_filled(TEST_PLACE, 1000);
	check_filled(TEST_PLACE + 1, 1000);
	check_filled(TEST_PLACE + 2, pages);
	test_delete(c);
	test_unmap(TEST_PLACE + 2);
	usage(); /* what is to be freed is, by then */
	for (n = 0; n < 1000; n++)
		*(uint64_t *)page(TEST_PLACE + 1, n) = 5;
	check_filled(TEST_PLACE, 1000);
	test_unmap(TEST_PLACE);
	test_unmap(TEST_PLACE + 1);
	test_delete(a);
	test_delete(b);
}

/* ---- what goes on without any ------------------------------------------------------------------------- */

#define RECORDS 400u
static struct twz_id record[RECORDS];
static uint32_t never;

static void sleep_on(uint64_t unused)
{
	struct twz_sys_sync op = {.address = (uint64_t)&never};

	(void)unused;
	SYS(thread_sync, &op, 1, ~0ull);
}

/* Empty objects, until the kernel has no room to know one more. How many. */
static unsigned use_up_records(void)
{
	const struct twz_sys_new new = {.perms = TEST_PERMS, .flags = TWZ_OBJECT_VOLATILE};
	unsigned n = 0;
	int64_t error = 0;

	while (!error && n < RECORDS) {
		error = SYS(object_new, &new, &record[n]);
		n += !error;
	}
	CHECK_EQ(error, TWZ_E_NOMEM);
	return n;
}

TEST(deleting_killing_and_unmapping_work_without_memory)
{
	struct twz_id id = test_object(TWZ_OBJECT_VOLATILE), lasting[30];
	struct test_thread *thread = test_thread(sleep_on, 0);
	uint64_t pages;
	unsigned n;

	memset(record, 1, sizeof(record)); /* its pages are there */
	for (unsigned i = 0; i < 30; i++)
		lasting[i] = test_object(TWZ_OBJECT_ENDING);
	test_map(TEST_SLOT + 1, lasting[0], READ_WRITE)[TWZ_OBJ_DATA] = 1;
	test_map(TEST_PLACE, id, READ_WRITE);
	fill(TEST_PLACE, &pages);
	n = use_up_records();
	/* The kernel has forgotten them all, to make room, and has to know each that it deletes. */
	for (unsigned i = 1; i < 30; i++)
		CHECK_EQ(SYS(object_delete, ID(lasting[i])), 0);
	CHECK_EQ(*(test_address(TEST_SLOT + 1) + TWZ_OBJ_DATA), 1);
	test_unmap(TEST_SLOT + 1);
	CHECK_EQ(SYS(object_delete, ID(lasting[0])), 0);
	CHECK_EQ(SYS(thread_kill, ID(test_thread_id(thread)), 0), 0);
	CHECK_EQ(SYS(object_drop, ID(id), TEST_DATA_PAGE, pages), 0);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(SYS(object_delete, ID(record[i])), 0);
	test_join(thread);
	test_unmap(TEST_PLACE);
	test_delete(id);
}

/* More of them than there is memory, one page of each touched: those of before are given up. */
TEST(tables_of_persistent_objects_are_a_cache)
{
	struct twz_id id = test_object(TWZ_OBJECT_ENDING);
	struct twz_sys_usage before = usage();
	const uint64_t tables = before.frames - before.frames_used + 1000;
	struct twz_fault fault = {0};
	uint64_t n;

	test_map(TEST_PLACE, id, READ_WRITE);
	*page(TEST_PLACE, 0) = 7;
	for (n = 1; !fault.kind && n < tables; n++)
		fault = test_load(page(TEST_PLACE, n * LEAF_PAGES));
	CHECK_EQ(fault.kind, 0);
	CHECK(usage().tables_reclaimed - before.tables_reclaimed >= 1000);
	CHECK_EQ(*page(TEST_PLACE, 0), 7);
	test_unmap(TEST_PLACE);
	test_delete(id);
}

TEST(a_store_that_is_full_is_a_fault_and_an_error)
{
	struct twz_id id = test_object(TWZ_OBJECT_ENDING), second = test_object(TWZ_OBJECT_ENDING);
	struct twz_fault fault;
	uint64_t pages;

	test_map(TEST_PLACE, id, READ_WRITE);
	test_map(TEST_PLACE + 1, second, READ_WRITE);
	*page(TEST_PLACE + 1, 0) = 1;
	CHECK_EQ(twz_rt_copy(second, TEST_DATA_PAGE + 1, second, TEST_DATA_PAGE, 1), TWZ_E_RANGE);
	fault = fill(TEST_PLACE, &pages);
	CHECK_EQ(fault.kind, TWZ_FAULT_FULL);
	CHECK_EQ(fault.error, TWZ_E_FULL);
	CHECK_EQ(twz_rt_touch(page(TEST_PLACE, pages), 1), TWZ_E_FULL);
	CHECK_EQ(twz_rt_touch(page(TEST_PLACE + 1, 99), TWZ_PAGE), TWZ_E_FULL);
	CHECK_EQ(test_load(page(TEST_PLACE, pages)).kind, 0); /* a hole can be read */
	check_filled(TEST_PLACE, pages);
	test_say("%llu MiB of the store were to be had", (unsigned long long)pages >> 8);
	test_unmap(TEST_PLACE);
	test_delete(id); /* needs no room */
	CHECK_EQ(twz_rt_touch(page(TEST_PLACE + 1, 99), 64 * TWZ_PAGE), 0);
	test_unmap(TEST_PLACE + 1);
	test_delete(second);
}

/* ---- page tables ------------------------------------------------------------------------------------------ */

#define VIEWS 16u
#define SHARED_PAGES (64u << 10) /* 256 MiB */
#define LEAVES (SHARED_PAGES / LEAF_PAGES)

static uint32_t arrived, leave;

/* A page of each leaf table. */
static void look_at_all(uint64_t arg)
{
	uint64_t wrong = 0;

	(void)arg;
	for (uint64_t n = 0; n < SHARED_PAGES; n += LEAF_PAGES)
		wrong += *(volatile uint64_t *)page(TEST_SLOT, n) != n + 1;
	CHECK_EQ(wrong, 0);
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&arrived, 1);
	while (!__atomic_load_n(&leave, __ATOMIC_ACQUIRE))
		twz_rt_wait(&leave, 0, ~0ull);
}

/* A view that shows this program, and the object in TEST_SLOT. */
static struct twz_id view_make(struct twz_id object)
{
	struct twz_id id = test_object_of(TWZ_TYPE_VIEW, TEST_PERMS, TWZ_OBJECT_VOLATILE);
	struct twz_view *view = (void *)(test_map(TEST_SLOT + 1, id, READ_WRITE) + TWZ_OBJ_DATA);

	view->magic = TWZ_VIEW_MAGIC;
	view->version = 1;
	for (uint32_t slot = 1; slot < TWZ_VIEW_RESERVED; slot++)
		view->slot[slot] = view_own()->slot[slot];
	view_enter(view, TEST_SLOT, object, minimal.sys.epoch, TWZ_VIEW_READ);
	test_unmap(TEST_SLOT + 1);
	return id;
}

/* The tables of `VIEWS` views in which all of the object was looked at, beside what there was. */
static uint64_t tables_of_views(struct twz_id object)
{
	struct test_thread *threads[VIEWS];
	struct twz_id views[VIEWS];
	uint64_t before, tables;

	for (unsigned i = 0; i < VIEWS; i++)
		views[i] = view_make(object);
	arrived = leave = 0;
	before = usage().tables;
	for (unsigned i = 0; i < VIEWS; i++)
		threads[i] = test_thread_in(views[i], look_at_all, 0);
	for (uint32_t seen; seen = __atomic_load_n(&arrived, __ATOMIC_ACQUIRE), seen < VIEWS;)
		twz_rt_wait(&arrived, seen, ~0ull);
	tables = usage().tables - before;
	__atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&leave, ~0u);
	for (unsigned i = 0; i < VIEWS; i++) {
		CHECK_EQ(test_join(threads[i]), 0);
		test_delete(views[i]);
	}
	return tables;
}

TEST(leaf_tables_stand_once_for_all_views)
{
	static const uint32_t kinds[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};

	for (unsigned i = 0; i < 2; i++) {
		struct twz_id id = test_object(kinds[i]);
		uint64_t first = usage().tables, tables;

		test_map(TEST_SLOT, id, READ_WRITE);
		for (uint64_t n = 0; n < SHARED_PAGES; n += LEAF_PAGES)
			CHECK_EQ(twz_rt_touch(page(TEST_SLOT, n), 1), 0);
		for (uint64_t n = 0; n < SHARED_PAGES; n += LEAF_PAGES)
			*(uint64_t *)page(TEST_SLOT, n) = n + 1;
		/* The leaves, the directory, and the own view's page of 512 slots. */
		CHECK(usage().tables - first <= LEAVES + 2);
		CHECK(usage().tables - first >= LEAVES);
		test_unmap(TEST_SLOT);
		tables = tables_of_views(id);
		/*
		 * Each: the root, a page of slots for the program's own and one for the object; two are
		 * of the thread's object. The tables of a persistent object that was not in use are a
		 * cache, which did not count.
		 */
		CHECK(tables <= 5 * VIEWS + (i ? LEAVES + 1 : 0));
		test_say("%s: %llu tables for %u views of %u leaf tables", i ? "NVM" : "DRAM",
			 (unsigned long long)tables, VIEWS, LEAVES);
		test_delete(id);
	}
}

TEST(tables_that_are_a_cache_go_when_memory_is_short)
{
	struct twz_id cached[4], dram = test_object(TWZ_OBJECT_VOLATILE);
	uint64_t reclaimed = usage().tables_reclaimed, pages;

	for (unsigned i = 0; i < 4; i++) {
		cached[i] = test_object(TWZ_OBJECT_ENDING);
		test_map(TEST_SLOT, cached[i], READ_WRITE);
		for (uint64_t n = 0; n < 8; n++)
			*(uint64_t *)page(TEST_SLOT, n * LEAF_PAGES) = i + n + 1;
		test_unmap(TEST_SLOT);
	}
	test_map(TEST_PLACE, dram, READ_WRITE);
	CHECK_EQ(fill(TEST_PLACE, &pages).error, TWZ_E_NOMEM);
	CHECK(usage().tables_reclaimed >= reclaimed + 4 * 9);
	test_unmap(TEST_PLACE);
	test_delete(dram);
	usage();
	for (unsigned i = 0; i < 4; i++) {
		test_map(TEST_SLOT, cached[i], TWZ_VIEW_READ);
		for (uint64_t n = 0; n < 8; n++)
			CHECK_EQ(*(uint64_t *)page(TEST_SLOT, n * LEAF_PAGES), i + n + 1);
		test_unmap(TEST_SLOT);
		test_delete(cached[i]);
	}
}

/* ---- many --------------------------------------------------------------------------------------------------- */

#define MANY 5000u

TEST(many_objects_are_made_opened_and_deleted)
{
	static struct twz_id id[MANY];
	uint64_t before = usage().objects;
	unsigned wrong = 0;

	for (unsigned i = 0; i < MANY; i++) {
		id[i] = test_object(TWZ_OBJECT_ENDING);
		test_map(TEST_SLOT, id[i], READ_WRITE);
		*(uint64_t *)page(TEST_SLOT, 0) = i;
	}
	test_unmap(TEST_SLOT);
	CHECK_EQ(usage().objects, before); /* what nobody holds does not count */
	for (unsigned i = 0; i < MANY; i++) {
		test_map(TEST_SLOT, id[i], TWZ_VIEW_READ);
		wrong += *(uint64_t *)page(TEST_SLOT, 0) != i;
	}
	CHECK_EQ(wrong, 0);
	test_unmap(TEST_SLOT);
	for (unsigned i = 0; i < MANY; i++)
		test_delete(id[i * 7 % MANY]);
}
