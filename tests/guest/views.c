/*
 * views.c - views: what a program says is mapped, and what is.
 */
#include "tests/guest/test.h"

#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define SECOND_SLOT (TEST_SLOT + 1)
#define TABLE_SLOT (TEST_SLOT + 2) /* where another view's table is looked at */

/* A volatile object with this byte at the start of its data, mapped nowhere. */
static struct twz_id with_byte(uint8_t byte)
{
	struct twz_id id = test_object(TWZ_OBJECT_VOLATILE);

	test_map(SECOND_SLOT, id, READ_WRITE)[TWZ_OBJ_DATA] = byte;
	test_unmap(SECOND_SLOT);
	return id;
}

static uint8_t *data(uint32_t slot)
{
	return test_address(slot) + TWZ_OBJ_DATA;
}

static uint8_t shown(uint32_t slot)
{
	return *(volatile uint8_t *)data(slot);
}

static struct twz_sys_usage usage(void)
{
	struct twz_sys_usage usage;

	CHECK_EQ(SYS(usage, &usage), 0);
	return usage;
}

/* ---- entries --------------------------------------------------------------------------------------- */

TEST(an_entry_maps_at_the_first_touch_and_no_sooner)
{
	struct twz_id a = with_byte(1);

	CHECK_EQ(test_load(data(TEST_SLOT + 10)).kind, TWZ_FAULT_OBJECT);
	test_enter(TEST_SLOT + 10, a, TWZ_VIEW_READ);
	CHECK_EQ(shown(TEST_SLOT + 10), 1);
	test_unmap(TEST_SLOT + 10);
	CHECK_EQ(test_load(data(TEST_SLOT + 10)).kind, TWZ_FAULT_OBJECT);
	test_delete(a);
}

TEST(a_changed_entry_has_no_effect_until_it_is_invalidated)
{
	struct twz_id a = with_byte(1), b = with_byte(2);

	test_map(TEST_SLOT, a, TWZ_VIEW_READ);
	CHECK_EQ(shown(TEST_SLOT), 1);
	test_enter(TEST_SLOT, b, READ_WRITE);
	CHECK_EQ(shown(TEST_SLOT), 1);
	CHECK_EQ(test_load(data(TEST_SLOT) + 77 * TWZ_PAGE).kind, 0); /* by a fault, of the old */
	CHECK_EQ(test_store(data(TEST_SLOT)).kind, TWZ_FAULT_RIGHT);
	CHECK_EQ(SYS(view_invalidate, TEST_SLOT, 1), 0);
	CHECK_EQ(shown(TEST_SLOT), 2);
	CHECK_EQ(test_store(data(TEST_SLOT)).kind, 0);
	test_unmap(TEST_SLOT);
	test_delete(a);
	test_delete(b);
}

static struct twz_fault load_with(struct twz_view_slot entry)
{
	struct twz_fault fault;

	view_own()->slot[TEST_SLOT] = entry;
	CHECK_EQ(SYS(view_invalidate, TEST_SLOT, 1), 0);
	fault = test_load(data(TEST_SLOT) + 5);
	if (fault.kind) {
		CHECK_EQ(fault.address, data(TEST_SLOT) + 5);
		CHECK_EQ(fault.offset, TWZ_OBJ_DATA + 5);
		CHECK_EQ(fault.access, TWZ_VIEW_READ);
	}
	return fault;
}

