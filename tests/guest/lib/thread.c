/* thread.c - threads of tests (test.h). */
#include "tests/guest/test.h"

#define THREADS 32u
#define STACK_BYTES (64u << 10)
#define FAULT_STACK_BYTES (32u << 10)
#define STATE (TWZ_OBJ_DATA + offsetof(struct twz_thread, state))

struct test_thread {
	uint32_t used;
	struct twz_id id;
	void (*run)(uint64_t arg);
	uint64_t arg;
	uint8_t stack[STACK_BYTES] __attribute__((aligned(64)));
	uint8_t fault_stack[FAULT_STACK_BYTES] __attribute__((aligned(64)));
};
static struct test_thread threads[THREADS];

void fault_entry(void); /* rt/minimal/entry.S */

static void start(struct test_thread *thread)
{
	CHECK_EQ(SYS(thread_handler, fault_entry, thread->fault_stack + FAULT_STACK_BYTES,
		     FAULT_STACK_BYTES),
		 0);
	thread->run(thread->arg);
	for (;;)
		SYS(thread_exit, 0, false);
}

static struct test_thread *begin(struct twz_id view, struct twz_id context,
				 void (*run)(uint64_t arg), uint64_t arg)
{
	struct twz_sys_thread new = {.view = view,
				     .context = context,
				     .entry = (uint64_t)start,
				     .flags = TWZ_THREAD_SAME,
				     .name = "test"};
	struct test_thread *thread = threads;

	while (thread < threads + THREADS &&
	       __atomic_exchange_n(&thread->used, 1, __ATOMIC_ACQUIRE))
		thread++;
	if (!CHECK(thread < threads + THREADS))
		twz_rt_exit(1);
	thread->run = run;
	thread->arg = arg;
	new.arg = (uint64_t)thread;
	new.stack =
		(uint64_t)(thread->stack + STACK_BYTES) - sizeof(uint64_t); /* as after a call */
	if (!CHECK_EQ(SYS(thread_new, &new, &thread->id), 0))
		twz_rt_exit(1);
	return thread;
}

struct test_thread *test_thread(void (*run)(uint64_t arg), uint64_t arg)
{
	return begin((struct twz_id){0}, (struct twz_id){0}, run, arg);
}

struct test_thread *test_thread_in(struct twz_id view, void (*run)(uint64_t arg), uint64_t arg)
{
	return begin(view, (struct twz_id){0}, run, arg);
}

struct test_thread *test_thread_as(struct twz_id context, void (*run)(uint64_t arg), uint64_t arg)
{
	return begin((struct twz_id){0}, context, run, arg);
}

struct run {
	int64_t (*run)(void *arg);
	void *arg;
	int64_t found;
};

static void run_it(uint64_t arg)
{
	struct run *r = (struct run *)arg;

	r->found = r->run(r->arg);
}

int64_t test_run_as(struct twz_id context, int64_t (*run)(void *arg), void *arg)
{
	struct run r = {.run = run, .arg = arg, .found = TWZ_E_IO};

	CHECK_EQ(test_join(test_thread_as(context, run_it, (uint64_t)&r)), 0);
	return r.found;
}

void test_program(struct twz_id context, bool on)
{
	static const uint32_t slots[] = {TWZ_SLOT_DATA, TWZ_SLOT_STACK, TWZ_SLOT_VIEW,
					 TWZ_SLOT_SHADOW};

	for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		CHECK_EQ(SYS(right_grant, ID(view_own()->slot[slots[i]].id), ID(context),
			     on ? TWZ_READ | TWZ_WRITE : 0),
			 0);
	CHECK_EQ(SYS(right_grant, ID(minimal.sys.console), ID(context), on ? TWZ_USE : 0), 0);
}

struct twz_id test_thread_id(const struct test_thread *thread)
{
	return thread->id;
}

/* What its object says. */
static struct twz_thread look(struct twz_id id)
{
	struct twz_thread seen;

	memcpy(&seen, window_open(id, TWZ_VIEW_READ), sizeof(seen));
	window_close();
	return seen;
}

uint32_t test_join(struct test_thread *thread)
{
	struct twz_thread seen;

	while (seen = look(thread->id), seen.state != TWZ_THREAD_ENDED) {
		struct twz_sys_sync wait = {
			.id = thread->id, .address = STATE, .value = seen.state};

		SYS(thread_sync, &wait, 1, ~0ull);
	}
	test_delete(thread->id);
	__atomic_store_n(&thread->used, 0, __ATOMIC_RELEASE);
	return seen.status;
}

void test_sleep(uint64_t ns)
{
	static const uint32_t word;

	twz_rt_wait(&word, 0, ns);
}
