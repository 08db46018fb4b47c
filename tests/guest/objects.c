/*
 * objects.c - objects of both mediums: made, copied, limited, sealed, large, deleted.
 */
#include "tests/guest/test.h"

#define MEDIUMS 2u
static const uint32_t mediums[MEDIUMS] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define LAST_PAGE ((TWZ_OBJ_SIZE_MAX >> TWZ_PAGE_SHIFT) - 1)

static struct twz_rt_stat stat_of(struct twz_id id)
{
	struct twz_rt_stat stat = {0};

	CHECK_EQ(twz_rt_stat(id, &stat), 0);
	return stat;
}

/* ---- made and deleted ------------------------------------------------------------------------------ */

static void check_ends(struct twz_id id)
{
	struct twz_rt_stat stat;

	test_delete(id);
	CHECK_EQ(twz_rt_stat(id, &stat), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_rt_delete(id), TWZ_E_NOTFOUND);
}

TEST(what_is_made_is_found_until_it_is_deleted)
{
	const struct {
		uint32_t flags;
		uint64_t end;
	} kinds[] = {{TWZ_OBJECT_VOLATILE, minimal.sys.epoch},
		     {TWZ_OBJECT_ENDING, minimal.sys.epoch},
		     {0, 0}};

	for (unsigned i = 0; i < 3; i++) {
		const struct twz_sys_new new = {.type = TWZ_TYPE_CONTEXT,
						.perms = TWZ_READ | TWZ_DELETE,
						.flags = kinds[i].flags,
						.key = minimal.sys.key,
						.page = 77,
						.npages = 3};
		struct twz_id id;
		struct twz_rt_stat stat;

		CHECK_EQ(SYS(object_new, &new, &id), 0);
		stat = stat_of(id);
		CHECK_EQ(stat.id.lo, id.lo);
		CHECK_EQ(stat.id.hi, id.hi);
		CHECK_EQ(stat.identity.version, 1);
		CHECK_EQ(stat.identity.type, TWZ_TYPE_CONTEXT);
		CHECK_EQ(stat.identity.perms, TWZ_READ | TWZ_DELETE);
		CHECK_EQ(stat.identity.flags, 0);
		CHECK_EQ(stat.identity.key.lo, minimal.sys.key.lo);
		CHECK_EQ(stat.identity.key.hi, minimal.sys.key.hi);
		CHECK_EQ(stat.npages, 3);
		CHECK_EQ(stat.end_epoch, kinds[i].end);
		check_ends(id);
	}
}

TEST(keep_makes_an_ending_object_last)
{
	struct twz_id ending = test_object(TWZ_OBJECT_ENDING),
		      dram = test_object(TWZ_OBJECT_VOLATILE);

	CHECK_EQ(twz_rt_keep(ending), 0);
	CHECK_EQ(stat_of(ending).end_epoch, 0);
	CHECK_EQ(twz_rt_keep(ending), 0);
	CHECK_EQ(twz_rt_keep(dram), TWZ_E_TYPE);
	test_delete(ending);
	test_delete(dram);
}

TEST(every_object_has_an_id_of_its_own)
{
	static struct twz_id id[64];

	for (unsigned i = 0; i < 64; i++) {
		id[i] = test_object(mediums[i % MEDIUMS]);
		CHECK(id[i].lo | id[i].hi);
		for (unsigned j = 0; j < i; j++)
			CHECK(id[i].lo != id[j].lo || id[i].hi != id[j].hi);
	}
	for (unsigned i = 0; i < 64; i++)
		test_delete(id[i]);
}

TEST(a_right_that_is_not_there_is_refused)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object_of(TWZ_TYPE_DATA, TWZ_READ | TWZ_DELETE, mediums[m]),
			      hidden = test_object_of(TWZ_TYPE_DATA, TWZ_DELETE, mediums[m]);
		uint8_t *at = test_map(TEST_SLOT, id, READ_WRITE);

		CHECK_EQ(twz_rt_drop(id, 5, 1), TWZ_E_RIGHT);
		CHECK_EQ(twz_rt_limit(id, 5, 1, 1), TWZ_E_RIGHT);
		CHECK_EQ(twz_rt_copy(id, 5, id, 6, 1), TWZ_E_RIGHT);
		CHECK_EQ(twz_rt_copy(id, 5, hidden, 6, 1), TWZ_E_RIGHT);
		CHECK_EQ(test_load(at + TWZ_OBJ_DATA).kind, 0);
		CHECK_EQ(test_store(at + TWZ_OBJ_DATA).kind, TWZ_FAULT_RIGHT);
		test_map(TEST_SLOT, hidden, READ_WRITE);
		CHECK_EQ(test_load(at + TWZ_OBJ_DATA).kind, TWZ_FAULT_RIGHT);
		test_unmap(TEST_SLOT);
		test_delete(id);
		test_delete(hidden);
	}
}