TEST(an_entry_that_is_not_good_is_a_fault)
{
	const uint64_t epoch = minimal.sys.epoch;
	struct twz_id a = with_byte(1);
	struct twz_view_slot good = {.id = a, .epoch = epoch, .rights = TWZ_VIEW_READ},
			     entry = good;
	struct twz_fault fault;

	CHECK_EQ(load_with(entry).kind, 0);
	entry.epoch = 0; /* good in all epochs */
	CHECK_EQ(load_with(entry).kind, 0);
	entry.epoch = epoch + 1;
	CHECK_EQ(load_with(entry).kind, TWZ_FAULT_OBJECT);
	entry.epoch = epoch - 1;
	CHECK_EQ(load_with(entry).kind, epoch == 1 ? 0 : TWZ_FAULT_OBJECT);
	entry = good;
	entry.seq = 7; /* somebody is at it, and never comes to an end */
	CHECK_EQ(load_with(entry).kind, TWZ_FAULT_OBJECT);
	entry = good;
	entry.rights = TWZ_VIEW_WRITE | TWZ_VIEW_EXEC; /* nothing without READ */
	CHECK_EQ(load_with(entry).kind, TWZ_FAULT_RIGHT);
	entry = good;
	entry.rights = ~0u & ~(uint32_t)TWZ_VIEW_WRITE; /* more than there are */
	CHECK_EQ(load_with(entry).kind, 0);
	CHECK_EQ(test_store(data(TEST_SLOT)).kind, TWZ_FAULT_RIGHT);
	entry = good;
	entry.id = (struct twz_id){11, 12};
	fault = load_with(entry);
	CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
	CHECK_EQ(fault.error, TWZ_E_NOTFOUND);
	CHECK_EQ(fault.object.lo, 11);
	CHECK_EQ(fault.object.hi, 12);
	test_delete(a);
	CHECK_EQ(load_with(good).kind, TWZ_FAULT_OBJECT);
	test_unmap(TEST_SLOT);
}

TEST(the_slots_at_the_ends_are_there)
{
	static const uint32_t slots[] = {TWZ_VIEW_RESERVED, TWZ_VIEW_SLOTS - 1, TWZ_VIEW_SLOTS,
					 TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES - 1};
	struct twz_id a = with_byte(1);

	for (unsigned i = 0; i < 4; i++) {
		if (i || !view_own()->slot[slots[i]].id.lo) { /* the first may be the library's */
			test_map(slots[i], a, TWZ_VIEW_READ);
			CHECK_EQ(shown(slots[i]), 1);
			test_unmap(slots[i]);
		}
	}
	CHECK_EQ(SYS(view_invalidate, TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES, 0), TWZ_E_ARG);
	CHECK_EQ(SYS(view_invalidate, TWZ_VIEW_SLOTS, TWZ_VIEW_PLACES + 1), TWZ_E_ARG);
	CHECK_EQ(SYS(view_invalidate, 1ull << 32, 1), TWZ_E_ARG);
	CHECK_EQ(SYS(view_invalidate, 100, 1ull << 32), TWZ_E_ARG);
	CHECK_EQ(SYS(view_invalidate, 100, 0), 0);
	test_delete(a);
}

TEST(a_slot_is_used_again_and_again)
{
	for (unsigned i = 0; i < 300; i++) {
		struct twz_id a = test_object(i % 3 ? TWZ_OBJECT_VOLATILE : TWZ_OBJECT_ENDING);

		test_map(TEST_SLOT, a, READ_WRITE);
		CHECK_EQ(shown(TEST_SLOT), 0);
		*data(TEST_SLOT) = 1;
		test_delete(a);
	}
	test_unmap(TEST_SLOT);
}

TEST(all_65536_slots_can_be_in_use)
{
	const uint32_t first = 1024;
	struct twz_id a = with_byte(1), b = with_byte(2);
	struct twz_sys_usage before;
	unsigned wrong = 0;

	before = usage();
	for (uint32_t slot = first; slot < TEST_SLOT - 1; slot++)
		test_enter(slot, slot & 1 ? a : b, TWZ_VIEW_READ);
	for (uint32_t slot = first; slot < TEST_SLOT - 1; slot++)
		wrong += shown(slot) != 2 - (slot & 1);
	CHECK_EQ(wrong, 0);
	CHECK(usage().heap_bytes > before.heap_bytes);
	for (uint32_t slot = first; slot < TEST_SLOT - 1; slot++)
		test_enter(slot, (struct twz_id){0}, 0);
	CHECK_EQ(SYS(view_invalidate, first, TEST_SLOT - 1 - first), 0);
	for (uint32_t slot = first; slot < TEST_SLOT - 1; slot += 997)
		CHECK_EQ(test_load(data(slot)).kind, TWZ_FAULT_OBJECT);
	CHECK_EQ(usage().heap_bytes, before.heap_bytes);
	test_delete(a);
	test_delete(b);
}

