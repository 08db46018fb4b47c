/*
 * gateends.c - how crossings end: stacks that are given back, deadlines, callees that fail, gates that are published
 * anew or deleted while somebody is inside, and what others want of a thread that is.
 */
#include "tests/guest/gate.h"

#define MS 1000000ull
#define PLACE_SLOT TEST_SLOT
#define OTHER_SLOT (TEST_SLOT + GATE_SLOTS)
#define PUBLIC_IN_PLACE (TWZ_GATE_PUBLIC | TWZ_GATE_IN_PLACE)
#define PUBLIC_ABORTABLE (TWZ_GATE_PUBLIC | TWZ_GATE_ABORTABLE)

static struct gate_place place, other;
static struct twz_id caller; /* the callers' context */
static uint32_t inside, leave;

static void set_up(uint32_t flags)
{
	inside = leave = 0;
	gate_place_make(&place, minimal.sys.key, PLACE_SLOT, flags);
	caller = gate_context(minimal.sys.key);
}

static void tear_down(void)
{
	gate_context_end(caller);
	gate_place_end(&place);
}

/* For callees: comes in, and stays until it is let out. */
static int64_t stays(uint64_t result, uint64_t unused)
{
	(void)unused;
	__atomic_add_fetch(&inside, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&leave, __ATOMIC_ACQUIRE))
		bare_wait(&leave, 0, ~0ull);
	return (int64_t)result;
}

static void let_out(void)
{
	__atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
	bare_wake(&leave, ~0u);
}

/* ---- stacks ----------------------------------------------------------------------------------------- */

static int64_t enters_and_stays(void *arg)
{
	return gate_apply(&place, stays, (uint64_t)arg, 0);
}

struct visit {
	struct twz_id context;
	int64_t (*run)(void *arg);
	void *arg;
	int64_t found;
};

static void visit(uint64_t arg)
{
	struct visit *v = (struct visit *)arg;

	v->found = v->run(v->arg);
}

/* In a thread of its own. */
static struct test_thread *begin(struct visit *v, int64_t (*run)(void *arg), uint64_t arg)
{
	*v = (struct visit){.run = run, .arg = (void *)arg};
	return test_thread_as(caller, visit, (uint64_t)v);
}

static int64_t does_not_wait(void *arg)
{
	struct twz_sys_gate gate = gate_to(&place, GATE_ADD);

	(void)arg;
	gate.flags = TWZ_GATE_NOWAIT;
	return gate_call(&gate, 3, 4, 0, 0, 0);
}

static int64_t jumps_and_adds(void *arg)
{
	(void)arg;
	gate_attach(&place);
	return gate_jump(&place, GATE_ADD, 3, 4, 0);
}

static int64_t calls_and_adds(void *arg)
{
	(void)arg;
	return gate_enter(&place, GATE_ADD, 3, 4, 0);
}

static void sleeps_now(const struct test_thread *thread)
{
	bare_becomes(test_thread_id(thread), TWZ_THREAD_SLEEPS);
}

TEST(as_many_are_inside_as_there_are_stacks)
{
	struct test_thread *thread[GATE_STACKS + 2];
	struct visit v[GATE_STACKS + 2];

	set_up(TWZ_GATE_PUBLIC);
	gate_grant(place.context, caller, TWZ_USE);
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), 7);
	for (uint32_t i = 0; i < GATE_STACKS; i++)
		thread[i] = begin(&v[i], enters_and_stays, 100 + i);
	bare_reaches(&inside, GATE_STACKS);
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), TWZ_E_BUSY);
	thread[GATE_STACKS] = begin(&v[GATE_STACKS], calls_and_adds, 0);
	thread[GATE_STACKS + 1] = begin(&v[GATE_STACKS + 1], jumps_and_adds, 0);
	sleeps_now(thread[GATE_STACKS]);
	sleeps_now(thread[GATE_STACKS + 1]);
	let_out();
	for (uint32_t i = 0; i < GATE_STACKS + 2; i++) {
		CHECK_EQ(test_join(thread[i]), 0);
		CHECK_EQ(v[i].found, i < GATE_STACKS ? 100 + i : 7);
	}
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), 7);
	tear_down();
}

