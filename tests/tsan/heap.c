/*
 * heap.c - threads that allocate and free, under ThreadSanitizer: in one object, which another one
 * trims meanwhile, and in objects of their own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define THREADS 3
#define ROUNDS 200
#define SLOTS 40

/* The root block: for each thread the blocks that are its. */
struct table {
	uint64_t owner[THREADS][SLOTS];
};

static struct twz_obj shared, own[THREADS];
static pthread_barrier_t barrier;
static uint32_t working;

static unsigned choose(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % below;
}

static struct table *table_of(const struct twz_obj *obj)
{
	return twz_ptr_get(twz_heap_root(obj));
}

/* A block's content says whose it is, and that nobody else had it. */
static void fill(uint64_t *block, uint64_t words, uint64_t value)
{
	block[0] = words;
	for (uint64_t i = 1; i < words; i++)
		block[i] = value + i;
}

static void expect(const struct twz_obj *obj, uint64_t payload, uint64_t value)
{
	const uint64_t *block = (const uint64_t *)(obj->base + payload);

	assert_in_range(block[0], 2, heap_size(block) / 8);
	assert_int_equal(block[1], value + 1);
	assert_int_equal(block[block[0] - 1], value + block[0] - 1);
}

static void work(const struct twz_obj *obj, unsigned n)
{
	unsigned seed = n + 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned slot = choose(&seed, SLOTS);
		uint64_t *owner = &table_of(obj)->owner[n][slot], value = n * 1000000ull + slot;
		uint64_t words = 2 + choose(&seed, choose(&seed, 8) ? 40 : 25000);
		void *block = NULL;
		struct twz_tx tx;

		if (*owner) {
			expect(obj, *owner, value);
			MUST(heap_free(NULL, owner));
			continue;
		}
		/* Given up now and then: then it is nobody's. */
		twz_tx_begin(&tx);
		MUST(heap_alloc(&tx, 8 * words, owner, &block));
		fill(block, words, value);
		twz_tx_fresh(&tx, block, 8 * words);
		if (choose(&seed, 5))
			MUST(twz_tx_commit(&tx));
		else
			twz_tx_abort(&tx);
	}
}

/* All that is used is somebody's, and what it was. */
static void is_sound(const struct twz_obj *obj)
{
	const struct table *table = table_of(obj);
	uint64_t reachable = sizeof(struct twz_block_head) + heap_size(table), used, where;

	for (unsigned n = 0; n < THREADS; n++)
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			uint64_t payload = table->owner[n][slot];

			if (!payload)
				continue;
			expect(obj, payload, n * 1000000ull + slot);
			reachable += sizeof(struct twz_block_head) + heap_size(obj->base + payload);
		}
	assert_int_equal(heap_check(obj->base, &where), 0);
	MUST(heap_used(obj->base, &used));
	assert_int_equal(used, reachable);
}

static void *in_one(void *number)
{
	pthread_barrier_wait(&barrier);
	work(&shared, (unsigned)(uintptr_t)number);
	__atomic_fetch_sub(&working, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *in_own(void *number)
{
	unsigned n = (unsigned)(uintptr_t)number;

	pthread_barrier_wait(&barrier);
	work(&own[n], n);
	MUST(twz_heap_trim(&own[n]));
	return NULL;
}

static void together(void *(*run)(void *number), bool trim)
{
	pthread_t thread[THREADS];

	working = THREADS;
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run, (void *)i), 0);
	while (trim && __atomic_load_n(&working, __ATOMIC_ACQUIRE)) {
		MUST(twz_heap_trim(&shared));
		usleep(20000);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void one_heap_is_shared(void **state)
{
	(void)state;
	together(in_one, false);
	is_sound(&shared);
}

static void one_heap_is_trimmed_meanwhile(void **state)
{
	(void)state;
	together(in_one, true);
	is_sound(&shared);
	MUST(twz_heap_trim(&shared));
	is_sound(&shared);
}

static void each_has_its_own(void **state)
{
	(void)state;
	together(in_own, false);
	for (unsigned n = 0; n < THREADS; n++)
		is_sound(&own[n]);
}

static void make(struct twz_obj *obj)
{
	void *block;

	MUST(twz_obj_new(&(struct twz_new){.heap = true}, obj));
	MUST(heap_alloc(NULL, sizeof(struct table), twz_heap_root(obj), &block));
	memset(block, 0, sizeof(struct table));
}

static int setup(void **state)
{
	(void)state;
	home_start(256 << 20);
	make(&shared);
	for (unsigned n = 0; n < THREADS; n++)
		make(&own[n]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(one_heap_is_shared),
		home_test(one_heap_is_trimmed_meanwhile),
		home_test(each_has_its_own),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