TEST(an_object_without_any_right_is_not_there)
{
	struct twz_id to = test_object(TWZ_OBJECT_VOLATILE), hidden;
	const struct twz_sys_new new = {.flags = TWZ_OBJECT_VOLATILE, .tie = to};
	struct twz_rt_stat stat;
	uint8_t *at;

	CHECK_EQ(SYS(object_new, &new, &hidden), 0);
	at = test_map(TEST_SLOT, hidden, READ_WRITE);
	CHECK_EQ(twz_rt_stat(hidden, &stat), TWZ_E_NOTFOUND);
	CHECK_EQ(test_load(at + TWZ_OBJ_DATA).kind, TWZ_FAULT_OBJECT);
	CHECK_EQ(test_load(at).kind, TWZ_FAULT_OBJECT); /* the page that no object has */
	test_unmap(TEST_SLOT);
	test_delete(to);
}

/* ---- arguments --------------------------------------------------------------------------------------- */

static int try_new(struct twz_sys_new new)
{
	struct twz_id id = {0};
	int error = (int)SYS(object_new, &new, &id);

	if (!error)
		test_delete(id);
	return error;
}

TEST(a_new_object_of_what_makes_no_sense_is_none)
{
	const uint32_t dram = TWZ_OBJECT_VOLATILE;
	struct twz_id nvm = test_object(TWZ_OBJECT_ENDING), id;
	struct twz_sys_new new = {.perms = TEST_PERMS};

	for (unsigned m = 0; m < MEDIUMS; m++) {
		const uint32_t flags = mediums[m];

		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .type = 7}), TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .type = TWZ_TYPE_THREAD}),
			 TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .type = TWZ_TYPE_DEVICE}),
			 TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .perms = 32}), TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .tie_flags = 1}), TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .npages = 1}), TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .page = 1, .npages = 513}),
			 TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){
				 .flags = flags, .page = LAST_PAGE, .npages = 2}),
			 TWZ_E_ARG);
		CHECK_EQ(try_new((struct twz_sys_new){.flags = flags, .page = ~0ull, .npages = 2}),
			 TWZ_E_ARG);
		new.flags = flags;
		CHECK_EQ(SYS(object_new, 8, &id), TWZ_E_OUTSIDE);
		CHECK_EQ(SYS(object_new, &new, 8), TWZ_E_OUTSIDE);
		CHECK_EQ(SYS(object_new, &new, try_new), TWZ_E_OUTSIDE); /* not to be written to */
		CHECK_EQ(SYS(object_new, ~0ull - 8, &id), TWZ_E_OUTSIDE);
		CHECK_EQ(SYS(object_new, 1ull << 63, &id), TWZ_E_OUTSIDE);
	}
	CHECK_EQ(try_new((struct twz_sys_new){.flags = 4}), TWZ_E_ARG);
	CHECK_EQ(try_new((struct twz_sys_new){.tie = minimal.sys.thread}), TWZ_E_ARG);
	CHECK_EQ(try_new((struct twz_sys_new){.flags = dram, .tie = {1, 2}}), TWZ_E_NOTFOUND);
	test_delete(nvm);
}