/* ---- other views ------------------------------------------------------------------------------------- */

/* In TABLE_SLOT. */
static struct twz_id view_make(uint32_t flags, struct twz_view **table)
{
	return test_view(TABLE_SLOT, flags, table);
}

TEST(become_goes_to_another_view_and_back)
{
	static const uint32_t kinds[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};
	struct twz_id a = with_byte(1), b = with_byte(2), own = test_info().view;

	for (unsigned i = 0; i < 2; i++) {
		struct twz_view *table;
		struct twz_id other = view_make(kinds[i], &table);

		test_map(TEST_SLOT, a, TWZ_VIEW_READ);
		view_enter(table, TEST_SLOT, b, minimal.sys.epoch, READ_WRITE);
		for (unsigned round = 0; round < 20; round++) {
			CHECK_EQ(shown(TEST_SLOT), 1);
			CHECK_EQ(SYS(view_become, ID(other)), 0);
			CHECK_EQ(test_info().view.lo, other.lo);
			CHECK_EQ(shown(TEST_SLOT), 2);
			CHECK_EQ(test_load(data(TABLE_SLOT)).kind, TWZ_FAULT_OBJECT);
			if (round == 19)
				test_delete(other); /* we are in it */
			CHECK_EQ(shown(TEST_SLOT), 2);
			CHECK_EQ(SYS(view_become, ID(own)), 0);
			CHECK_EQ(test_info().view.lo, own.lo);
		}
		CHECK_EQ(shown(TEST_SLOT), 1);
		test_unmap(TABLE_SLOT);
		CHECK_EQ(SYS(view_become, ID(other)), TWZ_E_NOTFOUND);
	}
	CHECK_EQ(SYS(view_become, ID(a)), TWZ_E_TYPE);
	test_unmap(TEST_SLOT);
	test_delete(a);
	test_delete(b);
}

TEST(a_view_without_its_header_is_entered_by_nobody)
{
	struct twz_id empty = test_object_of(TWZ_TYPE_VIEW, TEST_PERMS, TWZ_OBJECT_VOLATILE), other;
	struct twz_id locked =
		test_object_of(TWZ_TYPE_VIEW, TWZ_READ | TWZ_DELETE, TWZ_OBJECT_VOLATILE);
	struct twz_sys_thread new = {.view = empty, .entry = 4096};
	struct twz_view *table;
	struct twz_id thread;

	CHECK_EQ(SYS(view_become, ID(empty)), TWZ_E_DAMAGED);
	CHECK_EQ(SYS(thread_new, &new, &thread), TWZ_E_DAMAGED);
	CHECK_EQ(SYS(view_become, ID(locked)), TWZ_E_RIGHT);
	other = view_make(TWZ_OBJECT_VOLATILE, &table);
	table->version = 2;
	CHECK_EQ(SYS(view_become, ID(other)), TWZ_E_DAMAGED);
	table->version = 1;
	table->magic++;
	CHECK_EQ(SYS(view_become, ID(other)), TWZ_E_DAMAGED);
	test_unmap(TABLE_SLOT);
	test_delete(empty);
	test_delete(locked);
	test_delete(other);
}

static uint32_t step; /* of two threads: what is to be done next */

static void step_wait(uint32_t wanted)
{
	for (uint32_t seen; seen = __atomic_load_n(&step, __ATOMIC_ACQUIRE), seen < wanted;)
		twz_rt_wait(&step, seen, ~0ull);
}

static void step_set(uint32_t to)
{
	__atomic_store_n(&step, to, __ATOMIC_RELEASE);
	twz_rt_wake(&step, ~0u);
}