TEST(who_waits_for_a_stack_can_be_killed)
{
	struct test_thread *thread[GATE_STACKS + 1];
	struct visit v[GATE_STACKS + 1];

	set_up(TWZ_GATE_PUBLIC);
	for (uint32_t i = 0; i < GATE_STACKS; i++)
		thread[i] = begin(&v[i], enters_and_stays, 100 + i);
	bare_reaches(&inside, GATE_STACKS);
	thread[GATE_STACKS] = begin(&v[GATE_STACKS], calls_and_adds, 0);
	sleeps_now(thread[GATE_STACKS]);
	CHECK_EQ(SYS(thread_kill, ID(test_thread_id(thread[GATE_STACKS])), 9), 0);
	CHECK_EQ(test_join(thread[GATE_STACKS]), 9);
	let_out();
	for (uint32_t i = 0; i < GATE_STACKS; i++)
		CHECK_EQ(test_join(thread[i]), 0);
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), 7);
	tear_down();
}

/* More often than there are stacks, without waiting: each was given back. */
static int64_t fails_often(void *arg)
{
	struct twz_sys_gate gate = gate_to(&place, GATE_TRAP);

	(void)arg;
	gate.flags = TWZ_GATE_NOWAIT;
	for (unsigned i = 0; i < 3 * GATE_STACKS; i++)
		CHECK_EQ(gate_call(&gate, 0, 0, 0, 0, 0), TWZ_E_CALLEE);
	return 0;
}

static int64_t spins_inside(void *arg)
{
	return gate_enter(&place, GATE_SPIN, (uint64_t)arg, 0, 0);
}

TEST(a_stack_is_given_back_however_a_callee_ends)
{
	set_up(PUBLIC_ABORTABLE);
	CHECK_EQ(test_run_as(caller, fails_often, NULL), 0);
	for (unsigned i = 0; i < 3 * GATE_STACKS; i++) {
		uint32_t count = 0;
		struct visit v;
		struct test_thread *thread = begin(&v, spins_inside, (uint64_t)&count);

		bare_reaches(&count, 1);
		CHECK_EQ(SYS(thread_kill, ID(test_thread_id(thread)), 9), 0);
		CHECK_EQ(test_join(thread), 9);
	}
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), 7);
	tear_down();
}

/* ---- stacks that are copied meanwhile: who is to store there waits ------------------------------------ */

static struct twz_id copied;
static uint32_t copying;

static void copies_on(uint64_t unused)
{
	const struct twz_sys_copy copy = {.dst = copied,
					  .src = place.stacks,
					  .dst_page = TEST_DATA_PAGE,
					  .src_page = TEST_DATA_PAGE,
					  .pages = (TWZ_SLOT_SIZE - TWZ_OBJ_DATA) / TWZ_PAGE};

	(void)unused;
	while (__atomic_load_n(&copying, __ATOMIC_ACQUIRE))
		CHECK_EQ(SYS(object_copy, &copy, 0), 0);
}

static int64_t crosses_on(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < 300; i++)
		CHECK_EQ(gate_enter(&place, GATE_ADD, i, 1, 0), i + 1);
	return 0;
}

TEST(a_stack_that_is_being_copied_is_waited_for)
{
	struct test_thread *copier;

	set_up(PUBLIC_IN_PLACE);
	copied = test_object(TWZ_OBJECT_VOLATILE);
	for (uint64_t i = 0; i < 600; i++) /* so that a copy takes several steps */
		gate_stack(&place, GATE_STACKS)[(i + 1) * TWZ_PAGE] = 1;
	copying = 1;
	copier = test_thread(copies_on, 0);
	CHECK_EQ(test_run_as(caller, crosses_on, NULL), 0);
	__atomic_store_n(&copying, 0, __ATOMIC_RELEASE);
	test_join(copier);
	test_delete(copied);
	tear_down();
}

/* ---- deadlines -------------------------------------------------------------------------------------- */

static uint32_t spun;

/* On a busy host it takes longer until it has come in at all. */
static int64_t spins_in_time(void *arg)
{
	struct twz_sys_gate gate = gate_to(&place, GATE_SPIN);

	(void)arg;
	gate.timeout_ns = 20 * MS;
	spun = 0;
	for (unsigned i = 0; i < 3 * GATE_STACKS || !spun; i++) {
		const uint64_t began = twz_rt_time_ns();

		CHECK_EQ(gate_call(&gate, (uint64_t)&spun, 0, 0, 0, 0), TWZ_E_TIMEOUT);
		CHECK(twz_rt_time_ns() - began >= gate.timeout_ns);
		gate_is_outside(caller);
		if (!spun && !CHECK((gate.timeout_ns *= 2) < BARE_PATIENCE_NS))
			break;
	}
	CHECK(spun);
	gate = gate_to(&place, GATE_APPLY);
	gate.timeout_ns = 20 * MS;
	CHECK_EQ(gate_call(&gate, (uint64_t)stays, 0, 0, 0, 0), TWZ_E_TIMEOUT);
	gate.timeout_ns = BARE_PATIENCE_NS;
	gate.entry = GATE_ADD;
	CHECK_EQ(gate_call(&gate, 4, 5, 0, 0, 0), 9);
	test_sleep(5 * MS);
	return 0;
}