TEST(pages_outside_of_an_object_are_refused)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object(mediums[m]), src = test_object(mediums[m]),
			      none = {1, 2};
		struct twz_sys_copy copy = {
			.dst = id, .src = src, .dst_page = 5, .src_page = 6, .reserved = 1};

		CHECK_EQ(twz_rt_copy(id, 0, src, 5, 1), TWZ_E_ARG);
		CHECK_EQ(twz_rt_copy(id, 5, src, 0, 1), TWZ_E_ARG);
		CHECK_EQ(twz_rt_copy(id, LAST_PAGE, src, 5, 2), TWZ_E_ARG);
		CHECK_EQ(twz_rt_copy(id, 5, src, LAST_PAGE, 2), TWZ_E_ARG);
		CHECK_EQ(twz_rt_copy(id, 5, src, 6, ~0ull), TWZ_E_ARG);
		CHECK_EQ(twz_rt_copy(none, 5, src, 6, 1), TWZ_E_NOTFOUND);
		CHECK_EQ(twz_rt_copy(id, 5, none, 6, 1), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(object_copy, &copy), TWZ_E_ARG);
		CHECK_EQ(SYS(object_copy, 8), TWZ_E_OUTSIDE);
		CHECK_EQ(twz_rt_drop(id, LAST_PAGE, 2), TWZ_E_ARG);
		CHECK_EQ(twz_rt_drop(id, LAST_PAGE + 1, 0), TWZ_E_ARG);
		CHECK_EQ(twz_rt_drop(none, 5, 1), TWZ_E_NOTFOUND);
		CHECK_EQ(twz_rt_limit(id, LAST_PAGE, 2, 1), TWZ_E_ARG);
		CHECK_EQ(twz_rt_limit(id, 5, 1, 8), TWZ_E_ARG);
		CHECK_EQ(twz_rt_limit(none, 5, 1, 1), TWZ_E_NOTFOUND);
		CHECK_EQ(twz_rt_copy(id, 5, src, 6, 0), 0);
		CHECK_EQ(twz_rt_drop(id, 5, 0), 0);
		CHECK_EQ(stat_of(id).npages, 0);
		CHECK_EQ(test_load(test_map(TEST_SLOT, id, READ_WRITE) + 5).kind, TWZ_FAULT_NULL);
		test_unmap(TEST_SLOT);
		test_delete(id);
		test_delete(src);
	}
}

/* ---- copy-on-write ----------------------------------------------------------------------------------- */

/*
 * Objects and what is to be in them: a byte for each page, 0 a hole. The pages lie across the mark of
 * 2 MiB, so that they are in two leaf tables.
 */
#define PAGES 48u
#define FIRST_PAGE (512 * 3 - 21)
#define COPIES 6u /* of both mediums in turn */
static struct {
	struct twz_id id;
	uint8_t page[PAGES];
} copies[COPIES];

static uint64_t random_state;

static uint64_t below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

static uint8_t *page_at(unsigned object, unsigned page)
{
	return test_address(TEST_SLOT + object) + (FIRST_PAGE + page) * TWZ_PAGE;
}

static void copies_make(void)
{
	for (unsigned i = 0; i < COPIES; i++) {
		copies[i].id = test_object(mediums[i % MEDIUMS]);
		memset(copies[i].page, 0, PAGES);
		test_map(TEST_SLOT + i, copies[i].id, READ_WRITE);
	}
}

static void copies_store(unsigned object, unsigned page, uint8_t value)
{
	page_at(object, page)[0] = page_at(object, page)[TWZ_PAGE - 1] = value;
	copies[object].page[page] = value;
}

static void copies_copy(unsigned dst, unsigned to, unsigned src, unsigned from, unsigned n)
{
	CHECK_EQ(twz_rt_copy(copies[dst].id, FIRST_PAGE + to, copies[src].id, FIRST_PAGE + from, n),
		 0);
	memmove(copies[dst].page + to, copies[src].page + from, n);
}

static void copies_drop(unsigned object, unsigned page, unsigned n)
{
	CHECK_EQ(twz_rt_drop(copies[object].id, FIRST_PAGE + page, n), 0);
	memset(copies[object].page + page, 0, n);
}

static bool copies_good(void)
{
	bool good = true;

	for (unsigned i = 0; i < COPIES; i++)
		for (unsigned p = 0; p < PAGES; p++) {
			const volatile uint8_t *at = page_at(i, p);

			good &= CHECK_EQ(at[0], copies[i].page[p]) &&
				CHECK_EQ(at[TWZ_PAGE - 1], copies[i].page[p]);
		}
	return good;
}

static void copies_delete(unsigned first, unsigned step)
{
	for (unsigned i = 0; i < COPIES; i++) {
		unsigned object = (first + i * step) % COPIES;

		test_unmap(TEST_SLOT + object);
		test_delete(copies[object].id);
	}
}

TEST(copies_hold_what_their_source_had)
{
	/* Within DRAM, within NVM, from each to the other, and back. */
	for (unsigned src = 0; src < MEDIUMS; src++)
		for (unsigned dst = 0; dst < MEDIUMS; dst++) {
			const unsigned a = src, b = 2 + dst, c = 4 + src;

			copies_make();
			for (unsigned p = 0; p < PAGES; p += 1 + (p % 5 == 0))
				copies_store(a, p, (uint8_t)(p + 1));
			copies_copy(b, 0, a, 0, PAGES);
			copies_good();
			copies_store(a, 1, 200); /* the source changes, the copy does not */
			copies_store(b, 2, 201);
			copies_copy(c, 0, b, 0, PAGES); /* a copy of a copy */
			copies_good();
			copies_store(b, 3, 202);
			copies_store(c, 2, 203);
			copies_drop(a, 4, 9);
			copies_good();
			copies_copy(a, 3, c, 7, PAGES - 7); /* shifted, over what is there */
			copies_good();
			copies_delete(src, 1 + 4 * dst);
		}
}

