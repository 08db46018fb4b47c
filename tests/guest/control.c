/*
 * control.c - what one thread does to another: suspends it, reads its registers, signals it, sets its
 * priority; and what it then says of itself.
 */
#include "tests/guest/bare.h"

#define THREADS 8u
#define STACK_BYTES 8192u
#define MS 1000000ull
#define STATE(name) TWZ_THREAD_##name

static uint8_t stacks[THREADS][STACK_BYTES] __attribute__((aligned(64)));
static uint8_t handler_stacks[THREADS][STACK_BYTES] __attribute__((aligned(64)));
static uint32_t arrived, gate, spun, never;

static struct twz_id start(void (*run)(uint64_t), unsigned stack, uint64_t arg)
{
	return bare_thread(run, stacks[stack + 1], arg, TWZ_THREAD_SAME);
}

static void arrive(void)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
}

static uint32_t value_of(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void sleeps(uint64_t unused)
{
	(void)unused;
	arrive();
	for (;;)
		bare_wait(&never, 0, ~0ull);
}

static void spins(uint64_t unused)
{
	(void)unused;
	arrive();
	for (;;)
		__atomic_add_fetch(&spun, 1, __ATOMIC_RELAXED);
}

/* Started, and as far as it goes. */
static struct twz_id begin(void (*run)(uint64_t), uint64_t arg)
{
	struct twz_id id;

	arrived = gate = 0;
	id = start(run, 0, arg);
	bare_reaches(&arrived, 1);
	return id;
}

static void suspend(struct twz_id id)
{
	CHECK_EQ(SYS(thread_suspend, ID(id), true), 0);
}

static void go_on(struct twz_id id)
{
	CHECK_EQ(SYS(thread_suspend, ID(id), false), 0);
}

static uint32_t state_of(struct twz_id id)
{
	return bare_look(id).state;
}

/* ---- suspending ------------------------------------------------------------------------------------ */

static void stands_still(const uint32_t *word)
{
	const uint32_t before = value_of(word);

	for (unsigned i = 0; i < 2000; i++)
		__builtin_ia32_pause();
	CHECK_EQ(value_of(word), before);
}

TEST(a_suspended_thread_does_not_run_when_the_call_returns)
{
	struct twz_id id = begin(spins, 0);

	for (unsigned i = 0; i < 200; i++) {
		const uint32_t before = value_of(&spun);

		suspend(id);
		stands_still(&spun);
		CHECK_EQ(state_of(id), STATE(SUSPENDED));
		go_on(id);
		bare_reaches(&spun, before + 1);
	}
	test_delete(id);
}

TEST(a_suspended_sleeper_is_woken_and_runs_when_it_goes_on)
{
	struct twz_id id;

	for (unsigned i = 0; i < 50; i++) {
		id = begin(sleeps, 0);
		bare_becomes(id, STATE(SLEEPS));
		suspend(id);
		CHECK_EQ(state_of(id), STATE(SUSPENDED));
		go_on(id);
		CHECK_EQ(state_of(id), STATE(SLEEPS)); /* it was not woken */
		test_delete(id);
	}
}

static int64_t slept;

static void sleeps_for(uint64_t timeout_ns)
{
	arrive();
	slept = bare_wait(&gate, 0, timeout_ns);
	arrive();
	bare_end(0);
}

TEST(a_suspended_sleeper_that_is_woken_does_not_run)
{
	struct twz_id id = begin(sleeps_for, ~0ull);

	bare_becomes(id, STATE(SLEEPS));
	suspend(id);
	CHECK_EQ(bare_wake(&gate, 1), 1);
	test_sleep(30 * MS);
	CHECK_EQ(value_of(&arrived), 1);
	CHECK_EQ(state_of(id), STATE(SUSPENDED));
	go_on(id);
	CHECK_EQ(bare_join(id), 0);
	CHECK_EQ(slept, 0);
}

/* Suspended before its time is over: it sleeps for longer on a host that is busy. */
static struct twz_id suspended_asleep(uint64_t *timeout_ns)
{
	for (*timeout_ns = 20 * MS;; *timeout_ns *= 2) {
		const uint64_t end = twz_rt_time_ns() + *timeout_ns;
		struct twz_id id = begin(sleeps_for, *timeout_ns);

		while (state_of(id) != STATE(SLEEPS) && twz_rt_time_ns() < end)
			test_sleep(MS);
		SYS(thread_suspend, ID(id), true);
		if (twz_rt_time_ns() < end || !CHECK(*timeout_ns < BARE_PATIENCE_NS))
			return id;
		test_delete(id);
	}
}

TEST(the_time_of_a_suspended_sleeper_runs_out)
{
	uint64_t timeout_ns;
	struct twz_id id = suspended_asleep(&timeout_ns);

	CHECK_EQ(state_of(id), STATE(SUSPENDED));
	test_sleep(3 * timeout_ns);
	CHECK_EQ(value_of(&arrived), 1);
	gate = 1;
	CHECK_EQ(bare_wake(&gate, 1), 0); /* it does not sleep there any more */
	go_on(id);
	CHECK_EQ(bare_join(id), 0);
	CHECK_EQ(slept, TWZ_E_TIMEOUT);
}

static struct twz_id self(void)
{
	struct twz_sys_info info;

	CHECK_EQ(SYS(info, &info), 0);
	return info.thread;
}

static void suspends_itself(uint64_t unused)
{
	const struct twz_id own = self();

	(void)unused;
	arrive();
	suspend(own);
	arrive();
	bare_end(5);
}

TEST(a_thread_suspends_itself)
{
	struct twz_id id = begin(suspends_itself, 0);
	struct twz_registers registers;

	bare_becomes(id, STATE(SUSPENDED));
	test_sleep(20 * MS);
	CHECK_EQ(value_of(&arrived), 1);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), 0);
	CHECK_EQ(registers.rax, 0); /* what its call gives */
	go_on(id);
	CHECK_EQ(bare_join(id), 5);
	CHECK_EQ(arrived, 2);
}

