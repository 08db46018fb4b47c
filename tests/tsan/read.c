/*
 * read.c - read sections beside transactions, under ThreadSanitizer: what a reader accepts is what
 * one commit left, words, long ranges and ranges that begin anywhere.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define READERS 2
#define ROUNDS 2000
#define BYTES 133 /* from an odd address on */

struct shared {
	uint64_t first;
	uint8_t odd, bytes[BYTES];
	uint64_t far[1000];
	uint64_t last;
};

static struct twz_obj object;
static struct shared *shared;
static pthread_barrier_t barrier;
static uint64_t sections[READERS];
static uint32_t ended;

static bool all_read(void)
{
	for (unsigned i = 0; i < READERS; i++)
		if (!__atomic_load_n(&sections[i], __ATOMIC_RELAXED))
			return false;
	return true;
}

static void *write_it(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	for (uint64_t i = 1; i <= ROUNDS || !all_read(); i++) {
		uint8_t *bytes;
		struct twz_tx tx;

		twz_tx_begin(&tx);
		twz_tx_set(&tx, &shared->first, i);
		bytes = twz_tx_write(&tx, shared->bytes, BYTES);
		memset(bytes, (int)(i & 0xff), BYTES);
		twz_tx_set(&tx, &shared->far[i % 1000], i);
		twz_tx_set(&tx, &shared->last, i);
		if (i % 7)
			MUST(twz_tx_commit(&tx));
		else
			twz_tx_abort(&tx);
	}
	__atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *read_it(void *arg)
{
	uint64_t before = 0, *mine = arg;

	pthread_barrier_wait(&barrier);
	while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) {
		uint64_t version, first, last, far;
		uint8_t bytes[BYTES];

		do {
			version = twz_read_begin(shared);
			first = twz_read_word(&shared->first);
			twz_read_copy(bytes, shared->bytes, BYTES);
			/* Which of them follows from what was read, perhaps half of a commit. */
			far = twz_read_word(&shared->far[first % 1000]);
			last = twz_read_word(&shared->last);
		} while (twz_read_again(shared, version));
		MUST(twz_read_error(version));

		assert_int_equal(first, last);
		assert_int_equal(first, far);
		for (unsigned i = 0; i < BYTES; i++)
			assert_int_equal(bytes[i], first & 0xff);
		assert_true(first >= before);
		assert_true(!first || first % 7);
		before = first;
		__atomic_add_fetch(mine, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void readers_see_whole_commits(void **state)
{
	pthread_t writer, reader[READERS];

	(void)state;
	pthread_barrier_init(&barrier, NULL, READERS + 1);
	assert_int_equal(pthread_create(&writer, NULL, write_it, NULL), 0);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_it, &sections[i]), 0);
	pthread_join(writer, NULL);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(reader[i], NULL);
	printf("%lu and %lu sections beside %d commits\n", sections[0], sections[1], ROUNDS);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	MUST(twz_obj_new(&(struct twz_new){.bytes = sizeof(struct shared)}, &object));
	shared = twz_obj_data(&object);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(readers_see_whole_commits),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