TEST(any_order_of_copies_stores_and_drops_is_right)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15ull;
		copies_make();
		for (unsigned step = 0; step < 250; step++) {
			unsigned dst = (unsigned)below(COPIES), src = (unsigned)below(COPIES);
			unsigned to = (unsigned)below(PAGES), from = (unsigned)below(PAGES);
			unsigned n = 1 + (unsigned)below(PAGES - (to > from ? to : from));

			switch (below(4)) {
			case 0:
				if (dst != src)
					copies_copy(dst, to, src, from, n);
				break;
			case 1:
				copies_drop(dst, to, (unsigned)below(PAGES - to) / 4);
				break;
			default:
				copies_store(dst, to, (uint8_t)(1 + below(255)));
			}
			if (!copies_good()) {
				test_say("seed %llu, step %u", (unsigned long long)seed, step);
				break;
			}
		}
		copies_delete((unsigned)seed, 5);
	}
}

/* The store drops the destination's log then: what was mapped of it must not be seen any more. */
TEST(a_log_goes_with_the_meta_page_that_is_copied_over)
{
	const uint64_t meta = TWZ_OBJ_META / TWZ_PAGE, at = TWZ_OBJ_LOG_END - TWZ_PAGE;

	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id dst = test_object(TWZ_OBJECT_ENDING), src = test_object(mediums[m]);
		volatile uint8_t *to = test_map(TEST_SLOT, dst, READ_WRITE);
		volatile uint8_t *from = test_map(TEST_SLOT + 1, src, READ_WRITE);

		from[TWZ_OBJ_META + TWZ_PAGE - 1] = 1;
		to[at] = 2;
		CHECK_EQ(twz_rt_copy(dst, meta, src, meta, 1), 0);
		CHECK_EQ(to[TWZ_OBJ_META + TWZ_PAGE - 1], 1);
		CHECK_EQ(to[at], 0);
		test_unmap(TEST_SLOT);
		test_unmap(TEST_SLOT + 1);
		test_delete(dst);
		test_delete(src);
	}
}

/* More holders than a frame's count can have: further copies are by bytes, the limits as before. */
TEST(a_page_with_very_many_copies_keeps_its_limits)
{
	const unsigned holders = 0xffff + 3;
	struct twz_id id[2] = {test_object(TWZ_OBJECT_VOLATILE), test_object(TWZ_OBJECT_VOLATILE)};
	uint8_t *at = test_map(TEST_SLOT, id[0], READ_WRITE) + TWZ_OBJ_DATA;
	unsigned pages[2] = {1, 0}, to = 0;

	*at = 5;
	CHECK_EQ(twz_rt_limit(id[0], TEST_DATA_PAGE, 1, TWZ_WRITE), 0);
	while (pages[0] + pages[1] < holders) {
		unsigned n = holders - pages[0] - pages[1];

		to ^= 1;
		n = n < pages[!to] ? n : pages[!to];
		if (!CHECK_EQ(twz_rt_copy(id[to], TEST_DATA_PAGE + pages[to], id[!to],
					  TEST_DATA_PAGE, n),
			      0))
			break;
		pages[to] += n;
	}
	at = test_map(TEST_SLOT, id[to], READ_WRITE) + TWZ_OBJ_DATA + (pages[to] - 1) * TWZ_PAGE;
	CHECK_EQ(*at, 5);
	CHECK_EQ(test_store(at).error, TWZ_E_RIGHT);
	test_unmap(TEST_SLOT);
	test_delete(id[0]);
	test_delete(id[1]);
}

TEST(an_object_is_not_copied_onto_itself)
{
	copies_make();
	for (unsigned m = 0; m < MEDIUMS; m++) {
		copies_store(m, 5, 77);
		CHECK_EQ(twz_rt_copy(copies[m].id, FIRST_PAGE + 5, copies[m].id, FIRST_PAGE + 5, 1),
			 TWZ_E_RANGE);
		CHECK_EQ(twz_rt_copy(copies[m].id, FIRST_PAGE, copies[m].id, FIRST_PAGE + 9, 5),
			 TWZ_E_RANGE);
	}
	copies_good();
	copies_delete(0, 1);
}

