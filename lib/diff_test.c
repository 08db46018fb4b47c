/* diff_test.c - where objects differ; sealed objects verified in parts. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define PAGES 1500u
#define RANGES 16u

static struct {
	uint64_t offset, bytes;
} range[RANGES];
static unsigned ranges, stop_at;

static int note(uint64_t offset, uint64_t bytes, void *arg)
{
	assert_ptr_equal(arg, range);
	assert_true(ranges < RANGES);
	range[ranges].offset = offset;
	range[ranges].bytes = bytes;
	return ++ranges == stop_at ? TWZ_E_LIMIT : 0;
}

static struct twz_diff diff(const struct twz_obj *a, const struct twz_obj *b)
{
	struct twz_diff found;
	uint64_t bytes = 0;

	ranges = stop_at = 0;
	MUST(twz_obj_diff(a, b, note, range, &found));
	assert_int_equal(found.ranges, ranges);
	for (unsigned i = 0; i < ranges; i++)
		bytes += range[i].bytes;
	assert_int_equal(found.bytes, bytes);
	return found;
}

static void is_range(unsigned i, uint64_t offset, uint64_t bytes)
{
	assert_int_equal(range[i].offset, offset);
	assert_int_equal(range[i].bytes, bytes);
}

/* An object and a copy of it. */
static void make(struct twz_obj *a, struct twz_obj *b)
{
	struct twz_id copy;

	MUST(twz_obj_new(&(struct twz_new){.bytes = PAGES * TWZ_PAGE}, a));
	for (unsigned page = 0; page < PAGES; page += 7)
		memset((uint8_t *)twz_obj_data(a) + page * TWZ_PAGE, (int)page, TWZ_PAGE);
	MUST(twz_obj_set_size(a, PAGES * TWZ_PAGE));
	MUST(twz_obj_copy(a->id, true, &copy));
	MUST(twz_obj_open(copy, b));
}

static void end(struct twz_obj *a, struct twz_obj *b)
{
	MUST(twz_obj_delete(a->id));
	MUST(twz_obj_delete(b->id));
	MUST(twz_obj_recycle(a));
	MUST(twz_obj_recycle(b));
}

static uint64_t npages(const struct twz_obj *obj)
{
	struct twz_rt_stat stat;

	MUST(twz_obj_stat(obj->id, &stat));
	return stat.npages;
}

static void what_differs_is_told_byte_for_byte(void **state)
{
	struct twz_obj a, b;
	struct twz_diff found;
	uint8_t *data;

	(void)state;
	make(&a, &b);
	found = diff(&a, &b);
	assert_int_equal(found.ranges, 0);
	assert_int_equal(found.compared, 0);
	assert_int_equal(found.shared, npages(&b));
	assert_int_equal(diff(&a, &a).ranges, 0);

	data = twz_obj_data(&b);
	data[10] ^= 1;
	data[12] ^= 1;
	data[13] ^= 1;
	for (unsigned i = 0; i < 20; i++) /* over the mark of a page */
		data[701 * TWZ_PAGE - 10 + i] ^= 1;
	data[PAGES * TWZ_PAGE - 1] ^= 1;
	found = diff(&a, &b);
	assert_int_equal(found.ranges, 4);
	is_range(0, TWZ_OBJ_DATA + 10, 1);
	is_range(1, TWZ_OBJ_DATA + 12, 2);
	is_range(2, TWZ_OBJ_DATA + 701 * TWZ_PAGE - 10, 20);
	is_range(3, TWZ_OBJ_DATA + PAGES * TWZ_PAGE - 1, 1);
	assert_true(found.shared < npages(&b) && found.compared >= 4);
	assert_int_equal(found.shared + found.compared, npages(&b));

	/* Equal again, though not the same memory any more; the store may have unshared a neighbour. */
	data[10] ^= 1;
	found = diff(&b, &a);
	assert_int_equal(found.ranges, 3);
	stop_at = 2;
	ranges = 0;
	assert_int_equal(twz_obj_diff(&a, &b, note, range, NULL), TWZ_E_LIMIT);
	assert_int_equal(ranges, 2);
	MUST(twz_obj_diff(&a, &b, NULL, NULL, &found));
	assert_int_equal(found.ranges, 3);
	end(&a, &b);
}

