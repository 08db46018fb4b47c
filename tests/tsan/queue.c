/*
 * queue.c - queues and events among threads, under ThreadSanitizer.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/flow.h"
#include "tests/home/home.h"

#define THREADS (FLOW_PRODUCERS + FLOW_CONSUMERS)

static struct flow flow;

static void *produce(void *number)
{
	return (void *)flow_produce(&flow, (uint32_t)(uintptr_t)number);
}

static void *consume(void *number)
{
	return (void *)flow_consume(&flow, (uint32_t)(uintptr_t)number);
}

static void each_message_comes_once_and_in_order(void **state)
{
	pthread_t thread[THREADS];
	const char *wrong;
	void *result;

	(void)state;
	MUST(flow_setup(&flow));
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, i < FLOW_CONSUMERS ? consume : produce,
				       (void *)(i < FLOW_CONSUMERS ? i : i - FLOW_CONSUMERS)),
			0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &result);
		if (result)
			fail_msg("thread %u: %s", i, (const char *)result);
	}
	wrong = flow_check(&flow);
	if (wrong)
		fail_msg("%s", wrong);
	assert_true(flow.waits > 0);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {home_test(each_message_comes_once_and_in_order)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
