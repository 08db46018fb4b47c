/* sync_test.c - waiting on many words, and for input. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rt/linux/sync.h"
#include "tests/home/home.h"
#include "tests/home/moment.h"

#define MS 1000000ull
#define LONG (60000 * MS)

static uint32_t word[TWZ_RT_WORDS];
static int input[2];

static void words_of(struct twz_rt_word words[TWZ_RT_WORDS])
{
	memset(word, 0, sizeof(word));
	for (unsigned i = 0; i < TWZ_RT_WORDS; i++)
		words[i] = (struct twz_rt_word){.word = &word[i]};
}

static void *change(void *which)
{
	uint32_t *w = which;

	await_main_asleep();
	__atomic_store_n(w, 1, __ATOMIC_RELEASE);
	twz_rt_wake(w, ~0u);
	return NULL;
}

static void *type(void *arg)
{
	(void)arg;
	await_main_asleep();
	assert_int_equal(write(input[1], "x", 1), 1);
	return NULL;
}

static bool input_is_there(void)
{
	struct twz_rt_word until;

	return twz_rt_input(&until) == 1;
}

/* Waits while another thread does it, looking again as often as it must. */
static void wait_while(void *(*run)(void *arg), void *arg, const struct twz_rt_word *words,
		       uint32_t count)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, arg), 0);
	while (run == type ? !input_is_there()
			   : !__atomic_load_n((uint32_t *)arg, __ATOMIC_ACQUIRE))
		MUST(twz_rt_wait_many(words, count, LONG));
	pthread_join(thread, NULL);
}

static void any_of_them_wakes(void **state)
{
	static const unsigned which[] = {0, 1, TWZ_RT_WORDS - 1};
	struct twz_rt_word words[TWZ_RT_WORDS];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		words_of(words);
		assert_int_equal(twz_rt_wait_many(words, TWZ_RT_WORDS, MS / 2), TWZ_E_TIMEOUT);
		assert_int_equal(twz_rt_wait_many(words, TWZ_RT_WORDS, 0), TWZ_E_TIMEOUT);
		wait_while(change, &word[which[i]], words, TWZ_RT_WORDS);
		MUST(twz_rt_wait_many(words, TWZ_RT_WORDS, LONG)); /* one has another value */
	}
	assert_int_equal(twz_rt_wait_many(words, 0, 0), TWZ_E_ARG);
	assert_int_equal(twz_rt_wait_many(words, TWZ_RT_WORDS + 1, 0), TWZ_E_ARG);
}

static void on_linux_before_5_16_too(void **state)
{
	sync_no_waitv = true;
	any_of_them_wakes(state);
	sync_no_waitv = false;
}

static void input_wakes_alone_and_among_words(void **state)
{
	struct twz_rt_word words[TWZ_RT_WORDS];
	int saved = dup(0);
	char c;

	(void)state;
	assert_int_equal(pipe(input), 0);
	dup2(input[0], 0);
	for (uint32_t count = 1; count <= 2; count++) {
		words_of(words);
		assert_int_equal(twz_rt_input(&words[0]), 0);
		assert_int_equal(twz_rt_wait_many(words, count, 5 * MS), TWZ_E_TIMEOUT);
		wait_while(type, NULL, words, count);
		assert_int_equal(read(0, &c, 1), 1);
	}
	wait_while(change, &word[1], words, 2);
	close(input[1]);
	assert_int_equal(twz_rt_input(&words[0]), 1); /* its end */
	dup2(saved, 0);
}

static int setup(void **state)
{
	(void)state;
	home_start(16 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(any_of_them_wakes),
		home_test(on_linux_before_5_16_too),
		home_test(input_wakes_alone_and_among_words),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
