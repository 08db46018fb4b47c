/*
 * sync.c - waiting on words and waking, by address and by ID, one and many, in time and too late.
 */
#include "tests/guest/bare.h"

#define SLEEPERS 8u
#define MS 1000000ull

static uint32_t words[TWZ_SYNC_MAX], arrived, woken, order[SLEEPERS];

static void one(uint64_t n)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	CHECK_EQ(bare_wait(&words[0], 0, BARE_PATIENCE_NS), 0);
	order[__atomic_fetch_add(&woken, 1, __ATOMIC_ACQ_REL)] = (uint32_t)n;
}

/* So many sleepers that came one after the other. */
static void lay_down(struct test_thread *thread[], unsigned n)
{
	memset(words, 0, sizeof(words));
	arrived = woken = 0;
	for (unsigned i = 0; i < n; i++) {
		thread[i] = test_thread(one, i);
		bare_reaches(&arrived, i + 1);
		bare_becomes(test_thread_id(thread[i]), TWZ_THREAD_SLEEPS);
	}
}

static void get_up(struct test_thread *thread[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		test_join(thread[i]);
}

TEST(sleepers_are_woken_one_by_one_in_their_order)
{
	struct test_thread *thread[SLEEPERS];

	lay_down(thread, SLEEPERS);
	for (uint32_t i = 0; i < SLEEPERS; i++) {
		CHECK_EQ(bare_wake(&words[0], 1), 1);
		bare_reaches(&woken, i + 1);
		CHECK_EQ(order[i], i);
	}
	CHECK_EQ(bare_wake(&words[0], 1), 0);
	get_up(thread, SLEEPERS);
}

TEST(some_and_all_are_woken)
{
	struct test_thread *thread[SLEEPERS];

	lay_down(thread, SLEEPERS);
	CHECK_EQ(bare_wake(&words[0], 0), 0);
	CHECK_EQ(bare_wake(&words[1], ~0u), 0); /* another word */
	CHECK_EQ(bare_wake(&words[0], 3), 3);
	bare_reaches(&woken, 3);
	CHECK_EQ(bare_wake(&words[0], ~0u), SLEEPERS - 3);
	get_up(thread, SLEEPERS);
	CHECK_EQ(woken, SLEEPERS);
}

/* ---- many words ------------------------------------------------------------------------------------ */

static int64_t wait_on_all(uint32_t count, uint64_t timeout_ns)
{
	struct twz_sys_sync op[TWZ_SYNC_MAX + 1] = {{.op = 0}};

	for (uint32_t i = 0; i < count; i++)
		op[i] = (struct twz_sys_sync){.address = (uint64_t)&words[i % TWZ_SYNC_MAX]};
	return SYS(thread_sync, op, count, timeout_ns);
}

static void many(uint64_t unused)
{
	(void)unused;
	__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
	CHECK_EQ(wait_on_all(TWZ_SYNC_MAX, BARE_PATIENCE_NS), 0);
}

TEST(a_sleeper_on_64_words_is_woken_by_any_of_them)
{
	for (unsigned i = 0; i < TWZ_SYNC_MAX; i += 21) {
		struct test_thread *thread;

		arrived = 0;
		thread = test_thread(many, 0);
		bare_reaches(&arrived, 1);
		while (!bare_wake(&words[i], 1))
			test_sleep(MS);
		test_join(thread);
		for (unsigned j = 0; j < TWZ_SYNC_MAX; j++)
			CHECK_EQ(bare_wake(&words[j], 1),
				 0); /* it sleeps on none of them any more */
	}
}

TEST(any_word_with_another_value_ends_the_wait)
{
	for (unsigned i = 0; i < TWZ_SYNC_MAX; i++) {
		words[i] = 1;
		CHECK_EQ(wait_on_all(TWZ_SYNC_MAX, ~0ull), 0);
		words[i] = 0;
	}
	CHECK_EQ(wait_on_all(TWZ_SYNC_MAX, MS), TWZ_E_TIMEOUT);
}

static void twice(uint64_t unused)
{
	const struct twz_sys_sync op[] = {{.address = (uint64_t)&words[0]},
					  {.address = (uint64_t)&words[1]},
					  {.address = (uint64_t)&words[0]}};

	(void)unused;
	__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
	CHECK_EQ(SYS(thread_sync, op, 3, BARE_PATIENCE_NS), 0);
}

TEST(a_word_that_is_named_twice_counts_as_one_sleeper)
{
	struct test_thread *thread;
	int64_t n;

	arrived = 0;
	thread = test_thread(twice, 0);
	bare_reaches(&arrived, 1);
	while (!(n = bare_wake(&words[0], ~0u)))
		test_sleep(MS);
	CHECK_EQ(n, 1);
	test_join(thread);
}

/* ---- time ------------------------------------------------------------------------------------------ */

TEST(time_limits_are_kept)
{
	uint64_t begin = twz_rt_time_ns();

	CHECK_EQ(bare_wait(&words[0], 0, 0), TWZ_E_TIMEOUT);
	CHECK_EQ(bare_wait(&words[0], 0, 1), TWZ_E_TIMEOUT);
	CHECK_EQ(bare_wait(&words[0], 1, 0), 0);
	begin = twz_rt_time_ns();
	CHECK_EQ(bare_wait(&words[0], 0, 20 * MS), TWZ_E_TIMEOUT);
	CHECK(twz_rt_time_ns() - begin >= 20 * MS);
}

static void nearly_for_ever(uint64_t timeout_ns)
{
	__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
	CHECK_EQ(bare_wait(&words[0], 0, timeout_ns), 0);
	__atomic_store_n(&woken, 1, __ATOMIC_RELEASE);
}

TEST(limits_past_the_end_of_time_are_no_limits)
{
	const uint64_t limits[] = {~0ull, ~0ull - 1, 1ull << 63, 1ull << 62};

	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct test_thread *thread;

		arrived = woken = 0;
		thread = test_thread(nearly_for_ever, limits[i]);
		bare_reaches(&arrived, 1);
		test_sleep(20 * MS);
		CHECK_EQ(woken, 0);
		words[0] = 1; /* or it has not begun to sleep yet */
		bare_wake(&words[0], 1);
		test_join(thread);
		words[0] = 0;
	}
}