TEST(a_callee_that_takes_too_long_is_left)
{
	set_up(PUBLIC_ABORTABLE);
	CHECK_EQ(test_run_as(caller, spins_in_time, NULL), 0);
	tear_down();
}

static int64_t has_no_time(void *arg)
{
	struct twz_sys_gate gate = gate_to(&place, GATE_ADD);

	(void)arg;
	gate.timeout_ns = 20 * MS;
	return gate_call(&gate, 0, 0, 0, 0, 0);
}

TEST(a_gate_that_is_not_abortable_has_no_deadline)
{
	set_up(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(caller, has_no_time, NULL), TWZ_E_ARG);
	tear_down();
}

static uint32_t went_on, came_back;

static int64_t sleeps_on(uint64_t ns, uint64_t unused)
{
	(void)unused;
	test_sleep(ns);
	went_on++;
	return 0;
}

static int64_t calls_a_sleeper(uint64_t ns, uint64_t unused)
{
	(void)unused;
	gate_apply(&other, sleeps_on, ns, 0);
	came_back++;
	return 0;
}

static int64_t waits_for_a_sleeper(void *arg)
{
	struct twz_sys_gate gate = gate_to(&place, GATE_APPLY);

	gate.timeout_ns = *(const uint64_t *)arg;
	CHECK_EQ(gate_call(&gate, (uint64_t)calls_a_sleeper, 6 * gate.timeout_ns, 0, 0, 0),
		 TWZ_E_TIMEOUT);
	return 0;
}

/*
 * The inner one, which is not abortable, comes to its end; the outer one does not go on. On a busy host it takes
 * longer to come to the inner one.
 */
TEST(a_deadline_waits_for_what_cannot_be_left)
{
	went_on = came_back = 0;
	set_up(PUBLIC_ABORTABLE);
	gate_place_make(&other, minimal.sys.key, OTHER_SLOT, TWZ_GATE_PUBLIC);
	for (uint64_t ns = 10 * MS; !went_on && ns < BARE_PATIENCE_NS; ns *= 2)
		CHECK_EQ(test_run_as(caller, waits_for_a_sleeper, &ns), 0);
	CHECK_EQ(went_on, 1);
	CHECK_EQ(came_back, 0);
	gate_place_end(&other);
	tear_down();
}

/* ---- faults of callees ------------------------------------------------------------------------------ */

static uint32_t repaired;

/* Behind the ud2, with another result. */
static void repairs(struct twz_upcall *upcall)
{
	const uint64_t here = (uint64_t)&upcall;

	CHECK_EQ(upcall->kind, TWZ_FAULT_EXCEPTION + 6);
	CHECK_EQ(upcall->depth, 1);
	CHECK(here - (uint64_t)gate_stack(&place, 0) < GATE_HANDLER);
	CHECK(twz_id_equal(gate_active(), place.context));
	repaired++;
	upcall->registers.rax = 55;
	upcall->registers.rip += 2;
	SYS(thread_resume, upcall);
}

static int64_t traps(void *arg)
{
	struct twz_fault fault;

	(void)arg;
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(gate_enter(&place, GATE_TRAP, 0, 0, 0), 55);
		fault = test_load(gate_nothing(&place)); /* one's own faults come to oneself */
		CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
	}
	CHECK_EQ(repaired, 3);
	return 0;
}

TEST(a_callee_handles_its_faults)
{
	repaired = 0;
	set_up(TWZ_GATE_PUBLIC);
	place.gate->handler = (uint64_t)repairs;
	gate_publish(&place);
	CHECK_EQ(test_run_as(caller, traps, NULL), 0);
	tear_down();
}

static int64_t exits(uint64_t status, uint64_t all)
{
	SYS(thread_exit, status, all);
	return 1;
}

static int64_t fails(void *arg)
{
	struct twz_fault fault;

	(void)arg;
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(gate_enter(&place, GATE_TRAP, 0, 0, 0), TWZ_E_CALLEE);
		CHECK_EQ(gate_apply(&place, exits, 5, false), TWZ_E_CALLEE);
		CHECK_EQ(gate_apply(&place, exits, 5, true), TWZ_E_CALLEE);
		fault = test_load(gate_nothing(&place));
		CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
		gate_is_outside(caller);
	}
	return 0;
}