static void look_where_told(uint64_t arg)
{
	(void)arg;
	CHECK_EQ(shown(TEST_SLOT), 2);
	step_set(1);
	step_wait(2);
	CHECK_EQ(shown(TEST_SLOT), 2); /* the entry is another, but nobody has invalidated it */
	CHECK_EQ(SYS(view_invalidate, TEST_SLOT, 1), 0);
	CHECK_EQ(shown(TEST_SLOT), 1);
	CHECK_EQ(shown(TWZ_VIEW_SLOTS + 5), 2);
}

TEST(who_may_write_a_view_says_what_is_in_it)
{
	struct twz_view *table;
	struct twz_id a = with_byte(1), b = with_byte(2),
		      view = view_make(TWZ_OBJECT_VOLATILE, &table);
	struct test_thread *thread;

	step = 0;
	view_enter(table, TEST_SLOT, b, minimal.sys.epoch, TWZ_VIEW_READ);
	thread = test_thread_in(view, look_where_told, 0);
	step_wait(1);
	view_enter(table, TEST_SLOT, a, minimal.sys.epoch, TWZ_VIEW_READ);
	view_enter(table, TWZ_VIEW_SLOTS + 5, b, 0, TWZ_VIEW_READ);
	step_set(2);
	CHECK_EQ(test_join(thread), 0);
	test_unmap(TABLE_SLOT);
	test_delete(view);
	test_delete(a);
	test_delete(b);
}

/* ---- two processors ----------------------------------------------------------------------------------- */

#define ROUNDS 600u

/* Odd: the slot's object is being changed. Even: it is that with byte 1 + rounds % 2. */
static uint32_t rounds;
static uint32_t looks;

static void look_on(uint64_t arg)
{
	(void)arg;
	for (;;) {
		uint32_t before = __atomic_load_n(&rounds, __ATOMIC_SEQ_CST);
		uint8_t byte = shown(TEST_SLOT);

		if (before == __atomic_load_n(&rounds, __ATOMIC_SEQ_CST) && !(before & 1)) {
			CHECK_EQ(byte, 1 + before / 2 % 2);
			__atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
		}
		if (before == 2 * ROUNDS)
			return;
	}
}

TEST(what_another_processor_shows_is_new_when_invalidate_returns)
{
	struct twz_id id[2] = {with_byte(1), with_byte(2)};
	uint64_t ipis = usage().shootdown_ipis;
	struct test_thread *thread[2];

	rounds = looks = 0;
	test_map(TEST_SLOT, id[0], TWZ_VIEW_READ);
	for (unsigned i = 0; i < 2; i++)
		thread[i] = test_thread(look_on, 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		__atomic_store_n(&rounds, 2 * round - 1, __ATOMIC_SEQ_CST);
		test_map(TEST_SLOT, id[round % 2], TWZ_VIEW_READ);
		__atomic_store_n(&rounds, 2 * round, __ATOMIC_SEQ_CST);
		for (unsigned i = 0; i < 100; i++)
			__builtin_ia32_pause();
	}
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(test_join(thread[i]), 0);
	CHECK(looks > 0);
	if (minimal.sys.processors > 1)
		CHECK(usage().shootdown_ipis > ipis);
	test_unmap(TEST_SLOT);
	test_delete(id[0]);
	test_delete(id[1]);
}

static void store_on(uint64_t arg)
{
	volatile uint32_t *word = (uint32_t *)data(TEST_SLOT);

	while (!__atomic_load_n(&step, __ATOMIC_ACQUIRE))
		word[arg * 16]++;
}

/* What was copied does not change by a store of another processor that still had the page writable. */
TEST(a_copy_is_not_written_through_an_old_translation)
{
	static const uint32_t kinds[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};

	for (unsigned i = 0; i < 2; i++) {
		struct twz_id src = test_object(kinds[i]), copy = test_object(kinds[i]);
		struct test_thread *thread;
		volatile uint32_t *word = (uint32_t *)data(SECOND_SLOT);

		step = 0;
		test_map(TEST_SLOT, src, READ_WRITE);
		test_map(SECOND_SLOT, copy, TWZ_VIEW_READ);
		thread = test_thread(store_on, 0);
		for (unsigned round = 0; round < 100; round++) {
			uint32_t before;

			CHECK_EQ(twz_rt_copy(copy, TEST_DATA_PAGE, src, TEST_DATA_PAGE, 1), 0);
			before = word[0];
			for (unsigned n = 0; n < 300; n++)
				__builtin_ia32_pause();
			if (!CHECK_EQ(word[0], before))
				break;
		}
		step_set(1);
		CHECK_EQ(test_join(thread), 0);
		test_unmap(TEST_SLOT);
		test_unmap(SECOND_SLOT);
		test_delete(src);
		test_delete(copy);
	}
}