static int64_t first_sleep;

static void woken_early(uint64_t limit_ns)
{
	__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
	first_sleep = bare_wait(&words[0], 0, limit_ns);
	/* The limit of the first sleep does not end the second one. */
	CHECK_EQ(bare_wait(&words[1], 0, 3 * limit_ns), TWZ_E_TIMEOUT);
}

/* It has to be woken in time, for which a busy host takes longer. */
TEST(who_is_woken_has_no_time_limit_left)
{
	uint64_t limit_ns = 150 * MS;

	do {
		uint64_t begin = twz_rt_time_ns();
		struct test_thread *thread;

		limit_ns *= 2;
		arrived = 0;
		thread = test_thread(woken_early, limit_ns);
		bare_reaches(&arrived, 1);
		bare_becomes(test_thread_id(thread), TWZ_THREAD_SLEEPS);
		words[0] = 1;
		bare_wake(&words[0], 1);
		test_join(thread);
		CHECK(twz_rt_time_ns() - begin >= 3 * limit_ns);
		words[0] = 0;
	} while (first_sleep && limit_ns < BARE_PATIENCE_NS);
	CHECK_EQ(first_sleep, 0);
}

/* ---- names of words -------------------------------------------------------------------------------- */

static struct twz_id object;

static void by_id(uint64_t unused)
{
	const struct twz_sys_sync op = {.id = object, .address = TWZ_OBJ_DATA};

	(void)unused;
	__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&woken, (uint32_t)SYS(thread_sync, &op, 1, BARE_PATIENCE_NS) + 1,
			 __ATOMIC_RELEASE);
}

/* A sleeper by ID is woken by address, in any mapping; persistent and volatile. */
static void named(uint32_t flags)
{
	object = test_object(flags);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t slot = i == 2 ? TEST_PLACE + 3 : TEST_SLOT + i;
		uint32_t *word = (void *)(test_map(slot, object, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
					  TWZ_OBJ_DATA);
		struct test_thread *thread;

		arrived = woken = 0;
		thread = test_thread(by_id, 0);
		bare_reaches(&arrived, 1);
		while (!bare_wake(word, 1))
			test_sleep(MS);
		test_join(thread);
		CHECK_EQ(woken, 1);
	}
	/* Its end wakes, too. */
	for (unsigned i = 0; i < 3; i++)
		test_unmap(i == 2 ? TEST_PLACE + 3 : TEST_SLOT + i);
	arrived = woken = 0;
	struct test_thread *thread = test_thread(by_id, 0);

	bare_reaches(&arrived, 1);
	bare_becomes(test_thread_id(thread), TWZ_THREAD_SLEEPS);
	test_delete(object);
	test_join(thread);
	CHECK_EQ(woken, 1);
}

