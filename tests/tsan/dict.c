/*
 * dict.c - a dictionary read beside a thread that changes it, under ThreadSanitizer: what is read is
 * what one commit left.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define READERS 2
#define ROUNDS 300
#define KEYS 40u

/* A value belongs to its key: the three agree. */
struct value {
	uint64_t n, thrice, key;
};

static twz_dict(struct value) * dict;
static bool over;

static uint32_t key_of(uint64_t i, char key[32])
{
	return (uint32_t)snprintf(key, 32, "%s%0*u", i % 2 ? "a common beginning " : "",
				  (int)(i % 9), (unsigned)i);
}

static void *change(void *arg)
{
	char key[32];

	for (uint64_t n = 0; n < ROUNDS; n++) {
		uint64_t i = n * 7 % KEYS, j = n * 11 % KEYS;
		struct twz_tx tx;

		/* Two entries are there together, or neither. */
		twz_tx_begin(&tx);
		MUST(twz_dict_put(&tx, dict, "pair 1", 6, ((struct value){n, n * 3, KEYS})));
		MUST(twz_dict_put(&tx, dict, "pair 1, the second", 18,
				  ((struct value){n, n * 3, KEYS})));
		MUST(twz_tx_commit(&tx));
		MUST(twz_dict_put(0, dict, key, key_of(i, key), ((struct value){n, n * 3, i})));
		if (n % 2)
			(void)twz_dict_remove(0, dict, key, key_of(j, key));
		if (n % 60 == 59)
			MUST(twz_dict_clear(0, dict));
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	return arg;
}

static void is_right(const uint8_t *found, uint32_t length, const struct value *v)
{
	char key[32];

	assert_true(v->thrice == v->n * 3 && v->key <= KEYS);
	if (v->key == KEYS)
		return;
	assert_int_equal(length, key_of(v->key, key));
	assert_memory_equal(found, key, length);
}

static void look_both_ways(void)
{
	struct value v = {0};
	struct twz_dict_cursor c;

	twz_dict_each(dict, &c, &v) is_right(c.key, c.length, &v);
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
	for ((void)twz_dict_last(dict, &c, &v); !c.error; (void)twz_dict_prev(dict, &c, &v))
		is_right(c.key, c.length, &v);
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
}

static void look_at_the_pair(void)
{
	struct value a = {0}, b = {0};
	uint64_t version;
	int first, second;

	do {
		version = twz_read_begin(dict);
		first = twz_dict_get(dict, "pair 1", 6, &a);
		second = twz_dict_get(dict, "pair 1, the second", 18, &b);
	} while (twz_read_again(dict, version));
	assert_int_equal(first, second);
	if (!first)
		assert_int_equal(a.n, b.n);
}

static void *look(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		look_both_ways();
		look_at_the_pair();
	}
	return arg;
}

static void readers_beside_a_writer(void **state)
{
	const struct twz_new new = {.heap = true};
	pthread_t thread[READERS + 1];
	uint64_t where, owned, used;
	struct twz_obj obj;
	void *block;

	(void)state;
	MUST(twz_obj_new(&new, &obj));
	MUST(heap_alloc(NULL, sizeof(*dict), twz_heap_root(&obj), &block));
	dict = block;
	memset(block, 0, sizeof(*dict));
	for (unsigned i = 0; i <= READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, i ? look : change, NULL), 0);
	for (unsigned i = 0; i <= READERS; i++)
		pthread_join(thread[i], NULL);
	MUST(twz_dict_check(dict, &where, &owned));
	MUST(heap_used(obj.base, &used));
	assert_int_equal(owned + sizeof(struct twz_block_head) + heap_size(block), used);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {home_test(readers_beside_a_writer)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
