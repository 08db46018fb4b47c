/*
 * threads.c - two threads in one program, under ThreadSanitizer: transactions on the same objects,
 * pointers followed while others are made, names, first touches.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define THREADS 3
#define ROUNDS 300

struct node {
	twz_ptr(struct node) next;
	uint64_t value;
};

/*
 * fot_find looks without the lock while others add entries: it may miss one, then fot_insert looks
 * again with the lock. What it finds does not change.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:fot_find\n";
}

static struct twz_obj shared[2];
static pthread_barrier_t barrier;

/* n threads of it, each with its number. */
static void together(void *(*run)(void *number))
{
	pthread_t thread[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void *add(void *number)
{
	uint64_t *a = twz_obj_data(&shared[0]), *b = twz_obj_data(&shared[1]);

	(void)number;
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct twz_tx tx;

		twz_tx_begin(&tx);
		twz_tx_add(&tx, a);
		twz_tx_add(&tx, b);
		twz_tx_set(&tx, a, *a + 1);
		twz_tx_set(&tx, b, *b + 2);
		MUST(twz_tx_commit(&tx));
	}
	return NULL;
}

static void transactions_exclude_each_other(void **state)
{
	(void)state;
	together(add);
	assert_int_equal(*(uint64_t *)twz_obj_data(&shared[0]), THREADS * ROUNDS);
	assert_int_equal(*(uint64_t *)twz_obj_data(&shared[1]), THREADS * ROUNDS * 2);
}

static void *touch(void *number)
{
	unsigned n = (unsigned)(uintptr_t)number;

	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t *at = (uint64_t *)(shared[0].base + (300ull << 20) + i * 4096) + n;

		assert_int_equal(*at, 0);
		*at = i + n;
		assert_int_equal(*at, i + n);
	}
	return NULL;
}

static void first_touches_meet(void **state)
{
	(void)state;
	together(touch);
}

/* Each makes objects and points to them from its own node of a shared object. */
static void *point(void *number)
{
	struct node *mine = (struct node *)(shared[1].base + (400ull << 20)) + (uintptr_t)number;

	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < 30; i++) {
		struct node *target;
		struct twz_obj obj;

		MUST(twz_obj_new(&(struct twz_new){.bytes = 4096}, &obj));
		target = twz_obj_data(&obj);
		target->value = i;
		MUST(twz_set(&target->next, mine));
		MUST(twz_set(&mine->next, target));
		for (unsigned j = 0; j < 10; j++) {
			assert_int_equal(twz_get(&mine->next)->value, i);
			assert_ptr_equal(twz_get(&twz_get(&mine->next)->next), mine);
		}
	}
	return NULL;
}

static void pointers_are_followed_and_made(void **state)
{
	(void)state;
	together(point);
}

static void *name(void *number)
{
	char mine[32], common[32];
	struct twz_id id;

	snprintf(mine, sizeof(mine), "thread%u", (unsigned)(uintptr_t)number);
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(common, sizeof(common), "common%u", i % 4);
		MUST(twz_name_bind(mine, shared[0].id, 0));
		MUST(twz_name_bind(common, shared[i % 2].id, TWZ_NAME_REPLACE));
		MUST(twz_name_resolve(common, &id));
		assert_true(twz_id_equal(id, shared[0].id) || twz_id_equal(id, shared[1].id));
		MUST(twz_name_unbind(mine, 0));
		assert_int_equal(twz_name_resolve(mine, &id), TWZ_E_NOTFOUND);
	}
	return NULL;
}

static void names_change(void **state)
{
	(void)state;
	together(name);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	for (unsigned i = 0; i < 2; i++)
		MUST(twz_obj_new(&(struct twz_new){.heap = true, .bytes = 4096}, &shared[i]));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(transactions_exclude_each_other),
		home_test(first_touches_meet),
		home_test(pointers_are_followed_and_made),
		home_test(names_change),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