TEST(a_whole_sparse_object_is_copied)
{
	for (unsigned src = 0; src < MEDIUMS; src++)
		for (unsigned dst = 0; dst < MEDIUMS; dst++) {
			struct twz_id a = test_object(mediums[src]), b = test_object(mediums[dst]);
			uint8_t *from = test_map(TEST_PLACE, a, READ_WRITE),
				*to = test_map(TEST_PLACE + 1, b, READ_WRITE);

			from[TWZ_OBJ_DATA] = 1;
			from[TWZ_OBJ_SIZE_MAX - 1] = 2;
			CHECK_EQ(twz_rt_copy(b, 1, a, 1, LAST_PAGE), 0);
			CHECK_EQ(to[TWZ_OBJ_DATA], 1);
			CHECK_EQ(to[TWZ_OBJ_SIZE_MAX - 1], 2);
			CHECK_EQ(to[TWZ_OBJ_SIZE_MAX / 2], 0);
			test_unmap(TEST_PLACE);
			test_unmap(TEST_PLACE + 1);
			test_delete(a);
			test_delete(b);
		}
}

/* ---- page limits --------------------------------------------------------------------------------------- */

static void limit(struct twz_id id, uint64_t page, uint32_t rights)
{
	CHECK_EQ(twz_rt_limit(id, TEST_DATA_PAGE + page, 1, rights), 0);
}

TEST(page_limits_take_rights_away_until_a_drop)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object_of(TWZ_TYPE_DATA, TEST_PERMS | TWZ_EXEC, mediums[m]);
		uint8_t *data = test_map(TEST_SLOT, id, READ_WRITE | TWZ_VIEW_EXEC) + TWZ_OBJ_DATA;

		for (unsigned p = 0; p < 5; p++)
			data[p * TWZ_PAGE] = 0xc3;
		limit(id, 1, TWZ_WRITE);
		limit(id, 2, TWZ_EXEC);
		limit(id, 3, TWZ_READ | TWZ_WRITE | TWZ_EXEC);
		limit(id, 5, TWZ_READ | TWZ_WRITE | TWZ_EXEC); /* a hole */
		CHECK_EQ(test_jump(data).kind, 0);
		CHECK_EQ(test_store(data + TWZ_PAGE).kind, TWZ_FAULT_RIGHT);
		CHECK_EQ(test_load(data + TWZ_PAGE).kind, 0);
		CHECK_EQ(test_jump(data + TWZ_PAGE).kind, 0);
		CHECK_EQ(test_jump(data + 2 * TWZ_PAGE).kind, TWZ_FAULT_RIGHT);
		CHECK_EQ(test_store(data + 2 * TWZ_PAGE).kind, 0);
		for (unsigned p = 3; p <= 5; p += 2) {
			struct twz_fault fault = test_load(data + p * TWZ_PAGE + 9);

			CHECK_EQ(fault.kind, TWZ_FAULT_RIGHT);
			CHECK_EQ(fault.error, TWZ_E_RIGHT);
			CHECK_EQ(fault.access, TWZ_VIEW_READ);
			CHECK_EQ(fault.offset, TWZ_OBJ_DATA + p * TWZ_PAGE + 9);
			CHECK_EQ(fault.object.lo, id.lo);
			CHECK_EQ(test_store(data + p * TWZ_PAGE).kind, TWZ_FAULT_RIGHT);
			CHECK_EQ(test_jump(data + p * TWZ_PAGE).kind, TWZ_FAULT_RIGHT);
		}
		CHECK_EQ(test_store(data + 4 * TWZ_PAGE).kind, 0);
		/* Only ever fewer. */
		limit(id, 1, 0);
		limit(id, 1, TWZ_EXEC);
		CHECK_EQ(test_store(data + TWZ_PAGE).kind, TWZ_FAULT_RIGHT);
		CHECK_EQ(test_jump(data + TWZ_PAGE).kind, TWZ_FAULT_RIGHT);
		CHECK_EQ(test_load(data + TWZ_PAGE).kind, 0);
		CHECK_EQ(twz_rt_drop(id, TEST_DATA_PAGE, 6), 0);
		for (unsigned p = 0; p < 6; p++) {
			CHECK_EQ(data[p * TWZ_PAGE], 0);
			CHECK_EQ(test_store(data + p * TWZ_PAGE).kind, 0);
			CHECK_EQ(test_jump(data + p * TWZ_PAGE).kind, 0);
		}
		test_unmap(TEST_SLOT);
		test_delete(id);
	}
}

