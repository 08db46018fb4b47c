/*
 * started.c - threads as the runtime starts them for a program (abi/rt.h): stacks, statuses, signals.
 */
#include "rt/minimal/program.h"
#include "tests/guest/bare.h"

#define MS 1000000ull

static uint32_t arrived, gate, never;

static uint32_t value_of(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static struct twz_id start(int (*run)(void *), void *arg)
{
	struct twz_id id = {0};

	CHECK_EQ(twz_rt_thread_start(run, arg, "started", &id), 0);
	return id;
}

static int wait_for(struct twz_id id)
{
	int status = -1;

	CHECK_EQ(twz_rt_thread_wait(id, BARE_PATIENCE_NS, &status), 0);
	return status;
}

static int returns(void *arg)
{
	return (int)(uintptr_t)arg;
}

static int waits(void *arg)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	while (!value_of(&gate))
		twz_rt_wait(&gate, 0, ~0ull);
	return (int)(uintptr_t)arg;
}

static void open_gate(void)
{
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&gate, ~0u);
}

TEST(what_a_thread_returns_is_its_status)
{
	struct twz_id id = start(returns, (void *)7);
	int status;

	CHECK(!strcmp(bare_look(id).name, "started"));
	CHECK_EQ(wait_for(id), 7);
	CHECK(!bare_exists(id));
	CHECK_EQ(twz_rt_thread_wait(id, 0, &status), TWZ_E_NOTFOUND);
}

TEST(waiting_ends_when_the_time_is_over)
{
	struct twz_id id, object = test_object(TWZ_OBJECT_VOLATILE);
	struct twz_sys_info info;
	int status = 99;

	gate = 0;
	id = start(waits, (void *)3);
	CHECK_EQ(twz_rt_thread_wait(id, 0, &status), TWZ_E_TIMEOUT);
	CHECK_EQ(twz_rt_thread_wait(id, 5 * MS, &status), TWZ_E_TIMEOUT);
	CHECK_EQ(status, 99);
	open_gate();
	CHECK_EQ(wait_for(id), 3);
	SYS(info, &info);
	CHECK_EQ(twz_rt_thread_wait(info.thread, 0, &status), TWZ_E_BUSY);
	CHECK_EQ(twz_rt_thread_wait(object, 0, &status), TWZ_E_TYPE);
	test_delete(object);
}

TEST(as_many_threads_as_may_be_at_once)
{
	static struct twz_id id[TWZ_THREADS];
	uint64_t threads = bare_usage().threads;
	struct twz_id more;

	arrived = gate = 0;
	for (unsigned i = 0; i < TWZ_THREADS; i++)
		id[i] = start(waits, (void *)(uintptr_t)i);
	CHECK_EQ(twz_rt_thread_start(waits, NULL, "", &more), TWZ_E_LIMIT);
	bare_reaches(&arrived, TWZ_THREADS);
	open_gate();
	for (unsigned i = 0; i < TWZ_THREADS; i++)
		CHECK_EQ(wait_for(id[i]), i);
	bare_threads_are(threads);
}

/* Most of its stack, which it has not used yet, and whether anything is found there. */
static int fills(void *arg)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	for (unsigned i = 1; i < 128; i++) {
		volatile uint8_t *byte = (volatile uint8_t *)(here - i * TWZ_PAGE);

		*(uint8_t *)arg |= *byte;
		*byte = 1;
	}
	return 0;
}

TEST(a_stack_is_given_back_with_all_its_pages)
{
	uint64_t frames = 0;
	uint8_t found = 0;

	for (unsigned i = 0; i < 10; i++) {
		if (i == 2)
			frames = bare_usage().frames_used;
		CHECK_EQ(wait_for(start(fills, &found)), 0);
	}
	CHECK_EQ(found, 0); /* nothing of the one before */
	CHECK(bare_usage().frames_used <= frames + 8);
}

static int faults(void *arg)
{
	struct twz_fault fault;

	(void)arg;
	fault = test_load((void *)TWZ_PAGE);
	CHECK_EQ(fault.address, TWZ_PAGE);
	fault = test_load(test_address(TEST_SLOT + 7) + TWZ_OBJ_DATA);
	return (int)fault.kind;
}

TEST(faults_of_started_threads_are_handled)
{
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(wait_for(start(faults, NULL)), TWZ_FAULT_OBJECT);
}

TEST(a_started_thread_is_ended_by_others)
{
	struct twz_id id;

	arrived = gate = 0;
	id = start(waits, NULL);
	bare_reaches(&arrived, 1);
	CHECK_EQ(twz_rt_thread_suspend(id, true), 0);
	open_gate();
	CHECK_EQ(twz_rt_thread_wait(id, 5 * MS, &(int){0}), TWZ_E_TIMEOUT);
	CHECK_EQ(twz_rt_thread_end(id, 77), 0);
	CHECK_EQ(wait_for(id), 77);
	CHECK_EQ(twz_rt_thread_end(id, 77), TWZ_E_NOTFOUND);
}

