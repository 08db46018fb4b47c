/*
 * map.c - maps read beside a writer, under ThreadSanitizer.
 *
 * Of the keys 0 to KEYS - 1 the even ones are there throughout; a writer gives them new values and
 * adds and removes the odd ones, so that leaves are split and joined all the time. Readers look up and
 * go through in both directions: each even key is found, in order, with a whole value.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define KEYS 200
#define READERS 2
#define ROUNDS 3 /* of the writer: over all keys, up and down */

/* A value that was read in two pieces would show. */
struct wide {
	uint64_t word[6];
};

struct maps {
	twz_map(uint32_t, uint64_t) words;
	twz_map(int32_t, struct wide) wides;
};

static struct twz_obj shared;
static struct maps *maps;
static unsigned running; /* the writer */
static pthread_barrier_t barrier;

static struct wide wide_of(uint64_t value)
{
	struct wide wide = {{0}};

	for (unsigned i = 0; i < 6; i++)
		wide.word[i] = value + i;
	return wide;
}

static uint64_t value_of(uint32_t key, uint32_t round)
{
	return (uint64_t)key << 32 | round << 4;
}

static void *write_all(void *unused)
{
	struct twz_tx tx;

	(void)unused;
	pthread_barrier_wait(&barrier);
	for (uint32_t round = 1; round <= ROUNDS; round++)
		for (uint32_t i = 0; i < 2 * KEYS; i++) {
			uint32_t key = i < KEYS ? i : 2 * KEYS - 1 - i;

			if (key % 2 && i >= KEYS) {
				MUST(twz_map_remove(0, &maps->words, key));
				MUST(twz_map_remove(0, &maps->wides, (int32_t)key));
				continue;
			}
			MUST(twz_map_put(0, &maps->words, key, value_of(key, round)));
			/* Both together every other time. */
			twz_tx_begin(&tx);
			MUST(twz_map_put(&tx, &maps->wides, (int32_t)key,
					 wide_of(value_of(key, round))));
			MUST(twz_map_put(&tx, &maps->words, key, value_of(key, round)));
			MUST(twz_tx_commit(&tx));
		}
	__atomic_store_n(&running, 0, __ATOMIC_RELEASE);
	return NULL;
}

static const char *wide_wrong(uint32_t key, const struct wide *wide)
{
	if (wide->word[0] >> 32 != key)
		return "the value is another key's";
	for (unsigned i = 1; i < 6; i++)
		if (wide->word[i] != wide->word[0] + i)
			return "the value is torn";
	return NULL;
}

/* All entries in one direction: the even keys without a gap. */
static const char *go_through(bool back)
{
	struct twz_map_cursor c;
	struct wide wide = {{0}};
	int32_t key, last = back ? KEYS : -2;
	const char *wrong = NULL;
	int error = back ? twz_map_last(&maps->wides, &c, &key, &wide)
			 : twz_map_first(&maps->wides, &c, &key, &wide);

	while (!error && !wrong) {
		wrong = wide_wrong((uint32_t)key, &wide);
		if (back ? key >= last || (key & 1 ? key + 1 : key + 2) < last
			 : key <= last || (key & 1 ? key - 1 : key - 2) > last)
			return "a cursor misses a key, or goes back";
		if (!(key & 1))
			last = key;
		error = back ? twz_map_prev(&maps->wides, &c, &key, &wide)
			     : twz_map_next(&maps->wides, &c, &key, &wide);
	}
	if (!wrong && (error != TWZ_E_NOTFOUND || last != (back ? 0 : KEYS - 2)))
		return "a cursor does not come to the end";
	return wrong;
}

static const char *look_up(void)
{
	struct wide wide = {{0}};
	uint64_t word = 0;

	for (uint32_t key = 0; key < KEYS; key++) {
		int error = twz_map_get(&maps->words, key, &word);

		if (error ? error != TWZ_E_NOTFOUND || key % 2 == 0 : word >> 32 != key)
			return "a key that is there throughout is not found";
		error = twz_map_get(&maps->wides, (int32_t)key, &wide);
		if (error ? error != TWZ_E_NOTFOUND || key % 2 == 0
			  : wide_wrong(key, &wide) != NULL)
			return "a value in a block is wrong";
	}
	return NULL;
}

static void *read_all(void *number)
{
	const char *wrong = NULL;
	unsigned turn = (unsigned)(uintptr_t)number;

	pthread_barrier_wait(&barrier);
	do
		wrong = ++turn % 3 == 0 ? look_up() : go_through(turn % 3 == 1);
	while (!wrong && __atomic_load_n(&running, __ATOMIC_ACQUIRE));
	return (void *)wrong;
}

static void readers_beside_a_writer(void **state)
{
	pthread_t writer, reader[READERS];
	void *wrong;

	(void)state;
	for (uint32_t key = 0; key < KEYS; key += 2) {
		MUST(twz_map_put(0, &maps->words, key, value_of(key, 0)));
		MUST(twz_map_put(0, &maps->wides, (int32_t)key, wide_of(value_of(key, 0))));
	}
	running = 1;
	pthread_barrier_init(&barrier, NULL, READERS + 1);
	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
	for (uintptr_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_all, (void *)i), 0);
	pthread_join(writer, NULL);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(reader[i], &wrong);
		if (wrong)
			fail_msg("reader %u: %s", i, (const char *)wrong);
	}
	assert_int_equal(twz_map_count(&maps->words), KEYS / 2);
}

static int setup(void **state)
{
	const struct twz_new new = {.ending = true, .heap = true};
	uint64_t *root;
	void *block;

	(void)state;
	home_start(64 << 20);
	MUST(twz_obj_new(&new, &shared));
	root = twz_heap_root(&shared);
	MUST(heap_alloc(NULL, sizeof(*maps), root, &block));
	memset(block, 0, sizeof(*maps));
	maps = block;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {home_test(readers_beside_a_writer)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