/* Of holes too: a copy has those of its source, and none that were there before. */
TEST(limits_are_copied_and_copied_over)
{
	const uint32_t flags[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};

	for (unsigned m = 0; m < 2; m++) {
		struct twz_id src = test_object(flags[m]), dst = test_object(flags[m]);
		uint8_t *data =
			test_map(TEST_SLOT, dst, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA;

		limit(src, 1, TWZ_WRITE);
		limit(dst, 2, TWZ_WRITE);
		CHECK_EQ(twz_rt_copy(dst, TEST_DATA_PAGE, src, TEST_DATA_PAGE, 4), 0);
		CHECK_EQ(test_store(data + TWZ_PAGE).kind, TWZ_FAULT_RIGHT);
		CHECK_EQ(test_store(data + 2 * TWZ_PAGE).kind, 0);
		test_unmap(TEST_SLOT);
		test_delete(src);
		test_delete(dst);
	}
}

TEST(rights_of_an_entry_hold)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object_of(TWZ_TYPE_DATA, TEST_PERMS | TWZ_EXEC, mediums[m]);
		uint8_t *data = test_map(TEST_SLOT, id, READ_WRITE) + TWZ_OBJ_DATA;

		CHECK_EQ(test_store(data).kind, 0); /* a `ret` */
		CHECK_EQ(test_jump(data).kind, TWZ_FAULT_RIGHT);
		test_map(TEST_SLOT, id, TWZ_VIEW_READ | TWZ_VIEW_EXEC);
		CHECK_EQ(test_jump(data).kind, 0);
		CHECK_EQ(test_store(data).kind, TWZ_FAULT_RIGHT);
		test_map(TEST_SLOT, id, 0);
		CHECK_EQ(test_load(data).kind, TWZ_FAULT_RIGHT);
		test_unmap(TEST_SLOT);
		test_delete(id);
	}
}

/* ---- sealed -------------------------------------------------------------------------------------------- */

static struct twz_id sealed(struct twz_id src, uint64_t size)
{
	struct twz_id id = {0};

	CHECK_EQ(twz_rt_seal(src, size, TWZ_TYPE_DATA, TWZ_READ | TWZ_WRITE | TWZ_DELETE, &id), 0);
	return id;
}

TEST(a_sealed_object_cannot_change)
{
	const uint64_t size = 3 * TWZ_PAGE + 5;
	struct twz_id of[MEDIUMS], src[MEDIUMS];

	for (unsigned m = 0; m < MEDIUMS; m++) {
		uint8_t *data;

		src[m] = test_object(mediums[m]);
		data = test_map(TEST_SLOT, src[m], READ_WRITE) + TWZ_OBJ_DATA;
		data[0] = 1;
		data[2 * TWZ_PAGE] = 2;
		data[size - 1] = 3;
		of[m] = sealed(src[m], size);
		data[0] = 9;
		test_map(TEST_SLOT, of[m], READ_WRITE);
		CHECK_EQ(data[0], 1);
		CHECK_EQ(data[TWZ_PAGE], 0);
		CHECK_EQ(data[2 * TWZ_PAGE], 2);
		CHECK_EQ(data[size - 1], 3);
		CHECK_EQ(test_store(data).error, TWZ_E_SEALED);
		CHECK_EQ(test_store(data + TWZ_PAGE).kind, TWZ_FAULT_RIGHT); /* a hole */
		CHECK_EQ(twz_rt_touch(data, 1), TWZ_E_SEALED);
		CHECK_EQ(twz_rt_drop(of[m], TEST_DATA_PAGE, 1), TWZ_E_SEALED);
		CHECK_EQ(twz_rt_limit(of[m], TEST_DATA_PAGE, 1, 1), TWZ_E_SEALED);
		CHECK_EQ(twz_rt_copy(of[m], TEST_DATA_PAGE, src[m], TEST_DATA_PAGE, 1),
			 TWZ_E_SEALED);
		CHECK_EQ(stat_of(of[m]).identity.flags, TWZ_ID_SEALED);
		CHECK_EQ(stat_of(of[m]).identity.size, size);
		/* A copy of it can. */
		CHECK_EQ(twz_rt_copy(src[m], TEST_DATA_PAGE, of[m], TEST_DATA_PAGE, 4), 0);
		test_map(TEST_SLOT, src[m], READ_WRITE);
		CHECK_EQ(data[0], 1);
		data[0] = 7;
		test_map(TEST_SLOT, of[m], TWZ_VIEW_READ);
		CHECK_EQ(data[0], 1);
		test_unmap(TEST_SLOT);
	}
	/* The same content, the same object, from wherever it came. */
	CHECK_EQ(of[0].lo, of[1].lo);
	CHECK_EQ(of[0].hi, of[1].hi);
	test_delete(of[0]);
	for (unsigned m = 0; m < MEDIUMS; m++)
		test_delete(src[m]);
}