/* Suspending is not counted: twice is as once. Nor is going on. */
TEST(suspending_twice_is_as_once)
{
	struct twz_id id = begin(spins, 0);
	uint32_t before;

	go_on(id);
	suspend(id);
	suspend(id);
	before = value_of(&spun);
	go_on(id);
	bare_reaches(&spun, before + 1);
	go_on(id);
	suspend(id);
	stands_still(&spun);
	test_delete(id);
}

TEST(a_suspended_thread_is_killed_or_deleted)
{
	uint64_t threads = bare_usage().threads;
	void (*const run[])(uint64_t) = {sleeps, spins};

	for (unsigned i = 0; i < 2; i++) {
		struct twz_id id = begin(run[i], 0);

		suspend(id);
		CHECK_EQ(SYS(thread_kill, ID(id), 3), 0);
		CHECK_EQ(bare_look(id).end, TWZ_END_KILL);
		CHECK_EQ(bare_join(id), 3);
		id = begin(run[i], 0);
		suspend(id);
		test_delete(id);
		CHECK(!bare_exists(id));
	}
	CHECK_EQ(bare_usage().threads, threads);
}

static void ends(uint64_t status)
{
	bare_end((uint32_t)status);
}

TEST(what_is_done_to_an_ended_thread_is_not_found)
{
	struct twz_id id = start(ends, 0, 0), object = test_object(TWZ_OBJECT_VOLATILE);
	struct twz_registers registers;

	bare_await(id);
	CHECK_EQ(SYS(thread_suspend, ID(id), true), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(thread_suspend, ID(id), false), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(thread_signal, ID(id), 1), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(thread_priority, ID(id), TWZ_PRIORITY_LOW), TWZ_E_NOTFOUND);
	test_delete(id);
	CHECK_EQ(SYS(thread_suspend, ID(object), true), TWZ_E_TYPE);
	CHECK_EQ(SYS(thread_registers, ID(object), &registers), TWZ_E_TYPE);
	CHECK_EQ(SYS(thread_signal, ID(object), 1), TWZ_E_TYPE);
	CHECK_EQ(SYS(thread_priority, ID(object), TWZ_PRIORITY_LOW), TWZ_E_TYPE);
	test_delete(object);
}

