/* map_test.c - maps with types: keys of all kinds, values of all sizes, pointers to other objects. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#include <twz/dict.h>

struct article {
	char name[24];
	double price;
};

struct shop {
	twz_map(uint64_t, struct article) articles;
	twz_map(int8_t, float) rates;
	twz_map(int64_t, bool) flags;
	twz_map(
		unsigned char, struct { char text[3]; }) codes;
	twz_map_ptr(int32_t, struct shop) branches;
};

static struct twz_obj object[2];

static struct shop *new_shop(struct twz_obj *obj)
{
	void *block;

	MUST(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, obj));
	MUST(heap_alloc(NULL, sizeof(struct shop), twz_heap_root(obj), &block));
	memset(block, 0, sizeof(struct shop));
	return block;
}

static void signed_keys_are_in_order(void **state)
{
	struct shop *shop = new_shop(&object[0]);
	struct twz_map_cursor c;
	int before = -1000;
	int8_t key = 0;
	float rate = 0;

	(void)state;
	for (int i = -128; i < 128; i += 3)
		MUST(twz_map_put(0, &shop->rates, (int8_t)i, (float)i / 2));
	assert_int_equal(twz_map_count(&shop->rates), 86);
	twz_map_each(&shop->rates, &c, &key, &rate)
	{
		assert_true(key > before);
		assert_true(rate == (float)key / 2);
		before = key;
	}
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
	assert_int_equal(before, 127);
	MUST(twz_map_seek(&shop->rates, &c, -4, &key, &rate));
	assert_int_equal(key, -2);
	MUST(twz_map_prev(&shop->rates, &c, &key, &rate));
	assert_int_equal(key, -5);
	MUST(twz_map_last(&shop->rates, &c, &key, &rate));
	assert_int_equal(key, 127);

	MUST(twz_map_put(0, &shop->flags, INT64_MIN, true));
	MUST(twz_map_put(0, &shop->flags, INT64_MAX, false));
	assert_true(twz_map_has(&shop->flags, INT64_MIN));
	assert_false(twz_map_has(&shop->flags, 0));
	MUST(twz_map_remove(0, &shop->flags, INT64_MIN));
	assert_int_equal(twz_map_remove(0, &shop->flags, INT64_MIN), TWZ_E_NOTFOUND);
	MUST(twz_map_clear(0, &shop->flags));
	assert_int_equal(twz_map_count(&shop->flags), 0);
}

static void values_are_of_any_size(void **state)
{
	struct shop *shop = new_shop(&object[0]);
	struct article screw = {"screw", 0.1}, found = {"", 0};
	__typeof__(*shop->codes.twz_value[0]) code = {"abc"};
	struct twz_tx tx;

	(void)state;
	MUST(twz_map_put(0, &shop->articles, 4711, screw));
	MUST(twz_map_get(&shop->articles, 4711, &found));
	assert_memory_equal(&found, &screw, sizeof(found));
	assert_true(twz_map_has(&shop->articles, 4711));

	twz_tx_begin(&tx);
	screw.price = 0.2;
	MUST(twz_map_put(&tx, &shop->articles, 4711, screw));
	MUST(twz_map_put(&tx, &shop->codes, 200, code));
	assert_true(twz_map_has_tx(&tx, &shop->codes, 200));
	assert_int_equal(twz_map_count_tx(&tx, &shop->codes), 1);
	assert_int_equal(twz_map_count(&shop->codes), 0);
	assert_false(twz_map_has(&shop->codes, 200));
	MUST(twz_map_get(&shop->articles, 4711, &found));
	assert_true(found.price == 0.1);
	MUST(twz_map_get_tx(&tx, &shop->articles, 4711, &found));
	assert_true(found.price == 0.2);
	twz_tx_abort(&tx);
	assert_false(twz_map_has(&shop->codes, 200));
	MUST(twz_map_put(0, &shop->codes, 201, code));
	memset(&code, 0, sizeof(code));
	MUST(twz_map_get(&shop->codes, 201, &code));
	assert_memory_equal(code.text, "abc", 3);
}

/* Two objects, maps in both, in one transaction; what is in them leads across. */
static void values_lead_to_other_objects(void **state)
{
	struct shop *here = new_shop(&object[0]), *there = new_shop(&object[1]), *found = NULL;
	struct twz_map_cursor c;
	struct twz_map_raw raw = {0};
	struct twz_tx tx;
	unsigned n = 0;
	int32_t key;

	(void)state;
	assert_int_equal(twz_map_get_ptr(&here->branches, -1, &found), TWZ_E_NOTFOUND);
	twz_tx_begin(&tx);
	MUST(twz_map_put_ptr(&tx, &here->branches, -1, there));
	MUST(twz_map_put_ptr(&tx, &here->branches, 5, here));
	MUST(twz_map_put_ptr(&tx, &there->branches, 0, here));
	MUST(twz_tx_commit(&tx));
	MUST(twz_map_get_ptr(&here->branches, -1, &found));
	assert_ptr_equal(found, there);
	MUST(twz_map_get_ptr(&found->branches, 0, &found));
	assert_ptr_equal(found, here);
	twz_map_each(&here->branches, &c, &key, &raw)
		assert_ptr_equal(twz_map_follow(&here->branches, raw), n++ ? here : there);
	assert_int_equal(n, 2);
	MUST(twz_map_put_ptr(0, &here->branches, 6, NULL));
	MUST(twz_map_get_ptr(&here->branches, 6, &found));
	assert_null(found);
	MUST(twz_map_last(&here->branches, &c, NULL, NULL));
	MUST(twz_map_prev(&here->branches, &c, &key, NULL));
	assert_int_equal(key, 5);
	MUST(twz_obj_delete(object[1].id));
	twz_obj_recycle(&object[1]);
	assert_int_equal(twz_map_get_ptr(&here->branches, -1, &found), TWZ_E_UNRESOLVED);
}