TEST(a_store_to_the_source_is_none_to_the_sealed_object)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id src = test_object(mediums[m]), of;
		uint8_t *from = test_map(TEST_SLOT, src, READ_WRITE) + TWZ_OBJ_DATA, *to;
		uint8_t content[16];

		twz_rt_random(content, sizeof(content)); /* no sealed object has it yet */
		memcpy(from, content, sizeof(content));
		of = sealed(src, 2 * TWZ_PAGE);
		from[0] ^= 1; /* where it was mapped before */
		to = test_map(TEST_SLOT + 1, of, TWZ_VIEW_READ) + TWZ_OBJ_DATA;
		CHECK(!memcmp(to, content, sizeof(content)));
		test_unmap(TEST_SLOT);
		test_unmap(TEST_SLOT + 1);
		test_delete(src);
		test_delete(of);
	}
}

TEST(what_has_limits_is_not_sealed)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id src = test_object(mediums[m]), id;

		CHECK_EQ(twz_rt_limit(src, TEST_DATA_PAGE + 1, 1, TWZ_EXEC), 0);
		CHECK_EQ(twz_rt_seal(src, TWZ_PAGE + 1, 0, TWZ_READ | TWZ_DELETE, &id),
			 TWZ_E_RIGHT);
		CHECK_EQ(twz_rt_seal(src, TWZ_PAGE, 0, TWZ_READ | TWZ_DELETE, &id), 0);
		test_delete(id); /* its content ends before the limit */
		test_delete(src);
	}
}

TEST(what_cannot_be_sealed_is_refused)
{
	struct twz_id src = test_object(TWZ_OBJECT_VOLATILE), id;
	struct twz_sys_seal seal = {.src = src, .size = 5, .perms = TWZ_PERM_ALL + 1};

	CHECK_EQ(SYS(object_seal, &seal, &id), TWZ_E_ARG);
	CHECK_EQ(twz_rt_seal(src, 5, 7, TWZ_READ, &id), TWZ_E_ARG);
	/* Threads and devices are the kernel's to make. */
	CHECK_EQ(twz_rt_seal(src, 5, TWZ_TYPE_THREAD, TWZ_READ, &id), TWZ_E_ARG);
	CHECK_EQ(twz_rt_seal(src, 5, TWZ_TYPE_DEVICE, TWZ_READ, &id), TWZ_E_ARG);
	CHECK_EQ(twz_rt_seal((struct twz_id){1, 2}, 5, 0, TWZ_READ, &id), TWZ_E_NOTFOUND);
	CHECK(twz_rt_seal(src, ~0ull, 0, TWZ_READ, &id) < 0);
	CHECK_EQ(SYS(object_seal, 8, &id), TWZ_E_OUTSIDE);
	test_delete(src);
}

/* ---- large --------------------------------------------------------------------------------------------- */

TEST(an_object_of_1_tib_has_all_its_pages)
{
	static const uint64_t offsets[] = {
		TWZ_PAGE, /* the first that can be */
		TWZ_OBJ_DATA,
		TWZ_SLOT_SIZE - TWZ_PAGE,
		TWZ_SLOT_SIZE,
		TWZ_OBJ_SIZE_MAX / 2 - TWZ_PAGE,
		TWZ_OBJ_SIZE_MAX / 2,
		TWZ_OBJ_SIZE_MAX - TWZ_PAGE,
	};
	const unsigned n = sizeof(offsets) / sizeof(offsets[0]);

	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object(mediums[m]);
		uint8_t *at = test_map(TEST_PLACE + 63, id, READ_WRITE);

		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(at[offsets[i]], 0);
			at[offsets[i]] = (uint8_t)(i + 1);
			at[offsets[i] + TWZ_PAGE - 1] = (uint8_t)(i + 100);
		}
		test_map(TEST_PLACE + 63, id, TWZ_VIEW_READ);
		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(at[offsets[i]], i + 1);
			CHECK_EQ(at[offsets[i] + TWZ_PAGE - 1], i + 100);
		}
		CHECK(stat_of(id).npages >= n);
		CHECK_EQ(test_load(at).kind, TWZ_FAULT_NULL);
		CHECK_EQ(twz_rt_drop(id, 1, LAST_PAGE), 0);
		CHECK_EQ(stat_of(id).npages, 0);
		for (unsigned i = 0; i < n; i++)
			CHECK_EQ(at[offsets[i]], 0);
		test_unmap(TEST_PLACE + 63);
		test_delete(id);
	}
}