/* Its child is suspended, and ends with it all the same. */
static void parent(uint64_t unused)
{
	struct twz_id child = start(sleeps, 1, 0);

	(void)unused;
	bare_reaches(&arrived, 1);
	suspend(child);
	arrive();
	bare_wait(&gate, 0, ~0ull);
	bare_end(0);
}

TEST(a_suspended_thread_ends_with_who_made_it)
{
	uint64_t threads = bare_usage().threads;
	struct twz_id id;

	arrived = gate = 0;
	id = start(parent, 0, 0);
	bare_reaches(&arrived, 2);
	gate = 1;
	bare_wake(&gate, 1);
	CHECK_EQ(bare_join(id), 0);
	bare_threads_are(threads);
}

/* A view that shows this program in the same slots. */
static struct twz_id same_view(void)
{
	struct twz_id id = test_object_of(TWZ_TYPE_VIEW, TEST_PERMS, TWZ_OBJECT_VOLATILE);
	struct twz_sys_copy copy = {.dst = id,
				    .src = minimal.sys.view,
				    .dst_page = TEST_DATA_PAGE,
				    .src_page = TEST_DATA_PAGE,
				    .pages = 1 + VIEW_ENTRIES * sizeof(struct twz_view_slot) /
							 TWZ_PAGE};

	CHECK_EQ(SYS(object_copy, &copy, 0), 0);
	return id;
}

TEST(a_suspended_thread_goes_on_in_a_view_that_was_deleted)
{
	const struct twz_id view = same_view();
	struct twz_sys_thread new = {.view = view,
				     .entry = (uint64_t)spins,
				     .stack = (uint64_t)stacks[1] - 8,
				     .flags = TWZ_THREAD_SAME};
	uint64_t views = bare_usage().views, begun;
	struct twz_id id;
	uint32_t before;

	arrived = 0;
	CHECK_EQ(SYS(thread_new, &new, &id), 0);
	bare_reaches(&arrived, 1);
	suspend(id);
	test_delete(view);
	before = value_of(&spun);
	go_on(id);
	bare_reaches(&spun, before + 1);
	test_delete(id);
	begun = twz_rt_time_ns();
	while (bare_usage().views != views && bare_patient(begun))
		test_sleep(MS);
	CHECK_EQ(bare_usage().views, views);
}

/* ---- in the middle of a call ----------------------------------------------------------------------- */

#define PAGES 3000u
static struct twz_id source, target;
static uint32_t rounds;
static int64_t result;

/* A call that is made in steps, again and again. */
static void copies(uint64_t unused)
{
	(void)unused;
	arrive();
	while (!value_of(&gate)) {
		struct twz_sys_copy copy = {.src = source,
					    .dst = target,
					    .src_page = TEST_DATA_PAGE,
					    .dst_page = TEST_DATA_PAGE,
					    .pages = PAGES};

		result = SYS(object_copy, &copy, 0);
		if (!CHECK_EQ(result, 0))
			break;
		CHECK_EQ(SYS(object_drop, ID(target), TEST_DATA_PAGE, PAGES), 0);
		__atomic_add_fetch(&rounds, 1, __ATOMIC_RELEASE);
	}
	bare_end(0);
}

TEST(a_call_that_is_made_in_steps_goes_on_after_a_suspension)
{
	const struct twz_sys_new new = {.perms = TEST_PERMS,
					.flags = TWZ_OBJECT_VOLATILE,
					.page = TEST_DATA_PAGE,
					.npages = 500};
	struct twz_registers registers;
	uint32_t inside = 0, before;
	struct twz_id id;

	CHECK_EQ(SYS(object_new, &new, &source), 0);
	target = test_object(TWZ_OBJECT_VOLATILE);
	rounds = 0;
	id = begin(copies, 0);
	for (unsigned i = 0; i < 300 && inside < 20; i++) {
		suspend(id);
		CHECK_EQ(SYS(thread_registers, ID(id), &registers), 0);
		inside += registers.rax == TWZ_SYS(object_copy) ||
			  registers.rax == TWZ_SYS(object_drop);
		before = value_of(&rounds);
		stands_still(&rounds);
		go_on(id);
		bare_reaches(&rounds, before + 1);
		for (unsigned n = 0; n < i * 37 % 1000; n++)
			__builtin_ia32_pause();
	}
	CHECK(inside);
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	CHECK_EQ(bare_join(id), 0);
	test_delete(source);
	test_delete(target);
}