/* ---- signals --------------------------------------------------------------------------------------- */

static uint32_t signals, last;
static uint64_t where;

static void on_signal(uint32_t number, void *arg)
{
	__atomic_store_n((uint32_t *)arg, number, __ATOMIC_RELEASE);
	where = SYS(self, 0);
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELEASE);
}

static int waits_once(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	CHECK_EQ(twz_rt_wait(&never, 0, ~0ull), 0); /* for no reason: it looks again */
	return (int)value_of(&last);
}

TEST(signals_come_to_the_handler_in_the_thread_that_they_are_sent_to)
{
	struct twz_id id;
	uint32_t number;

	CHECK_EQ(twz_rt_on_signal(on_signal, &last), 0);
	for (uint32_t n = 1; n < TWZ_SIGNALS; n += 31) {
		arrived = signals = 0;
		id = start(waits_once, NULL);
		bare_reaches(&arrived, 1);
		number = bare_look(id).number;
		while (bare_look(id).state != TWZ_THREAD_SLEEPS)
			test_sleep(MS);
		CHECK_EQ(twz_rt_thread_signal(id, n), 0);
		CHECK_EQ(wait_for(id), n);
		CHECK_EQ(signals, 1);
		CHECK_EQ(where, number);
	}
	CHECK_EQ(twz_rt_on_signal(NULL, NULL), 0);
}

/* Vector registers are the thread's own again after a signal. */
static int carries(void *arg)
{
	uint64_t a[2] = {0x1122334455667788, 0x99aabbccddeeff00}, b[2];

	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	while (!value_of(&gate)) {
		__asm__ volatile("movdqu %1, %%xmm7\n\t"
				 "mov $20000, %%ecx\n\t"
				 "1: dec %%ecx\n\t"
				 "jnz 1b\n\t"
				 "movdqu %%xmm7, %0"
				 : "=m"(b)
				 : "m"(a)
				 : "xmm7", "rcx", "cc");
		if (a[0] != b[0] || a[1] != b[1])
			return 1;
	}
	(void)arg;
	return 0;
}

static void spoils(uint32_t number, void *arg)
{
	(void)number, (void)arg;
	__asm__ volatile("pcmpeqd %%xmm7, %%xmm7" : : : "xmm7");
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELEASE);
}

TEST(a_signal_leaves_registers_as_they_were)
{
	struct twz_id id;

	arrived = gate = signals = 0;
	CHECK_EQ(twz_rt_on_signal(spoils, NULL), 0);
	id = start(carries, NULL);
	bare_reaches(&arrived, 1);
	for (uint32_t i = 1; i <= 200; i++) {
		CHECK_EQ(twz_rt_thread_signal(id, 5), 0);
		bare_reaches(&signals, i);
	}
	open_gate();
	CHECK_EQ(wait_for(id), 0);
	CHECK_EQ(twz_rt_on_signal(NULL, NULL), 0);
}

/* ---- programs -------------------------------------------------------------------------------------- */

/* The first thread of a program that ends in this way; how its object says that it ended. */
static struct twz_thread ended(const char *how, uint32_t signal)
{
	const char *argv[] = {"runtime", "end", how, NULL};
	const struct twz_rt_program what = {.argv = argv};
	const struct twz_boot_entry *entry = program_find(argv[0]);
	struct twz_thread seen = {0};
	struct twz_id id;

	if (!CHECK(entry) || !CHECK_EQ(program_start(entry, &what, &id), 0))
		return seen;
	while (signal && bare_look(id).state != TWZ_THREAD_SLEEPS)
		test_sleep(MS);
	if (signal)
		CHECK_EQ(twz_rt_thread_signal(id, signal), 0);
	bare_await(id);
	seen = bare_look(id);
	test_delete(id);
	return seen;
}

TEST(a_program_says_how_it_ended)
{
	struct twz_thread seen = ended("7", 0);

	CHECK_EQ(seen.status, 7);
	CHECK_EQ(seen.end, TWZ_END_EXIT);
	seen = ended("text", 0);
	CHECK_EQ(seen.status, 139);
	CHECK_EQ(seen.end, TWZ_END_FAULT);
	CHECK_EQ(seen.kind, TWZ_FAULT_RIGHT);
	seen = ended("divide", 0);
	CHECK_EQ(seen.end, TWZ_END_FAULT);
	CHECK_EQ(seen.kind, TWZ_FAULT_EXCEPTION);
	seen = ended("wait", 12);
	CHECK_EQ(seen.status, 128 + 12);
	CHECK_EQ(seen.end, TWZ_END_FAULT);
	CHECK_EQ(seen.kind, TWZ_FAULT_SIGNAL + 12);
	seen = ended("overflow of a thread", 0);
	CHECK_EQ(seen.status, 139);
	CHECK_EQ(seen.kind, TWZ_FAULT_RIGHT);
}
