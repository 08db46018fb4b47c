/* space_test.c - a view that was brought back: what its entries name is taken over. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/space.h"
#include "tests/home/home.h"

#define FIRST TWZ_VIEW_RESERVED
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)

struct node {
	twz_ptr(struct node) next;
};

static struct twz_id fresh(void)
{
	struct twz_rt_new new = {.perms = TWZ_READ | TWZ_WRITE | TWZ_DELETE};
	struct twz_id id;

	MUST(twz_rt_create(&new, &id));
	return id;
}

static void enter(uint32_t slot, struct twz_id id, uint64_t epoch, uint32_t seq)
{
	twz_rt_info()->view[slot] =
		(struct twz_view_slot){.id = id, .epoch = epoch, .rights = READ_WRITE, .seq = seq};
}

static void what_a_view_names_stays_where_it_is(void **state)
{
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_id a = fresh(), b = fresh(), large = fresh(), gone = fresh();
	struct twz_obj obj, new;
	struct node *first, *second;

	(void)state;
	MUST(twz_rt_delete(gone));
	enter(FIRST + 2, a, 0, 2);
	enter(FIRST + 3, gone, 0, 4);
	enter(FIRST + 4, b, info->epoch - 1, 2); /* of an epoch that is over */
	enter(FIRST + 5, b, 0, 7);               /* in half */
	enter(FIRST + 7, b, 0, 2);
	enter(info->nslots + 1, large, 0, 2);
	space_adopt();

	MUST(twz_obj_open(a, &obj));
	assert_int_equal(obj.slot, FIRST + 2);
	first = twz_obj_data(&obj);
	MUST(twz_obj_at(space_base(FIRST + 7), &obj));
	assert_true(twz_id_equal(obj.id, b));
	second = twz_obj_data(&obj);
	MUST(twz_obj_open_large(large, &obj));
	assert_int_equal(obj.slot, info->nslots + 1);

	/* Pointers work in them. */
	MUST(twz_set(&first->next, second));
	MUST(twz_set(&second->next, (struct node *)twz_obj_data(&obj)));
	assert_ptr_equal(twz_get(&first->next), second);
	assert_ptr_equal(twz_get(&first->next), second);

	/* The others are free, the lowest first, those behind last. */
	for (uint32_t want = FIRST; want < FIRST + 10; want++) {
		if (want == FIRST + 2 || want == FIRST + 7)
			continue;
		MUST(twz_obj_new(&(struct twz_new){.ending = true}, &new));
		assert_int_equal(new.slot, want);
		assert_int_equal(info->view[want].epoch, 0);
		assert_int_equal(info->view[want].seq & 1, 0);
		*(volatile uint8_t *)twz_obj_data(&new) = 1;
	}
	MUST(twz_obj_new(&(struct twz_new){.ending = true, .large = true}, &new));
	assert_int_equal(new.slot, info->nslots);

	MUST(twz_obj_open(b, &obj));
	MUST(twz_obj_recycle(&obj));
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &new));
	assert_int_equal(new.slot, FIRST + 7);
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
		home_test(what_a_view_names_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