/* ---- registers ------------------------------------------------------------------------------------- */

static const uint64_t carried[] = {0x1111, 0x2222, 0x3333, 0x4444};

/* r12 to r15 as in `carried`, for ever. */
static void carries(uint64_t unused)
{
	(void)unused;
	arrive();
	__asm__ volatile("mov 0(%0), %%r12\n\t"
			 "mov 8(%0), %%r13\n\t"
			 "mov 16(%0), %%r14\n\t"
			 "mov 24(%0), %%r15\n\t"
			 "movl $1, %1\n\t"
			 "1: pause\n\t"
			 "jmp 1b"
			 :
			 : "r"(carried), "m"(gate)
			 : "r12", "r13", "r14", "r15", "memory");
}

TEST(registers_of_a_suspended_thread_are_read)
{
	struct twz_id id = begin(carries, 0);
	const uint64_t stack = (uint64_t)stacks[0];
	struct twz_registers registers;

	bare_reaches(&gate, 1);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), TWZ_E_BUSY);
	suspend(id);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), 0);
	CHECK_EQ(registers.r12, carried[0]);
	CHECK_EQ(registers.r13, carried[1]);
	CHECK_EQ(registers.r14, carried[2]);
	CHECK_EQ(registers.r15, carried[3]);
	CHECK(registers.rip - (uint64_t)carries < 256);
	CHECK(registers.rsp - stack <= STACK_BYTES);
	CHECK_EQ(registers.rflags & 0x202, 0x202);
	CHECK_EQ(SYS(thread_registers, ID(id), 8), TWZ_E_OUTSIDE);
	go_on(id);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), TWZ_E_BUSY);
	test_delete(id);
	CHECK_EQ(SYS(thread_registers, ID(self()), &registers), TWZ_E_BUSY);
}

TEST(registers_of_a_sleeper_are_those_of_its_call)
{
	struct twz_id id = begin(sleeps, 0);
	struct twz_registers registers;

	bare_becomes(id, STATE(SLEEPS));
	suspend(id);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), 0);
	CHECK_EQ(registers.rsi, 1); /* one word */
	CHECK_EQ(registers.rdx, ~0ull);
	test_delete(id);
}

/* ---- signals --------------------------------------------------------------------------------------- */

#define SIGNALS_MAX 16u
static uint32_t nsignals;
static struct twz_upcall signals[SIGNALS_MAX];

static void resume(const struct twz_upcall *upcall)
{
	SYS(thread_resume, upcall);
	CHECK(false);
}

static void notes(struct twz_upcall *upcall)
{
	uint32_t n = value_of(&nsignals);

	if (n < SIGNALS_MAX)
		signals[n] = *upcall;
	__atomic_store_n(&nsignals, n + 1, __ATOMIC_RELEASE);
	resume(upcall);
}

static void (*handler)(struct twz_upcall *upcall);

static void handled(void)
{
	CHECK_EQ(SYS(thread_handler, handler, handler_stacks[1], STACK_BYTES), 0);
}

static void sleeps_handled(uint64_t unused)
{
	(void)unused;
	handled();
	arrive();
	for (;;) {
		slept = bare_wait(&gate, 0, ~0ull);
		arrive();
		if (value_of(&gate))
			bare_end(7);
	}
}

static void spins_handled(uint64_t unused)
{
	handled();
	spins(unused);
}

static struct twz_id begin_handled(void (*run)(uint64_t), void (*with)(struct twz_upcall *))
{
	nsignals = 0;
	handler = with;
	return begin(run, 0);
}

static void signal(struct twz_id id, unsigned number)
{
	CHECK_EQ(SYS(thread_signal, ID(id), number), 0);
}

