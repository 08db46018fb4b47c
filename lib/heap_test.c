/* heap_test.c - the first structure of an object. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/heap.h"
#include "tests/home/home.h"

struct first {
	uint64_t word[20];
};

static void is_made_once_of_zeros(void **state)
{
	struct first *first, *again;
	struct twz_obj obj;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.heap = true}, &obj));
	MUST(twz_first(&obj, &first));
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(first->word[i], 0);
	first->word[19] = 7;
	MUST(twz_first(&obj, &again));
	assert_ptr_equal(first, again);
	assert_int_equal(again->word[19], 7);
}

static void is_refused_where_it_is_none(void **state)
{
	struct {
		uint64_t word[1000];
	} * larger;
	const uint64_t wrong[] = {TWZ_OBJ_DATA, 16, TWZ_SLOT_SIZE, 1ull << 40 | 0x500000, 0x500008};
	struct first *first;
	struct twz_obj obj;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	assert_int_equal(twz_first(&obj, &first), TWZ_E_TYPE);
	assert_null(first);
	MUST(twz_heap_make(&obj));
	MUST(twz_first(&obj, &first));
	assert_int_equal(twz_first(&obj, &larger), TWZ_E_TYPE);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		*twz_heap_root(&obj) = wrong[i];
		assert_int_equal(twz_first(&obj, &first), TWZ_E_DAMAGED);
	}
	*twz_heap_root(&obj) = 0;
	((struct twz_heap *)(obj.base + obj_meta(obj.base)->heap))->magic = 0;
	assert_int_equal(twz_first(&obj, &first), TWZ_E_DAMAGED);
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
		home_test(is_made_once_of_zeros),
		home_test(is_refused_where_it_is_none),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