static void meta_page_and_fot_are_compared_and_the_log_is_not(void **state)
{
	struct twz_obj a, b;

	(void)state;
	make(&a, &b);
	MUST(twz_obj_set_size(&b, PAGES * TWZ_PAGE + 1)); /* with a record in the log */
	assert_int_equal(diff(&a, &b).ranges, 1);
	is_range(0, TWZ_OBJ_META + offsetof(struct twz_meta, size), 1);
	MUST(twz_obj_set_size(&b, PAGES * TWZ_PAGE));
	assert_int_equal(diff(&a, &b).ranges, 0);
	*(uint64_t *)(a.base + TWZ_OBJ_FOT_END - 8) = 5;
	assert_int_equal(diff(&a, &b).ranges, 1);
	is_range(0, TWZ_OBJ_FOT_END - 8, 1);
	end(&a, &b);
}

/* A hole is as zeros: present ones on the other side are no difference. */
static void a_hole_is_as_zeros(void **state)
{
	struct twz_obj a, b;
	struct twz_diff found;

	(void)state;
	make(&a, &b);
	MUST(twz_rt_drop(b.id, TWZ_OBJ_DATA / TWZ_PAGE + 1, 6)); /* zeros all of them */
	assert_int_equal(diff(&a, &b).ranges, 0);
	MUST(twz_rt_drop(b.id, TWZ_OBJ_DATA / TWZ_PAGE + 7, 1));
	assert_int_equal(diff(&a, &b).ranges, 1);
	is_range(0, TWZ_OBJ_DATA + 7 * TWZ_PAGE, TWZ_PAGE);
	MUST(twz_rt_drop(b.id, 1, TWZ_OBJ_SIZE_MAX / TWZ_PAGE - 1));
	MUST(twz_obj_diff(&a, &b, NULL, NULL, &found));
	assert_in_range(found.bytes, PAGES / 7 * (TWZ_PAGE - 100), (PAGES / 7 + 2) * TWZ_PAGE);
	end(&a, &b);
}

static void what_cannot_be_compared_is_an_error(void **state)
{
	struct twz_rt_shared shared;
	struct twz_obj a, b;
	struct twz_id id;

	(void)state;
	make(&a, &b);
	id = b.id;
	assert_int_equal(twz_rt_same(a.id, 1, b.id, TWZ_OBJ_SIZE_MAX / TWZ_PAGE, 1, &shared),
			 TWZ_E_RANGE);
	MUST(twz_obj_delete(b.id));
	assert_int_equal(twz_obj_diff(&a, &b, note, range, NULL), TWZ_E_NOTFOUND);
	assert_int_equal(twz_rt_same(a.id, 1, id, 1, 5, &shared), TWZ_E_NOTFOUND);
	assert_int_equal(shared.pages, 0);
	MUST(twz_obj_delete(a.id));
	MUST(twz_obj_recycle(&a));
	MUST(twz_obj_recycle(&b));
}

static void sealed_objects_are_verified_in_parts(void **state)
{
	const uint64_t size = 5 * TWZ_PAGE + 3, all = TWZ_OBJ_SIZE_MAX;
	struct twz_obj a, b;
	struct twz_id id;

	(void)state;
	make(&a, &b);
	MUST(twz_obj_seal(a.id, size, TWZ_READ | TWZ_DELETE, &id));
	MUST(twz_obj_verify(id, 0, all));
	MUST(twz_obj_verify(id, TWZ_OBJ_DATA + 100, 1));
	MUST(twz_obj_verify(id, TWZ_OBJ_DATA + 100, 0));
	MUST(twz_obj_verify(id, TWZ_OBJ_DATA + size, all));
	assert_int_equal(twz_obj_verify(id, TWZ_OBJ_DATA + 6 * TWZ_PAGE, 1), TWZ_E_RANGE);
	assert_int_equal(twz_obj_verify(id, all, 1), TWZ_E_RANGE);
	assert_int_equal(twz_obj_verify(a.id, 0, all), TWZ_E_TYPE);
	MUST(twz_obj_delete(id));
	assert_int_equal(twz_obj_verify(id, 0, all), TWZ_E_NOTFOUND);
	end(&a, &b);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(what_differs_is_told_byte_for_byte),
		home_test(meta_page_and_fot_are_compared_and_the_log_is_not),
		home_test(a_hole_is_as_zeros),
		home_test(what_cannot_be_compared_is_an_error),
		home_test(sealed_objects_are_verified_in_parts),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