TEST(a_signal_enters_the_handler_of_a_thread_that_runs)
{
	struct twz_id id = begin_handled(spins_handled, notes);
	uint32_t before;

	for (unsigned i = 1; i <= 10; i++) {
		signal(id, i);
		bare_reaches(&nsignals, i);
		CHECK_EQ(signals[i - 1].kind, TWZ_FAULT_SIGNAL + i);
		CHECK_EQ(signals[i - 1].depth, 1);
		CHECK(signals[i - 1].registers.rip - (uint64_t)spins < 256);
		before = value_of(&spun);
		bare_reaches(&spun, before + 1); /* it goes on where it was */
	}
	CHECK_EQ(bare_look(id).signals, 0);
	test_delete(id);
}

TEST(a_signal_ends_a_sleep)
{
	struct twz_id id = begin_handled(sleeps_handled, notes);

	for (unsigned i = 1; i <= 10; i++) {
		bare_becomes(id, STATE(SLEEPS));
		signal(id, 63);
		bare_reaches(&arrived, i + 1);
		CHECK_EQ(value_of(&nsignals), i); /* the handler comes before the call's return */
		CHECK_EQ(slept, TWZ_E_INTERRUPTED);
		CHECK_EQ(signals[i - 1].kind, TWZ_FAULT_SIGNAL + 63);
		CHECK_EQ(signals[i - 1].registers.rax, (uint64_t)TWZ_E_INTERRUPTED);
	}
	gate = 1;
	bare_wake(&gate, 1);
	CHECK_EQ(bare_join(id), 7);
}

TEST(signals_of_a_suspended_thread_wait_once_each_the_lowest_first)
{
	static const uint8_t sent[] = {9, 63, 1, 9, 30, 1, 9}, come[] = {1, 9, 30, 63};
	struct twz_id id = begin_handled(spins_handled, notes);

	suspend(id);
	for (unsigned i = 0; i < sizeof(sent); i++)
		signal(id, sent[i]);
	test_sleep(20 * MS);
	CHECK_EQ(value_of(&nsignals), 0);
	CHECK_EQ(bare_look(id).signals, 1ull << 1 | 1ull << 9 | 1ull << 30 | 1ull << 63);
	go_on(id);
	bare_reaches(&nsignals, sizeof(come));
	test_sleep(5 * MS);
	CHECK_EQ(value_of(&nsignals), sizeof(come));
	for (unsigned i = 0; i < sizeof(come); i++)
		CHECK_EQ(signals[i].kind, TWZ_FAULT_SIGNAL + come[i]);
	test_delete(id);
}

/* Sends itself what comes next: that waits until this one is done. */
static uint32_t inside;

static void nests(struct twz_upcall *upcall)
{
	CHECK_EQ(__atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED), 1);
	if (upcall->kind < TWZ_FAULT_SIGNAL + 5) {
		signal(self(), upcall->kind - TWZ_FAULT_SIGNAL + 1);
		CHECK_EQ(bare_wait(&never, 0, MS), TWZ_E_TIMEOUT); /* nor does it end a sleep */
	}
	__atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
	notes(upcall);
}

TEST(signals_wait_until_the_upcall_is_done)
{
	struct twz_id id = begin_handled(spins_handled, nests);

	signal(id, 1);
	bare_reaches(&nsignals, 5);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(signals[i].kind, TWZ_FAULT_SIGNAL + i + 1);
		CHECK_EQ(signals[i].depth, 1);
	}
	test_delete(id);
}

static void skips(struct twz_upcall *upcall)
{
	if (upcall->kind < TWZ_FAULT_SIGNAL) {
		signal(self(), 2);
		upcall->registers.rip += 2; /* ud2 */
		resume(upcall);
	}
	notes(upcall);
}

static void faults_once(uint64_t unused)
{
	(void)unused;
	handled();
	__asm__ volatile("ud2");
	arrive();
	bare_end(value_of(&nsignals));
}

TEST(signals_wait_until_a_fault_is_handled)
{
	struct twz_id id = begin_handled(faults_once, skips);

	CHECK_EQ(bare_join(id), 1); /* after the fault, and before what follows it */
	CHECK_EQ(signals[0].kind, TWZ_FAULT_SIGNAL + 2);
	CHECK_EQ(signals[0].depth, 1);
}

