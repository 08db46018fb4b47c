/*
 * late.c - names are bound anew under threads that follow them, under ThreadSanitizer.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"
#include "tests/home/swap.h"

#define READERS 2

static struct swap s;
static bool stop;

static void *reader(void *arg)
{
	const char *wrong = NULL;

	(void)arg;
	while (!wrong && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		wrong = swap_read(&s);
	/* cmocka's assertions are the first thread's. */
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	return (void *)wrong;
}

static void readers_see_what_is_bound(void **state)
{
	pthread_t thread[READERS];
	void *wrong;

	(void)state;
	MUST(swap_setup(&s));
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, reader, NULL), 0);
	MUST(swap_run(&s, 3));
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(thread[i], &wrong);
		if (wrong)
			fail_msg("a reader saw %s", (const char *)wrong);
	}
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {home_test(readers_see_what_is_bound)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