TEST(words_are_the_same_by_id_and_by_any_address)
{
	named(TWZ_OBJECT_VOLATILE);
	named(TWZ_OBJECT_ENDING);
}

TEST(waking_and_sleeping_in_one_call)
{
	const struct twz_sys_sync op[] = {
		{.address = (uint64_t)&words[1]},
		{.address = (uint64_t)&words[0], .value = 1, .op = TWZ_SYNC_WAKE}};
	struct test_thread *thread[1];

	lay_down(thread, 1);
	CHECK_EQ(SYS(thread_sync, op, 2, MS), TWZ_E_TIMEOUT); /* the waking was done all the same */
	get_up(thread, 1);
	CHECK_EQ(woken, 1);
}

TEST(a_call_that_cannot_be_is_refused_whole)
{
	struct twz_sys_sync op[2] = {{.address = (uint64_t)&words[0]},
				     {.address = (uint64_t)&words[1] + 2}};

	CHECK_EQ(SYS(thread_sync, op, 0, 0), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_sync, op, TWZ_SYNC_MAX + 1, 0), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_sync, op, 2, ~0ull), TWZ_E_ARG);
	op[1].address = (uint64_t)test_address(TEST_SLOT + 9) + TWZ_OBJ_DATA;
	CHECK_EQ(SYS(thread_sync, op, 2, ~0ull), TWZ_E_OUTSIDE);
	op[1].op = TWZ_SYNC_WAKE;
	CHECK_EQ(SYS(thread_sync, op, 2, ~0ull), TWZ_E_OUTSIDE);
	CHECK_EQ(bare_wake(&words[0], ~0u), 0); /* we are not asleep */
}

/* ---- load ------------------------------------------------------------------------------------------ */

#define INCREMENTS 25000u /* of each of four */
static uint32_t mutex;    /* 0 free, 1 held, 2 held and waited for */
static uint64_t counter;
static uint32_t turn;

static void counts(uint64_t unused)
{
	(void)unused;
	for (unsigned i = 0; i < INCREMENTS; i++) {
		uint32_t seen = 0;

		if (!__atomic_compare_exchange_n(&mutex, &seen, 1, false, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
			while (__atomic_exchange_n(&mutex, 2, __ATOMIC_ACQUIRE))
				CHECK_EQ(bare_wait(&mutex, 2, BARE_PATIENCE_NS), 0);
		counter++;
		if (__atomic_exchange_n(&mutex, 0, __ATOMIC_RELEASE) == 2)
			bare_wake(&mutex, 1);
	}
}

TEST(a_mutex_keeps_a_counter_right)
{
	struct test_thread *thread[4];

	counter = 0;
	for (unsigned i = 0; i < 4; i++)
		thread[i] = test_thread(counts, 0);
	get_up(thread, 4);
	CHECK_EQ(counter, 4 * INCREMENTS);
}

/* Each waits for its turn; a waking that is lost runs into the limit. A slow machine plays less. */
static void plays(uint64_t me)
{
	const uint64_t end = twz_rt_time_ns() + 20 * BARE_SECOND_NS;
	uint32_t now;

	while ((now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) < 20000) {
		if (now % 2 != me) {
			if (!CHECK_EQ(bare_wait(&turn, now, BARE_PATIENCE_NS), 0))
				break;
			continue;
		}
		__atomic_store_n(&turn, twz_rt_time_ns() < end ? now + 1 : 20000 + now,
				 __ATOMIC_RELEASE);
		bare_wake(&turn, 1);
	}
}

TEST(no_waking_is_lost_in_20000_rounds)
{
	struct test_thread *thread[2];

	turn = 0;
	for (unsigned i = 0; i < 2; i++)
		thread[i] = test_thread(plays, i);
	get_up(thread, 2);
	CHECK(turn >= 20000);
}