TEST(without_a_handler_a_signal_ends_the_thread)
{
	void (*const run[])(uint64_t) = {sleeps, spins};

	for (unsigned i = 0; i < 2; i++) {
		struct twz_id id = begin(run[i], 0);
		struct twz_thread seen;

		signal(id, 15);
		CHECK_EQ(bare_await(id), 128 + 15);
		seen = bare_look(id);
		CHECK_EQ(seen.end, TWZ_END_FAULT);
		CHECK_EQ(seen.kind, TWZ_FAULT_SIGNAL + 15);
		test_delete(id);
	}
}

static void handled_nowhere(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(SYS(thread_handler, notes, TWZ_PAGE, 0), 0);
	arrive();
	for (;;)
		bare_wait(&never, 0, ~0ull);
}

TEST(a_signal_that_cannot_be_delivered_ends_the_thread)
{
	struct twz_id id = begin_handled(handled_nowhere, notes);

	signal(id, 4);
	CHECK_EQ(bare_join(id), 128 + 4);
	CHECK_EQ(nsignals, 0);
}

static uint32_t counted;

static void counts(struct twz_upcall *upcall)
{
	__atomic_add_fetch(&counted, 1, __ATOMIC_RELEASE);
	resume(upcall);
}

static void floods(uint64_t to)
{
	const struct twz_id id = *(const struct twz_id *)to;

	for (unsigned i = 0; i < 20000; i++)
		SYS(thread_signal, ID(id), 1 + i % 63);
	bare_end(0);
}

TEST(a_flood_of_signals_is_borne)
{
	struct twz_id id, flood[3];
	uint32_t before;

	counted = 0;
	id = begin_handled(spins_handled, counts);
	before = value_of(&spun);
	for (unsigned i = 0; i < 3; i++)
		flood[i] = start(floods, 2 + i, (uint64_t)&id);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(bare_join(flood[i]), 0);
	while (bare_look(id).signals)
		test_sleep(MS);
	CHECK(value_of(&counted) && value_of(&counted) <= 60000);
	bare_reaches(&spun, before + 1);
	test_delete(id);
}

/* ---- priorities ------------------------------------------------------------------------------------ */

static uint32_t priority_of(struct twz_id id)
{
	return bare_look(id).priority;
}

static void set_priority(struct twz_id id, uint32_t priority)
{
	CHECK_EQ(SYS(thread_priority, ID(id), priority), 0);
	CHECK_EQ(priority_of(id), priority);
}

static struct twz_id child;

static void has_child(uint64_t unused)
{
	(void)unused;
	set_priority(self(), TWZ_PRIORITY_LOW);
	child = start(sleeps, 1, 0);
	sleeps(0);
}

TEST(new_threads_have_the_priority_of_who_makes_them)
{
	struct twz_id id;

	arrived = 0;
	id = start(has_child, 0, 0);
	bare_reaches(&arrived, 2);
	CHECK_EQ(priority_of(self()), TWZ_PRIORITY_NORMAL);
	CHECK_EQ(priority_of(id), TWZ_PRIORITY_LOW);
	CHECK_EQ(priority_of(child), TWZ_PRIORITY_LOW);
	for (uint32_t i = 0; i < TWZ_PRIORITIES; i++)
		set_priority(id, i);
	CHECK_EQ(SYS(thread_priority, ID(id), TWZ_PRIORITIES), TWZ_E_ARG);
	test_delete(id);
}

static void comes_and_goes(uint64_t unused)
{
	(void)unused;
	for (;;) {
		uint32_t seen = value_of(&gate);

		arrive();
		bare_wait(&gate, seen, ~0ull);
	}
}

/*
 * The other processors run what is as high: only this one can be taken. But it is not taken in a turn of ours,
 * which we have where the host was busy for so long: then there are more rounds.
 */
TEST(a_higher_priority_takes_the_processor_at_once)
{
	const uint32_t others = minimal.sys.processors - 1;
	struct twz_id busy[THREADS], id;
	uint32_t at_once = 0;

	id = begin(comes_and_goes, 0);
	set_priority(id, TWZ_PRIORITY_HIGH);
	for (uint32_t i = 0; i < others && i < THREADS - 2; i++) {
		busy[i] = start(spins, 2 + i, 0);
		set_priority(busy[i], TWZ_PRIORITY_HIGH);
	}
	bare_reaches(&arrived, 1 + others);
	for (uint32_t i = 0; i < 20 || (at_once < 10 && i < 400); i++) {
		const uint32_t before = value_of(&arrived);

		bare_becomes(id, STATE(SLEEPS));
		__atomic_add_fetch(&gate, 1, __ATOMIC_RELEASE);
		bare_wake(&gate, 1);
		at_once += value_of(&arrived) == before + 1;
		bare_reaches(&arrived, before + 1);
		test_sleep(MS);
	}
	CHECK(at_once >= 10);
	test_delete(id);
	for (uint32_t i = 0; i < others && i < THREADS - 2; i++)
		test_delete(busy[i]);
}