/* Another program has another idea of what is in the map. */
static void types_are_checked_again(void **state)
{
	struct shop *shop = new_shop(&object[0]);
	struct {
		twz_map(int32_t, uint32_t) numbers;
		twz_map(uint32_t, uint32_t) positive;
		twz_map(int32_t, uint64_t) large;
	} *other = (void *)&shop->articles;
	uint32_t number = 0;
	uint64_t large = 0;

	(void)state;
	TWZ_PIN(sizeof(*other) == 3 * sizeof(struct twz_map));
	MUST(twz_map_put(0, &other->numbers, 1, 2));
	other->positive.map = other->large.map = other->numbers.map; /* only looked at */
	assert_int_equal(twz_map_get(&other->positive, 1, &number), TWZ_E_TYPE);
	assert_int_equal(twz_map_get(&other->large, 1, &large), TWZ_E_TYPE);
	MUST(twz_map_get(&other->numbers, 1, &number));
	assert_int_equal(number, 2);
}

/* Takes all that the store still has, in pieces that get smaller. */
static struct twz_obj fill_store(void)
{
	struct twz_obj filler;
	uint8_t *at;

	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &filler));
	at = twz_obj_data(&filler);
	for (uint64_t bytes = 1 << 20; bytes >= 4096;) {
		if (twz_rt_touch(at, bytes))
			bytes /= 2;
		else
			at += bytes;
	}
	assert_int_equal(twz_rt_touch(at, 4096), TWZ_E_FULL);
	return filler;
}

/* The log has only the pages that single changes have made: clearing takes no more, in smaller steps. */
static void a_full_store_can_be_cleared(void **state)
{
	enum { N = 6000 };
	struct lists {
		twz_map(uint64_t, struct article) map, again;
		twz_dict(uint64_t) dict;
	} * lists;
	struct article article = {.name = "thing"};
	uint64_t where, owned;
	struct twz_obj obj, filler;
	struct twz_tx tx;
	char word[16];

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &obj));
	MUST(twz_first(&obj, &lists));
	for (uint64_t i = 0; i < N; i++) {
		snprintf(word, sizeof(word), "word %u", (unsigned)i);
		MUST(twz_map_put(0, &lists->map, i, article));
		MUST(twz_map_put(0, &lists->again, i, article));
		MUST(twz_dict_put(0, &lists->dict, word, strlen(word), i));
	}
	filler = fill_store();
	MUST(twz_map_remove(0, &lists->map, 0));
	MUST(twz_map_clear(0, &lists->map));
	assert_int_equal(twz_map_count(&lists->map), 0);
	assert_int_equal(lists->map.map.doomed, 0);
	twz_tx_begin(&tx);
	MUST(twz_map_clear(&tx, &lists->again));
	MUST(twz_tx_commit(&tx));
	assert_int_equal(twz_map_count(&lists->again), 0);
	MUST(twz_map_clear(0, &lists->again)); /* what is left of the tree */
	assert_int_equal(lists->again.map.doomed, 0);
	for (uint64_t i = 0; i < N; i++)
		MUST(twz_map_put(0, &lists->again, i, article));
	MUST(twz_map_check(&lists->again, &where, &owned));
	MUST(twz_dict_clear(0, &lists->dict));
	assert_int_equal(twz_dict_count(&lists->dict), 0);
	MUST(twz_obj_delete(filler.id));
	MUST(twz_map_check(&lists->map, &where, &owned));
	assert_int_equal(owned, 0);
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
		home_test(signed_keys_are_in_order),     home_test(values_are_of_any_size),
		home_test(values_lead_to_other_objects), home_test(types_are_checked_again),
		home_test(a_full_store_can_be_cleared),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