TEST(a_callee_that_fails_or_ends_the_thread_fails_the_call_alone)
{
	for (unsigned i = 0; i < 2; i++) {
		set_up(i ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		CHECK_EQ(test_run_as(caller, fails, NULL), 0);
		tear_down();
	}
}

/* ---- what is published or deleted while somebody is inside ------------------------------------------ */

/* Somebody is inside; lets him out after `change`, and looks at what he brings back. */
static void change_inside(void (*change)(void), int64_t after, int64_t result)
{
	struct test_thread *thread;
	struct visit v;

	inside = leave = 0;
	thread = begin(&v, enters_and_stays, 42);
	bare_reaches(&inside, 1);
	change();
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), after);
	let_out();
	CHECK_EQ(test_join(thread), 0);
	CHECK_EQ(v.found, result);
}

static void no_gates(void)
{
	place.header->ngates = 0;
	gate_publish(&place);
}

static void other_stacks(void)
{
	place.header->ngates = 1;
	place.gate->stack_size /= 2;
	gate_publish(&place);
}

static void lose_context(void)
{
	gate_place_lose(&place, &place.context);
}

static void lose_view(void)
{
	gate_place_lose(&place, &place.view);
}

static void lose_stacks(void)
{
	gate_place_lose(&place, &place.stacks);
}

static void lose_code(void)
{
	gate_place_lose(&place, &place.code);
}

TEST(what_is_published_while_somebody_is_inside_counts_for_the_next_one)
{
	set_up(TWZ_GATE_PUBLIC);
	change_inside(no_gates, TWZ_E_NOTFOUND, 42);
	place.header->ngates = 1;
	gate_publish(&place);
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), 7);
	change_inside(other_stacks, TWZ_E_BUSY, 42); /* they lie where he is */
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), 7);
	tear_down();
}

TEST(a_caller_outlives_the_context_that_it_is_in)
{
	for (unsigned i = 0; i < 2; i++) {
		set_up(i ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		change_inside(lose_context, TWZ_E_NOTFOUND, TWZ_E_CALLEE);
		tear_down();
	}
}

TEST(a_callee_goes_on_in_what_is_deleted)
{
	set_up(TWZ_GATE_PUBLIC);
	change_inside(lose_view, TWZ_E_NOTFOUND, 42);
	tear_down();
	set_up(TWZ_GATE_PUBLIC);
	change_inside(lose_stacks, 7, 42); /* as long as somebody has them */
	CHECK_EQ(test_run_as(caller, does_not_wait, NULL), TWZ_E_NOTFOUND);
	tear_down();
	set_up(TWZ_GATE_PUBLIC);
	change_inside(lose_code, TWZ_E_NOTFOUND, 42);
	tear_down();
}

/* ---- what others want ------------------------------------------------------------------------------- */

static int64_t stays_and_says(uint64_t a, uint64_t b)
{
	stays(a, b);
	went_on++;
	return 1;
}

static int64_t enters_and_says(void *arg)
{
	(void)arg;
	gate_apply(&place, stays_and_says, 0, 0);
	__atomic_add_fetch(&came_back, 1, __ATOMIC_RELEASE);
	return 0;
}

static struct test_thread *somebody(struct visit *v, uint32_t flags)
{
	struct test_thread *thread;

	set_up(flags);
	went_on = came_back = 0;
	thread = begin(v, enters_and_says, 0);
	bare_reaches(&inside, 1);
	return thread;
}

TEST(killing_waits_for_the_boundary)
{
	struct visit v;
	struct test_thread *thread = somebody(&v, TWZ_GATE_PUBLIC);
	const struct twz_id id = test_thread_id(thread);

	CHECK_EQ(SYS(thread_kill, ID(id), 9), 0);
	CHECK_EQ(SYS(thread_kill, ID(id), 10), 0); /* too late */
	test_sleep(30 * MS);
	CHECK(bare_look(id).state != TWZ_THREAD_ENDED);
	let_out();
	CHECK_EQ(test_join(thread), 9);
	CHECK_EQ(went_on, 1);
	CHECK_EQ(came_back, 0);
	tear_down();
}

static uint32_t suspended;

static void suspends(uint64_t thread)
{
	const struct twz_id id = *(const struct twz_id *)thread;

	CHECK_EQ(SYS(thread_suspend, ID(id), true), 0);
	__atomic_store_n(&suspended, 1, __ATOMIC_RELEASE);
}

TEST(suspending_waits_for_the_boundary)
{
	struct visit v;
	struct test_thread *thread = somebody(&v, TWZ_GATE_PUBLIC), *by;
	const struct twz_id id = test_thread_id(thread);
	struct twz_registers registers;

	suspended = 0;
	by = test_thread(suspends, (uint64_t)&id);
	CHECK(bare_call_waits(&suspended));
	CHECK(bare_look(id).state != TWZ_THREAD_SUSPENDED);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), TWZ_E_BUSY);
	let_out();
	CHECK_EQ(test_join(by), 0);
	CHECK_EQ(bare_look(id).state, TWZ_THREAD_SUSPENDED);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), 0);
	CHECK_EQ(registers.rip >> TWZ_SLOT_SHIFT, TWZ_SLOT_TEXT);
	CHECK_EQ(went_on, 1);
	CHECK_EQ(came_back, 0);
	CHECK_EQ(SYS(thread_suspend, ID(id), false), 0);
	CHECK_EQ(test_join(thread), 0);
	CHECK_EQ(came_back, 1);
	tear_down();
}