static uint64_t ran(struct twz_id id)
{
	return bare_look(id).run_cycles;
}

/* Has its turn: each of our sleeps is followed by a choice, and in some of them it was passed over for too long. */
static void is_not_starved(struct twz_id id)
{
	const uint64_t before = ran(id);

	for (unsigned i = 0; ran(id) == before && i < 400; i++)
		test_sleep(10 * MS);
	CHECK(ran(id) > before);
}

/*
 * As many of a higher priority as there are processors, for ever: the lower ones have their turns. A turn takes
 * longer where the host stops its processor meanwhile: so one second is looked at after the other.
 */
TEST(lower_priorities_run_little_but_are_not_starved)
{
	const uint32_t processors = minimal.sys.processors;
	struct twz_id high[THREADS], low, lower;
	bool little;
	uint64_t begin_low, begin_high, begun;

	arrived = 0;
	set_priority(self(), TWZ_PRIORITY_URGENT);
	low = start(spins, 0, 0);
	lower = start(spins, 1, 0);
	set_priority(low, TWZ_PRIORITY_NORMAL);
	set_priority(lower, TWZ_PRIORITY_LOW);
	bare_reaches(&arrived, 2);
	for (uint32_t i = 0; i < processors && i < THREADS - 2; i++) {
		high[i] = start(spins, 2 + i, 0);
		set_priority(high[i], TWZ_PRIORITY_HIGH);
	}
	bare_reaches(&arrived, 2 + processors);
	test_sleep(300 * MS);
	is_not_starved(low);
	is_not_starved(lower);
	begun = twz_rt_time_ns();
	do {
		begin_low = ran(low) + ran(lower);
		begin_high = ran(high[0]);
		test_sleep(BARE_SECOND_NS);
		little = ran(low) + ran(lower) - begin_low < ran(high[0]) - begin_high;
	} while (!little && bare_patient(begun));
	CHECK(little);
	for (uint32_t i = 0; i < processors && i < THREADS - 2; i++)
		test_delete(high[i]);
	test_delete(low);
	test_delete(lower);
	set_priority(self(), TWZ_PRIORITY_NORMAL);
}

/* ---- how they end ---------------------------------------------------------------------------------- */

static void stores_nowhere(uint64_t unused)
{
	(void)unused;
	*(volatile uint8_t *)TWZ_PAGE = 1;
	__builtin_unreachable();
}

static void traps(uint64_t unused)
{
	(void)unused;
	__builtin_trap();
}

TEST(a_thread_says_how_it_ended)
{
	const struct {
		void (*run)(uint64_t);
		uint32_t status, end, kind;
	} known[] = {
		{ends, 9, TWZ_END_EXIT, 0},
		{stores_nowhere, 139, TWZ_END_FAULT, TWZ_FAULT_OBJECT},
		{traps, 139, TWZ_END_FAULT, TWZ_FAULT_EXCEPTION + 6},
	};
	struct twz_thread seen;
	struct twz_id id;

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		id = start(known[i].run, 0, 9);
		CHECK_EQ(bare_await(id), known[i].status);
		seen = bare_look(id);
		CHECK_EQ(seen.end, known[i].end);
		CHECK_EQ(seen.kind, known[i].kind);
		test_delete(id);
	}
	id = begin(sleeps, 0);
	CHECK_EQ(bare_look(id).end, 0);
	CHECK_EQ(SYS(thread_kill, ID(id), 4), 0);
	CHECK_EQ(bare_await(id), 4);
	CHECK_EQ(bare_look(id).end, TWZ_END_KILL);
	test_delete(id);
}