/* ---- hostile views -------------------------------------------------------------------------------------- */

static void touch_all_over(uint64_t seed)
{
	for (unsigned i = 0; i < 400; i++) {
		uint32_t slot = TWZ_VIEW_RESERVED +
				(uint32_t)((seed + i * 2654435761u) % (TWZ_VIEW_SLOTS + 40));
		struct twz_fault fault = i & 1 ? test_load(data(slot)) : test_store(data(slot));

		CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
	}
}

TEST(a_view_of_random_bytes_shows_nothing)
{
	struct twz_view *table;

	for (unsigned i = 0; i < 3; i++) {
		struct twz_id view = view_make(i ? TWZ_OBJECT_VOLATILE : TWZ_OBJECT_ENDING, &table);
		uint8_t *bytes = (uint8_t *)&table->slot[TWZ_VIEW_RESERVED],
			*end = (void *)(table + 1);

		for (uint64_t n; bytes < end; bytes += n) {
			n = (uint64_t)(end - bytes) < 4096 ? (uint64_t)(end - bytes) : 4096;
			twz_rt_random(bytes, n);
		}
		CHECK_EQ(test_join(test_thread_in(view, touch_all_over, i * 77)), 0);
		test_unmap(TABLE_SLOT);
		test_delete(view);
	}
}

static void lose_table(uint64_t arg)
{
	(void)arg;
	step_wait(1);
	for (uint32_t slot = TEST_SLOT; slot < TEST_SLOT + 10; slot++)
		CHECK_EQ(test_load(data(slot)).kind, TWZ_FAULT_OBJECT);
}

TEST(a_view_that_loses_its_table_shows_nothing_more)
{
	struct twz_view *table;
	struct twz_id a = with_byte(1), view = view_make(TWZ_OBJECT_VOLATILE, &table);
	struct test_thread *thread;

	step = 0;
	for (uint32_t slot = TEST_SLOT; slot < TEST_SLOT + 10; slot++)
		view_enter(table, slot, a, minimal.sys.epoch, READ_WRITE);
	thread = test_thread_in(view, lose_table, 0);
	CHECK_EQ(twz_rt_drop(view,
			     TEST_DATA_PAGE + 1 + TEST_SLOT * sizeof(table->slot[0]) / TWZ_PAGE, 1),
		 0);
	step_set(1);
	CHECK_EQ(test_join(thread), 0);
	test_unmap(TABLE_SLOT);
	test_delete(view);
	test_delete(a);
}

TEST(a_thread_in_a_view_without_its_program_ends_and_nobody_else)
{
	struct twz_id view = test_object_of(TWZ_TYPE_VIEW, TEST_PERMS, TWZ_OBJECT_VOLATILE);
	struct twz_view *table = (void *)(test_map(TABLE_SLOT, view, READ_WRITE) + TWZ_OBJ_DATA);

	table->magic = TWZ_VIEW_MAGIC;
	table->version = 1;
	test_say("(two messages of the kernel, of threads without a program, are as expected)");
	CHECK_EQ(test_join(test_thread_in(view, touch_all_over, 0)), 139);
	/* Its code is there, and no stack. */
	view_enter(table, TWZ_SLOT_TEXT, view_own()->slot[TWZ_SLOT_TEXT].id, minimal.sys.epoch,
		   TWZ_VIEW_READ | TWZ_VIEW_EXEC);
	CHECK_EQ(test_join(test_thread_in(view, touch_all_over, 0)), 139);
	test_unmap(TABLE_SLOT);
	test_delete(view);
}
