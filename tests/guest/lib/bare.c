/* bare.c - threads without a runtime (bare.h). */
#include "tests/guest/bare.h"

_Noreturn void bare_end(uint32_t status)
{
	for (;;)
		SYS(thread_exit, status, false);
}

struct twz_id bare_thread(void (*run)(uint64_t arg), void *stack_end, uint64_t arg, uint32_t flags)
{
	const struct twz_sys_thread new = {.entry = (uint64_t)run,
					   .stack = (uint64_t)stack_end -
						    sizeof(uint64_t), /* as after a call */
					   .arg = arg,
					   .flags = flags,
					   .name = "bare"};
	struct twz_id id = {0};

	CHECK_EQ(SYS(thread_new, &new, &id), 0);
	return id;
}

struct twz_thread bare_look(struct twz_id thread)
{
	struct twz_thread seen;

	if (window_read(thread, 0, &seen, sizeof(seen)))
		memset(&seen, 0, sizeof(seen));
	return seen;
}

bool bare_becomes(struct twz_id thread, enum twz_thread_state state)
{
	const uint64_t end = twz_rt_time_ns() + BARE_PATIENCE_NS;

	while (bare_look(thread).state != state) {
		if (twz_rt_time_ns() > end)
			return CHECK_EQ(bare_look(thread).state, state);
		test_sleep(1000000);
	}
	return true;
}

uint32_t bare_await(struct twz_id thread)
{
	const uint64_t end = twz_rt_time_ns() + BARE_PATIENCE_NS;
	struct twz_thread seen;

	while (seen = bare_look(thread), seen.state && seen.state != TWZ_THREAD_ENDED) {
		const struct twz_sys_sync wait = {
			.id = thread, .address = BARE_STATE, .value = seen.state};

		if (!CHECK(twz_rt_time_ns() < end))
			break;
		SYS(thread_sync, &wait, 1, BARE_PATIENCE_NS);
	}
	CHECK_EQ(seen.state, TWZ_THREAD_ENDED);
	return seen.status;
}

uint32_t bare_join(struct twz_id thread)
{
	uint32_t status = bare_await(thread);

	test_delete(thread);
	return status;
}

int64_t bare_wait(const uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	const struct twz_sys_sync op = {.address = (uint64_t)word, .value = value};

	return SYS(thread_sync, &op, 1, timeout_ns);
}

int64_t bare_wake(const uint32_t *word, uint32_t most)
{
	const struct twz_sys_sync op = {
		.address = (uint64_t)word, .value = most, .op = TWZ_SYNC_WAKE};

	return SYS(thread_sync, &op, 1, 0);
}

bool bare_reaches(const uint32_t *word, uint32_t value)
{
	const uint64_t end = twz_rt_time_ns() + BARE_PATIENCE_NS;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < value) {
		if (twz_rt_time_ns() > end)
			return CHECK_EQ(__atomic_load_n(word, __ATOMIC_ACQUIRE), value);
		test_sleep(1000000);
	}
	return true;
}

struct twz_sys_usage bare_usage(void)
{
	struct twz_sys_usage usage;

	CHECK_EQ(SYS(usage, &usage), 0);
	return usage;
}

bool bare_call_waits(const uint32_t *returned)
{
	const uint64_t begun = twz_rt_time_ns(), first = bare_usage().calls;

	/* Each round is a few calls of ours. */
	for (unsigned rounds = 1; bare_usage().calls - first < 20 * rounds + 100; rounds++) {
		if (__atomic_load_n(returned, __ATOMIC_ACQUIRE) || !CHECK(bare_patient(begun)))
			return false;
		test_sleep(1000000);
	}
	return true;
}

bool bare_threads_are(uint64_t threads)
{
	const uint64_t end = twz_rt_time_ns() + BARE_PATIENCE_NS;

	while (bare_usage().threads != threads) {
		if (twz_rt_time_ns() > end)
			return CHECK_EQ(bare_usage().threads, threads);
		test_sleep(1000000);
	}
	return true;
}

bool bare_exists(struct twz_id id)
{
	struct twz_rt_stat stat;
	int64_t error = SYS(object_stat, ID(id), &stat);

	CHECK(!error || error == TWZ_E_NOTFOUND);
	return !error;
}