TEST(behind_the_last_place_is_nothing)
{
	struct twz_fault fault = test_load((const uint8_t *)0xffff800000000000ull);

	CHECK_EQ(fault.kind, TWZ_FAULT_RANGE); /* between them are no addresses */
	CHECK_EQ(fault.error, TWZ_E_RANGE);
	CHECK_EQ(test_store((uint8_t *)~0ull).kind, TWZ_FAULT_RANGE);
}

TEST(words_lie_across_the_marks_of_1_gib)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object(mediums[m]);
		uint8_t *at = test_map(TEST_PLACE, id, READ_WRITE);

		for (uint64_t mark = TWZ_SLOT_SIZE; mark <= TWZ_OBJ_SIZE_MAX / 2; mark <<= 3) {
			uint64_t word = 0x0123456789abcdefull ^ mark, back;

			memcpy(at + mark - 3, &word, sizeof(word));
			memcpy(&back, at + mark - 3, sizeof(back));
			CHECK_EQ(back, word);
			CHECK_EQ(at[mark], (uint8_t)(word >> 24));
		}
		test_unmap(TEST_PLACE);
		test_delete(id);
	}
}

TEST(a_slot_and_a_place_show_the_same_object)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object(mediums[m]);
		volatile uint8_t *slot = test_map(TEST_SLOT, id, READ_WRITE),
				 *place = test_map(TEST_PLACE, id, READ_WRITE);

		slot[TWZ_OBJ_DATA] = 1;
		CHECK_EQ(place[TWZ_OBJ_DATA], 1);
		place[TWZ_SLOT_SIZE - 1] = 2;
		CHECK_EQ(slot[TWZ_SLOT_SIZE - 1], 2);
		place[TWZ_SLOT_SIZE] = 3;
		test_unmap(TEST_SLOT);
		CHECK_EQ(place[TWZ_OBJ_DATA], 1);
		CHECK_EQ(test_load((const uint8_t *)slot + TWZ_OBJ_DATA).kind, TWZ_FAULT_OBJECT);
		test_map(TEST_SLOT, id, TWZ_VIEW_READ);
		test_unmap(TEST_PLACE);
		CHECK_EQ(slot[TWZ_OBJ_DATA], 1);
		CHECK_EQ(test_store((uint8_t *)(uintptr_t)slot + TWZ_OBJ_DATA).kind,
			 TWZ_FAULT_RIGHT);
		test_unmap(TEST_SLOT);
		test_delete(id);
	}
}

/* ---- the end of an object that is in use ----------------------------------------------------------------- */

TEST(what_is_mapped_of_a_deleted_object_ends_or_stays_whole)
{
	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id id = test_object(mediums[m]), copy = test_object(mediums[m]);
		uint8_t *at = test_map(TEST_SLOT, id, READ_WRITE);
		struct twz_fault fault;

		at[TWZ_OBJ_DATA] = 1;
		CHECK_EQ(twz_rt_copy(copy, TEST_DATA_PAGE, id, TEST_DATA_PAGE, 1), 0);
		test_delete(id);
		fault = test_load(at + TWZ_OBJ_DATA);
		if (!fault.kind)
			CHECK_EQ(at[TWZ_OBJ_DATA], 1);
		else
			CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
		CHECK_EQ(SYS(view_invalidate, TEST_SLOT, 1), 0);
		CHECK_EQ(test_load(at + TWZ_OBJ_DATA).kind, TWZ_FAULT_OBJECT);
		test_map(TEST_SLOT, copy, READ_WRITE);
		CHECK_EQ(at[TWZ_OBJ_DATA], 1);
		test_unmap(TEST_SLOT);
		test_delete(copy);
	}
}

TEST(what_is_tied_to_an_object_ends_with_it)
{
	struct twz_id to = test_object(TWZ_OBJECT_VOLATILE), tied[40];
	struct twz_sys_new new = {.perms = TEST_PERMS, .flags = TWZ_OBJECT_VOLATILE, .tie = to};
	struct twz_rt_stat stat;

	for (unsigned i = 0; i < 40; i++) {
		CHECK_EQ(SYS(object_new, &new, &tied[i]), 0);
		if (i % 8 == 7)
			new.tie = tied[i]; /* a chain of bunches */
	}
	test_delete(tied[2]);
	test_delete(to);
	while (!twz_rt_stat(tied[39], &stat))
		test_sleep(1000000);
	for (unsigned i = 0; i < 40; i++)
		CHECK_EQ(twz_rt_stat(tied[i], &stat), TWZ_E_NOTFOUND);
}
