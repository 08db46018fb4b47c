/* vec_test.c - vectors and strings as a program has them: with types, across objects, over programs. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

struct city {
	struct twz_str name;
	twz_vec(twz_ptr(struct city)) roads;
	uint32_t people;
};

struct land {
	twz_vec(struct city) cities;
	twz_vec(double) heights;
};

/* In an object of its own. */
static struct land *new_land(void)
{
	const struct twz_new new = {.heap = true};
	struct twz_obj obj;
	void *land;

	MUST(twz_obj_new(&new, &obj));
	MUST(heap_alloc(NULL, sizeof(struct land), twz_heap_root(&obj), &land));
	memset(land, 0, sizeof(struct land));
	twz_persist(land, sizeof(struct land));
	return land;
}

static struct city *new_city(struct twz_tx *tx, struct land *land, const char *name)
{
	const struct city city = {.people = 7};
	struct city *at;

	MUST(twz_vec_push(tx, &land->cities, city));
	at = twz_vec_at_tx(tx, &land->cities, twz_vec_count_tx(tx, &land->cities) - 1);
	MUST(twz_str_set_text(tx, &at->name, name));
	return at;
}

static void with_types(void **state)
{
	struct land *land = new_land();
	double height = 0;
	struct twz_tx tx;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		MUST(twz_vec_push(0, &land->heights, i * 0.5));
	MUST(twz_vec_set(0, &land->heights, 3, 8848.9));
	MUST(twz_vec_get(&land->heights, 3, &height));
	assert_true(height == 8848.9);
	MUST(twz_vec_swap_remove(0, &land->heights, 3));
	assert_true(*twz_vec_at(&land->heights, 3) == 9.5);
	MUST(twz_vec_pop(0, &land->heights, &height));
	assert_true(height == 9);
	assert_int_equal(twz_vec_count(&land->heights), 18);
	twz_tx_begin(&tx);
	*twz_vec_open(&tx, &land->heights, 2) = 2;
	assert_null(twz_vec_open(&tx, &land->heights, 18));
	MUST(twz_vec_get_tx(&tx, &land->heights, 2, &height));
	assert_true(height == 2);
	MUST(twz_vec_pop(&tx, &land->heights, NULL));
	MUST(twz_vec_resize(&tx, &land->heights, 3));
	MUST(twz_tx_commit(&tx));
	assert_true(*twz_vec_at(&land->heights, 2) == 2);
	MUST(twz_vec_clear(0, &land->heights));
	assert_int_equal(twz_vec_count(&land->heights), 0);
}

static void texts(void **state)
{
	struct land *land = new_land();
	struct city *city = new_city(NULL, land, "Rome");
	char text[10];
	int order;

	(void)state;
	MUST(twz_str_append_text(NULL, &city->name, ", Italy"));
	assert_int_equal(twz_str_get_text(NULL, &city->name, text, 11), TWZ_E_RANGE);
	assert_int_equal(twz_str_get_text(NULL, &city->name, text, 0), TWZ_E_RANGE);
	MUST(twz_str_truncate(NULL, &city->name, 9));
	assert_int_equal(twz_str_get_text(NULL, &city->name, text, 10), 9);
	assert_string_equal(text, "Rome, Ita");
	MUST(twz_str_compare(NULL, &city->name, "Rome", 4, &order));
	assert_true(order > 0);
}

/* Two objects, their vectors, strings and pointers, changed at once or not at all. */
static void across_objects(void **state)
{
	struct land *here = new_land(), *there = new_land();
	struct city *a, *b, *to;
	char text[100];
	struct twz_tx tx;

	(void)state;
	for (unsigned commit = 0; commit < 2; commit++) {
		twz_tx_begin(&tx);
		a = new_city(&tx, here, "a city here with a name of thirty bytes");
		b = new_city(&tx, there, "there");
		MUST(twz_vec_push_ptr(&tx, &a->roads, b));
		MUST(twz_vec_push_ptr(&tx, &a->roads, a));
		MUST(twz_vec_push_ptr(&tx, &b->roads, a));
		if (commit)
			MUST(twz_tx_commit(&tx));
		else
			twz_tx_abort(&tx);
		assert_int_equal(twz_vec_count(&here->cities), commit);
		assert_int_equal(twz_vec_count(&there->cities), commit);
	}
	a = twz_vec_at(&here->cities, 0);
	b = twz_vec_at(&there->cities, 0);
	assert_ptr_equal(twz_get(twz_vec_at(&a->roads, 0)), b);
	assert_ptr_equal(twz_get(twz_vec_at(&a->roads, 1)), a);
	MUST(twz_vec_get_ptr(&b->roads, 0, &to));
	assert_ptr_equal(to, a);
	assert_int_equal(twz_str_get_text(NULL, &to->name, text, sizeof(text)), 39);
	MUST(twz_vec_set_ptr(NULL, &b->roads, 0, b));
	MUST(twz_vec_get_ptr(&b->roads, 0, &to));
	assert_ptr_equal(to, b);
	assert_int_equal(twz_vec_get_ptr(&b->roads, 1, &to), TWZ_E_RANGE);
}

/* A program changes what another made, and is killed in the middle of more. */
static int role_change(const char *path)
{
	struct land *land;
	struct twz_obj obj;
	struct twz_tx tx;

	MUST(twz_name_open(path, &obj));
	land = (struct land *)(obj.base + *twz_heap_root(&obj));
	MUST(twz_str_append_text(NULL, &twz_vec_at(&land->cities, 0)->name, " by another program"));
	twz_tx_begin(&tx);
	new_city(&tx, land, "never there");
	raise(SIGKILL);
	return 0;
}

static void over_programs(void **state)
{
	struct land *land = new_land();
	struct twz_obj obj;
	char text[100];

	(void)state;
	MUST(twz_obj_at(land, &obj));
	MUST(twz_name_bind("/land", obj.id, 0));
	new_city(NULL, land, "changed");
	assert_int_equal(program_run("change", "/land"), 128 + SIGKILL);
	assert_int_equal(twz_vec_count(&land->cities), 1);
	assert_int_equal(twz_str_get_text(NULL, &twz_vec_at(&land->cities, 0)->name, text, 100),
			 26);
	assert_string_equal(text, "changed by another program");
	new_city(NULL, land, "goes on");
	assert_int_equal(twz_vec_count(&land->cities), 2);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(with_types),
		home_test(texts),
		home_test(across_objects),
		home_test(over_programs),
	};

	if (argc > 2 && !strcmp(argv[1], "change"))
		return role_change(argv[2]);
	return cmocka_run_group_tests(tests, setup, NULL);
}
