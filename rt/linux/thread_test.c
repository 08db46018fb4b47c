/* thread_test.c - threads of a hosted program. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/syscall.h"
#include "rt/linux/home.h"
#include "tests/home/home.h"

#define MS 1000000ull

static uint32_t gate;

static int returns(void *arg)
{
	return (int)(uintptr_t)arg;
}

static int waits(void *arg)
{
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		twz_rt_wait(&gate, 0, ~0ull);
	return (int)(uintptr_t)arg;
}

static void open_gate(void)
{
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&gate, ~0u);
}

static struct twz_id start(int (*run)(void *), void *arg)
{
	struct twz_id id;

	assert_int_equal(twz_rt_thread_start(run, arg, "a name longer than the host has", &id), 0);
	return id;
}

static int wait_for(struct twz_id id)
{
	int status = -1;

	assert_int_equal(twz_rt_thread_wait(id, ~0ull, &status), 0);
	return status;
}

static void what_a_thread_returns_is_its_status(void **state)
{
	struct twz_id id = start(returns, (void *)7), next;
	int status;

	(void)state;
	assert_int_equal(wait_for(id), 7);
	assert_int_equal(twz_rt_thread_wait(id, 0, &status), TWZ_E_NOTFOUND);
	next = start(returns, (void *)8); /* in the place of the one before */
	assert_int_equal(twz_rt_thread_wait(id, 0, &status), TWZ_E_NOTFOUND);
	assert_int_equal(wait_for(next), 8);
	assert_int_equal(twz_rt_thread_wait((struct twz_id){0}, 0, &status), TWZ_E_NOTFOUND);
}

static void waiting_ends_when_the_time_is_over(void **state)
{
	struct twz_id id;
	int status = 99;

	(void)state;
	gate = 0;
	id = start(waits, (void *)3);
	assert_int_equal(twz_rt_thread_wait(id, 0, &status), TWZ_E_TIMEOUT);
	assert_int_equal(twz_rt_thread_wait(id, 5 * MS, &status), TWZ_E_TIMEOUT);
	assert_int_equal(status, 99);
	open_gate();
	assert_int_equal(wait_for(id), 3);
}

static void as_many_threads_as_may_be_at_once(void **state)
{
	static struct twz_id id[TWZ_THREADS];
	struct twz_id more;

	(void)state;
	gate = 0;
	for (unsigned i = 0; i < TWZ_THREADS; i++)
		id[i] = start(waits, (void *)(uintptr_t)i);
	assert_int_equal(twz_rt_thread_start(waits, NULL, "", &more), TWZ_E_LIMIT);
	open_gate();
	for (unsigned i = 0; i < TWZ_THREADS; i++)
		assert_int_equal(wait_for(id[i]), i);
	assert_int_equal(wait_for(start(returns, NULL)), 0);
}

/* Objects are there for all threads, and transactions too. */
static struct twz_obj shared;

static int adds(void *arg)
{
	uint64_t *count = twz_obj_data(&shared);

	(void)arg;
	for (unsigned i = 0; i < 200; i++) {
		struct twz_tx tx;
		uint64_t *copy;

		twz_tx_begin(&tx);
		copy = twz_tx_open(&tx, count);
		++*copy;
		MUST(twz_tx_commit(&tx));
	}
	return 0;
}

static void what_hosts_have_other_means_for_is_absent(void **state)
{
	struct twz_registers registers;
	struct twz_id id;

	(void)state;
	gate = 0;
	id = start(waits, NULL);
	assert_int_equal(twz_rt_thread_suspend(id, true), TWZ_E_ABSENT);
	assert_int_equal(twz_rt_thread_registers(id, &registers), TWZ_E_ABSENT);
	assert_int_equal(twz_rt_thread_signal(id, 1), TWZ_E_ABSENT);
	assert_int_equal(twz_rt_thread_priority(id, TWZ_PRIORITY_LOW), TWZ_E_ABSENT);
	assert_int_equal(twz_rt_thread_end(id, 1), TWZ_E_ABSENT);
	assert_int_equal(twz_rt_on_signal(NULL, NULL), TWZ_E_ABSENT);
	open_gate();
	assert_int_equal(wait_for(id), 0);
}

static void threads_share_objects(void **state)
{
	struct twz_id id[4];

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){0}, &shared));
	for (unsigned i = 0; i < 4; i++)
		id[i] = start(adds, NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(wait_for(id[i]), 0);
	assert_int_equal(*(uint64_t *)twz_obj_data(&shared), 800);
}

static int setup(void **state)
{
	(void)state;
	home_start((uint64_t)64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(what_a_thread_returns_is_its_status),
		home_test(waiting_ends_when_the_time_is_over),
		home_test(as_many_threads_as_may_be_at_once),
		home_test(what_hosts_have_other_means_for_is_absent),
		home_test(threads_share_objects),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