TEST(an_abortable_gate_is_suspended_and_killed_in_at_once)
{
	struct visit v;
	struct test_thread *thread = somebody(&v, PUBLIC_ABORTABLE);
	const struct twz_id id = test_thread_id(thread);
	struct twz_registers registers;

	CHECK_EQ(SYS(thread_suspend, ID(id), true), 0);
	CHECK_EQ(bare_look(id).state, TWZ_THREAD_SUSPENDED);
	CHECK_EQ(SYS(thread_registers, ID(id), &registers), TWZ_E_BUSY);
	let_out();
	test_sleep(20 * MS);
	CHECK_EQ(went_on, 0);
	CHECK_EQ(SYS(thread_suspend, ID(id), false), 0);
	CHECK_EQ(test_join(thread), 0);
	CHECK_EQ(came_back, 1);
	tear_down();
	thread = somebody(&v, PUBLIC_ABORTABLE);
	CHECK_EQ(SYS(thread_kill, ID(test_thread_id(thread)), 9), 0);
	CHECK_EQ(test_join(thread), 9);
	CHECK_EQ(went_on, 0);
	tear_down();
}

static uint32_t signals, went_on_then;
static uint8_t signal_stack[8192] __attribute__((aligned(64)));

static void signalled(struct twz_upcall *upcall)
{
	went_on_then = went_on;
	CHECK_EQ(upcall->kind, TWZ_FAULT_SIGNAL + 5);
	CHECK(twz_id_equal(gate_active(), caller));
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELEASE);
	SYS(thread_resume, upcall);
}

/* Handles a fault of its own after the signal was sent: that ends no crossing. */
static int64_t stays_and_traps(uint64_t a, uint64_t b)
{
	stays(a, b);
	__asm__ volatile("ud2" ::: "rax", "memory");
	CHECK_EQ(signals, 0);
	went_on++;
	return 1;
}

static int64_t is_signalled(void *arg)
{
	(void)arg;
	CHECK_EQ(SYS(thread_handler, signalled, signal_stack + sizeof(signal_stack),
		     sizeof(signal_stack)),
		 0);
	CHECK_EQ(gate_apply(&place, stays_and_traps, 0, 0), 1);
	CHECK_EQ(signals, 1);
	return 0;
}

static void skips(struct twz_upcall *upcall)
{
	upcall->registers.rip += 2;
	SYS(thread_resume, upcall);
}

TEST(a_signal_waits_for_the_boundary)
{
	struct test_thread *thread;
	struct visit v;
	struct twz_id id;

	signals = went_on = 0;
	set_up(PUBLIC_ABORTABLE);
	place.gate->handler = (uint64_t)skips;
	gate_publish(&place);
	thread = begin(&v, is_signalled, 0);
	id = test_thread_id(thread);
	bare_reaches(&inside, 1);
	CHECK_EQ(SYS(thread_signal, ID(id), 5), 0);
	test_sleep(20 * MS);
	CHECK_EQ(signals, 0);
	CHECK_EQ(bare_look(id).signals, 1u << 5);
	let_out();
	CHECK_EQ(test_join(thread), 0);
	CHECK_EQ(signals, 1);
	CHECK_EQ(went_on_then, 1);
	tear_down();
}
