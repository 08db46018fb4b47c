/*
 * gateinside.c - attacks on who is inside of a gate, from outside and from another thread; by the callee on its
 * caller; and ways around: views, contexts, threads, callbacks.
 */
#include "tests/attack/attack.h"

#define MS 1000000ull
#define PUBLIC_IN_PLACE (TWZ_GATE_PUBLIC | TWZ_GATE_IN_PLACE)
#define HERS_SLOT (SERVICE_SLOT + GATE_SLOTS)

static struct service s;
static struct gate_place lies; /* hers */
static uint32_t inside, leave, done;

static void set_up(uint32_t flags)
{
	inside = leave = done = 0;
	service_make(&s, flags);
}

static int64_t stays(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	__atomic_add_fetch(&inside, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&leave, __ATOMIC_ACQUIRE))
		bare_wait(&leave, 0, ~0ull);
	__atomic_add_fetch(&done, 1, __ATOMIC_RELEASE);
	return 0;
}

static void visits(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(gate_apply(&s.place, stays, 0, 0), 0);
}

static struct test_thread *somebody_inside(void)
{
	const uint32_t before = __atomic_load_n(&inside, __ATOMIC_ACQUIRE);
	struct test_thread *thread = test_thread_as(s.hers, visits, 0);

	bare_reaches(&inside, before + 1);
	return thread;
}

static void let_out(void)
{
	__atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
	bare_wake(&leave, ~0u);
}

static int64_t enters(void *arg)
{
	(void)arg;
	return gate_enter(&s.place, GATE_ADD, 1, 2, 0);
}

/* ---- from outside ------------------------------------------------------------------------------------ */

/* What the callee stands on, shown in the same slots; its owner's context. */
static int64_t touches_all(void *arg)
{
	const struct twz_id ids[] = {s.place.stacks, s.place.code, s.place.context, s.secret,
				     s.place.view};

	(void)arg;
	for (unsigned i = 0; i < 5; i++) {
		struct twz_id id = ids[i];

		if (twz_id_none(id))
			continue; /* in place */
		CHECK_EQ(attack_stat(&id), TWZ_E_NOTFOUND);
		CHECK_EQ(attack_touch(id, TWZ_VIEW_READ), TWZ_E_NOTFOUND);
		CHECK_EQ(attack_touch(id, TWZ_VIEW_WRITE), TWZ_E_NOTFOUND);
		CHECK_EQ(attack_touch(id, TWZ_VIEW_EXEC), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(object_drop, ID(id), TEST_DATA_PAGE, 1), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(object_delete, ID(id)), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(right_grant, ID(id), ID(s.hers), TWZ_READ), TWZ_E_NOTFOUND);
	}
	for (uint32_t i = 0; i < GATE_STACKS; i++) {
		CHECK(test_store(gate_stack(&s.place, i) + GATE_STACK - 8).kind);
		CHECK(test_load(gate_stack(&s.place, i) + GATE_STACK - 8).kind);
	}
	CHECK(test_store(service_secret(&s)).kind);
	CHECK_EQ(SYS(context_publish, ID(s.place.context)), TWZ_E_NOTFOUND);
	return 0;
}

TEST(what_a_callee_stands_on_is_touched_from_outside)
{
	struct test_thread *thread;

	for (unsigned i = 0; i < 2; i++) {
		set_up(i ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		thread = somebody_inside();
		CHECK_EQ(test_run_as(s.hers, touches_all, NULL), 0);
		let_out();
		CHECK_EQ(test_join(thread), 0);
		CHECK_EQ(test_run_as(s.hers, touches_all, NULL), 0);
		service_end(&s);
	}
}

static int64_t goes_around(void *arg)
{
	struct twz_sys_thread new = {.context = s.place.context,
				     .entry = gate_address(&s.place, GATE_ADD) + 1,
				     .stack = (uint64_t)gate_stack(&s.place, 0) + 4096,
				     .flags = TWZ_THREAD_SAME};
	struct twz_id id = s.place.context;

	(void)arg;
	CHECK_EQ(SYS(context_switch, ID(id)), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_attach, ID(id), TWZ_ATTACH_ACTIVE), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_detach, ID(s.hers)),
		 TWZ_E_NOTFOUND); /* the other one would be active */
	CHECK_EQ(SYS(view_become, ID(s.place.view)), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(thread_new, &new, &id), TWZ_E_NOTFOUND);
	new.context = (struct twz_id){0};
	new.view = s.place.view;
	CHECK_EQ(SYS(thread_new, &new, &id), TWZ_E_NOTFOUND);
	CHECK(twz_id_equal(gate_active(), s.hers));
	CHECK(test_load(service_secret(&s)).kind);
	return 0;
}

TEST(views_contexts_and_threads_as_a_way_around)
{
	set_up(0);
	CHECK_EQ(service_beside(&s, goes_around, NULL), 0);
	service_end(&s);
}

/* A handler in the middle of the service's code, and registers that are gone on with there. */
static uint32_t count;

static void resumes_there(void *arg)
{
	struct twz_upcall upcall = {.registers = {.rip = (uint64_t)arg, .rdi = (uint64_t)&count}};

	SYS(thread_resume, &upcall);
}

static int64_t resumes(void *arg)
{
	struct twz_fault fault;

	(void)arg;
	test_attempt(&fault, resumes_there, (void *)(gate_address(&s.place, GATE_SPIN) + 1));
	CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
	CHECK_EQ(count, 0);
	return 0;
}

static uint8_t odd_stack[8192] __attribute__((aligned(64)));

static void has_a_handler_there(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(SYS(context_attach, ID(s.hers), TWZ_ATTACH_ACTIVE), 0);
	CHECK_EQ(SYS(thread_handler, gate_address(&s.place, GATE_SPIN) + 1,
		     odd_stack + sizeof(odd_stack), sizeof(odd_stack)),
		 0);
	__asm__ volatile("mov %0, %%rdi; ud2" : : "r"(&count) : "rdi", "memory");
}

TEST(a_handler_in_the_middle_of_the_service)
{
	set_up(0);
	count = 0;
	CHECK_EQ(service_beside(&s, resumes, NULL), 0);
	gate_grant(s.hers, s.place.context, TWZ_USE);
	CHECK_EQ(test_join(test_thread_as(s.place.context, has_a_handler_there, 0)), 139);
	CHECK_EQ(count, 0);
	service_end(&s);
}

/* ---- the return -------------------------------------------------------------------------------------- */

static int64_t jumps_to_the_return(void *arg)
{
	void *const at = (void *)TWZ_GATE_RETURN;

	(void)arg;
	CHECK(test_jump(at).kind);
	CHECK_EQ(gate_enter(&s.place, GATE_ADD, 1, 2, 0), 3);
	CHECK(test_jump(at).kind);
	CHECK(test_jump(at).kind);
	CHECK(test_load(at).kind);
	CHECK_EQ(SYS(gate_return, 1, 2), TWZ_E_NOTFOUND);
	CHECK_EQ(gate_enter(&s.place, GATE_ADD, 1, 2, 0), 3);
	return 0;
}

TEST(a_return_that_nobody_called)
{
	set_up(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, jumps_to_the_return, NULL), 0);
	service_end(&s);
}

/* The callee, or another thread of bob's, puts another address where it returns to: the kernel's record stands. */
static __attribute__((used)) int64_t lands_elsewhere(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	CHECK(twz_id_equal(gate_active(), s.place.context));
	CHECK_EQ(gate_caller().depth, 1);
	SYS(gate_return, 77, 0);
	return 0;
}

static void writes_return(uint64_t address)
{
	uint64_t *top = (uint64_t *)(gate_stack(&s.place, 0) + GATE_STACK) - 1;

	CHECK_EQ(*top, TWZ_GATE_RETURN);
	*top = address -
	       0; /* lands with the stack as after a return: aligned otherwise than after a call */
}

static int64_t visits_and_says(void *arg)
{
	(void)arg;
	return gate_apply(&s.place, stays, 0, 0);
}

static int64_t found;

static void visits_once(uint64_t unused)
{
	(void)unused;
	found = visits_and_says(NULL);
}

/* With the stack as it is after a call, which a return leaves otherwise. */
__asm__(".section .text.lands, \"ax\"\n"
	"lands:\n\t"
	"push $0\n\t"
	"jmp lands_elsewhere\n\t"
	".previous");
void lands(void);

TEST(a_return_address_written_by_another_thread)
{
	struct test_thread *thread;

	set_up(TWZ_GATE_PUBLIC);
	thread = test_thread_as(s.hers, visits_once, 0);
	bare_reaches(&inside, 1);
	writes_return((uint64_t)lands);
	let_out();
	CHECK_EQ(test_join(thread), 0);
	CHECK_EQ(found, 77);
	service_end(&s);
}

/* Jumps with a stack pointer that leads to no return address, or to one where no program is. */
static uint64_t odd_word;

static void jumps_with_stack(void *rsp)
{
	register uint64_t address __asm__("rax") = gate_address(&s.place, GATE_ADD);

	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %1, %%rsp\n\t"
			 "jmp *%%rax\n\t"
			 :
			 : "r"(address), "r"(rsp)
			 : "rbx", "memory");
	__builtin_unreachable();
}

static int64_t jumps_oddly(void *arg)
{
	static const uint64_t rsps[] = {0,
					8,
					TWZ_PAGE,
					1ull << 46,
					(1ull << 47) - 8,
					(1ull << 47) - 4,
					0xffff800000400000,
					0xffffffff80100000,
					~0ull - 7};
	static const uint64_t words[] = {1ull << 47, 0xffffffff80100000, ~0ull};
	struct twz_sys_caller c;
	struct twz_fault fault;

	(void)arg;
	for (unsigned i = 0; i < sizeof(rsps) / sizeof(rsps[0]); i++) {
		test_attempt(&fault, jumps_with_stack, (void *)rsps[i]);
		CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
		CHECK_EQ(SYS(gate_caller, &c), TWZ_E_NOTFOUND);
	}
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		odd_word = words[i];
		test_attempt(&fault, jumps_with_stack, &odd_word);
		CHECK_EQ(fault.kind, TWZ_FAULT_OBJECT);
		CHECK_EQ(SYS(gate_caller, &c), TWZ_E_NOTFOUND);
	}
	CHECK_EQ(gate_jump(&s.place, GATE_ADD, 1, 2, 0), 3);
	return 0;
}

TEST(a_jump_without_a_return_address)
{
	set_up(0);
	CHECK_EQ(service_beside(&s, jumps_oddly, NULL), 0);
	service_end(&s);
}

/* ---- secrets ----------------------------------------------------------------------------------------- */

static struct gate_state given, seen, spoiled, left;
static struct twz_sys_gate trip_gate;

static bool holds(const struct gate_state *state, uint64_t word)
{
	const uint8_t *at = (const uint8_t *)state;

	for (unsigned i = 0; i + 8 <= sizeof(*state); i += 2)
		if (!memcmp(at + i, &word, 8))
			return true;
	return false;
}

/* Of what one side had in general and vector registers, how much does the other see? */
static uint32_t words_of(const struct gate_state *secret, const struct gate_state *state)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < GATE_GENERAL; i++)
		n += i != GATE_RSP && secret->general[i] && holds(state, secret->general[i]);
	for (unsigned i = 0; i < 16; i++) {
		const uint8_t *at[] = {secret->xmm[i], secret->xmm[i] + 8, secret->ymm_high[i],
				       secret->ymm_high[i] + 8};

		for (unsigned n2 = 0; n2 < 4; n2++) {
			uint64_t word;

			memcpy(&word, at[n2], 8);
			n += word && holds(state, word);
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		uint64_t word;

		memcpy(&word, secret->st[i], 8);
		n += holds(state, word);
	}
	return n;
}

static void trip(bool jump, uint32_t entry, struct gate_state *arg)
{
	gate_fill(&given, 20 + entry);
	given.general[GATE_RDI] = (uint64_t)arg;
	trip_gate = gate_to(&s.place, entry);
	given.general[GATE_RAX] = TWZ_SYS(gate_call);
	if (jump)
		gate_trip_to(&given, &left, gate_address(&s.place, entry));
	else {
		given.general[GATE_R9] = (uint64_t)&trip_gate;
		gate_trip(&given, &left);
	}
}

static int64_t looks_for_secrets(void *arg)
{
	const bool jump = arg;

	memset(&seen, 0, sizeof(seen));
	trip(jump, GATE_SHOW, &seen);
	CHECK_EQ(words_of(&given, &seen), jump ? 6 : 5); /* the arguments */
	gate_fill(&spoiled, 21);
	trip(jump, GATE_SPOIL, &spoiled);
	CHECK_EQ(words_of(&spoiled, &left), 2); /* the results */
	CHECK_EQ(left.rflags, given.rflags);
	CHECK_EQ(left.mxcsr, given.mxcsr);
	CHECK_EQ(left.fs, given.fs);
	return 0;
}

TEST(secrets_left_in_registers_flags_and_vector_state_both_ways)
{
	set_up(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, looks_for_secrets, NULL), 0);
	CHECK_EQ(service_beside(&s, looks_for_secrets, &s), 0);
	service_end(&s);
}

/* ---- the caller's from inside -------------------------------------------------------------------------- */

static struct twz_id bobs; /* context of bob's that calls hers */

static int64_t touches_the_caller_s(uint64_t unused, uint64_t as_well)
{
	struct twz_id ids[] = {s.secret, bobs, s.place.stacks};

	(void)unused, (void)as_well;
	CHECK(twz_id_equal(gate_active(), lies.context));
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(attack_stat(&ids[i]), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(context_attach, ID(ids[i]), TWZ_ATTACH_ACTIVE), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(context_switch, ID(ids[i])), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(right_grant, ID(ids[i]), ID(lies.context), TWZ_READ), TWZ_E_NOTFOUND);
		CHECK_EQ(SYS(gate_may, ID(ids[i]), TWZ_READ), i ? TWZ_E_NOTFOUND : 0);
	}
	return 0;
}

static int64_t kind_inside; /* of a touch of it */

static void notes(struct twz_upcall *upcall)
{
	kind_inside = upcall->kind;
	SYS(gate_return, 0, 0);
}

static int64_t loads_secret(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	return (int64_t)*service_secret(&s);
}

static int64_t calls_hers(void *arg)
{
	(void)arg;
	CHECK_EQ(*service_secret(&s), SERVICE_SECRET);
	CHECK_EQ(gate_apply(&lies, touches_the_caller_s, 0, 0), 0);
	CHECK_EQ(gate_apply(&lies, loads_secret, 0, 0), 0);
	CHECK(kind_inside == TWZ_FAULT_OBJECT || kind_inside == TWZ_FAULT_RIGHT);
	CHECK_EQ(*service_secret(&s), SERVICE_SECRET);
	return 0;
}

TEST(what_the_caller_has_is_touched_from_inside)
{
	for (unsigned i = 0; i < 2; i++) {
		set_up(0);
		gate_place_make(&lies, s.mallory.secret.id, HERS_SLOT,
				i ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		lies.gate->handler = (uint64_t)notes;
		gate_publish(&lies);
		if (!i)
			gate_show(&lies, SERVICE_SLOT + GATE_SLOT_FREE, s.secret,
				  TWZ_VIEW_READ | TWZ_VIEW_WRITE);
		bobs = gate_context(s.bob.secret.id);
		gate_grant(s.secret, bobs, TWZ_READ | TWZ_WRITE);
		kind_inside = 0;
		CHECK_EQ(test_run_as(bobs, calls_hers, NULL), 0);
		gate_context_end(bobs);
		gate_place_end(&lies);
		service_end(&s);
	}
}

/* She goes over to the caller's code and stack without a return: it is executed as her. */
static void *back[5];

static int64_t jumps_back(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	__builtin_longjmp(back, 1);
}

static struct twz_sys_info jumped_as;
static struct twz_sys_caller jumped_from;
static struct twz_rt_stat jumped_stat;
static int64_t jumped_found;

/* Where it lands nothing may be put on the stack, on which the caller's frames lie: system calls alone. */
static __attribute__((noinline)) int64_t is_jumped_to(void *arg)
{
	(void)arg;
	if (!__builtin_setjmp(back))
		return gate_apply(&lies, jumps_back, 0, 0);
	SYS(info, &jumped_as);
	SYS(gate_caller, &jumped_from);
	jumped_found = SYS(object_stat, ID(s.secret), &jumped_stat);
	SYS(gate_return, 66, 0);
	return 0;
}

TEST(a_callee_that_jumps_to_its_caller_without_a_return)
{
	set_up(0);
	gate_place_make(&lies, s.mallory.secret.id, HERS_SLOT, TWZ_GATE_PUBLIC);
	bobs = gate_context(s.bob.secret.id);
	gate_grant(s.secret, bobs, TWZ_READ);
	CHECK_EQ(test_run_as(bobs, is_jumped_to, NULL), 66);
	CHECK(twz_id_equal(jumped_as.context, lies.context));
	CHECK_EQ(jumped_from.depth, 1);
	CHECK_EQ(jumped_found, TWZ_E_NOTFOUND);
	gate_context_end(bobs);
	gate_place_end(&lies);
	service_end(&s);
}

/* Called back she never returns: she calls on, until there is an end to it; and all the stacks come back. */
static uint32_t deepest;

static int64_t calls_on(uint64_t unused, uint64_t as_well);

static int64_t calls_back(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	return gate_apply(&lies, calls_on, 0, 0);
}

static int64_t calls_on(uint64_t unused, uint64_t as_well)
{
	int64_t result;

	(void)unused, (void)as_well;
	deepest = gate_caller().depth;
	result = gate_apply(&s.place, calls_back, 0, 0);
	CHECK(result == TWZ_E_LIMIT || result == TWZ_E_CALLEE);
	SYS(thread_exit, 5, false);
	return 0;
}

static int64_t begins(void *arg)
{
	(void)arg;
	return gate_apply(&lies, calls_on, 0, 0);
}

TEST(callbacks_that_never_return)
{
	set_up(TWZ_GATE_PUBLIC);
	gate_place_make(&lies, s.mallory.secret.id, HERS_SLOT, TWZ_GATE_PUBLIC);
	lies.gate->nstacks = s.place.gate->nstacks = TWZ_GATE_DEPTH;
	gate_publish(&lies);
	gate_publish(&s.place);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(test_run_as(s.hers, begins, NULL), TWZ_E_CALLEE);
		CHECK(deepest >= TWZ_GATE_DEPTH - 1);
	}
	CHECK_EQ(test_run_as(s.hers, enters, NULL), 3);
	gate_place_end(&lies);
	service_end(&s);
}

/* ---- by ending, stopping and looping -------------------------------------------------------------------- */

/* As many of hers as there are stacks, ended inside: bob's service is left in order. */
TEST(callers_killed_or_deleted_inside)
{
	struct test_thread *thread[GATE_STACKS];

	for (unsigned round = 0; round < 2; round++) {
		set_up(TWZ_GATE_PUBLIC);
		for (unsigned i = 0; i < GATE_STACKS; i++)
			thread[i] = somebody_inside();
		for (unsigned i = 0; i < GATE_STACKS; i++) {
			const struct twz_id id = test_thread_id(thread[i]);

			CHECK_EQ(round ? SYS(object_delete, ID(id)) : SYS(thread_kill, ID(id), 9),
				 0);
		}
		test_sleep(20 * MS);
		CHECK_EQ(done, 0);
		let_out();
		bare_reaches(&done, GATE_STACKS);
		CHECK_EQ(test_run_as(s.hers, enters, NULL), 3);
		for (unsigned i = 0; i < GATE_STACKS && !round; i++)
			CHECK_EQ(test_join(thread[i]), 9);
		service_end(&s);
	}
}

static uint32_t stopped; /* calls that have returned */

static void suspends(uint64_t thread)
{
	const struct twz_id id = *(const struct twz_id *)thread;

	SYS(thread_suspend, ID(id), true);
	__atomic_add_fetch(&stopped, 1, __ATOMIC_RELEASE);
}

static void stop(const struct test_thread *thread, bool on)
{
	const struct twz_id id = test_thread_id(thread);

	CHECK_EQ(SYS(thread_suspend, ID(id), on), 0);
}

TEST(a_caller_suspended_inside_and_never_resumed)
{
	struct test_thread *thread[GATE_STACKS], *by[GATE_STACKS];
	struct twz_id id[GATE_STACKS];

	stopped = 0;
	set_up(TWZ_GATE_PUBLIC);
	for (unsigned i = 0; i < GATE_STACKS; i++) {
		thread[i] = somebody_inside();
		id[i] = test_thread_id(thread[i]);
		by[i] = test_thread(suspends, (uint64_t)&id[i]);
		CHECK(bare_call_waits(&stopped));
		stop(by[i], true); /* that the call of the next one is heard */
	}
	let_out();
	for (unsigned i = 0; i < GATE_STACKS; i++)
		stop(by[i], false);
	for (unsigned i = 0; i < GATE_STACKS; i++)
		CHECK_EQ(test_join(by[i]), 0);
	CHECK_EQ(done, GATE_STACKS); /* they stand behind the service, not in it */
	CHECK_EQ(test_run_as(s.hers, enters, NULL), 3);
	for (unsigned i = 0; i < GATE_STACKS; i++) {
		CHECK_EQ(bare_look(id[i]).state, TWZ_THREAD_SUSPENDED);
		CHECK_EQ(SYS(thread_kill, ID(id[i]), 9), 0);
		CHECK_EQ(test_join(thread[i]), 9);
	}
	service_end(&s);
}

static int64_t spins_there(void *arg)
{
	return gate_enter(&lies, GATE_SPIN, (uint64_t)arg, 0, 0);
}

static void is_kept(uint64_t unused)
{
	(void)unused;
	spins_there(&count);
}

/* A callee of hers that loops, where nothing can be aborted: without its context it ends, and the caller with it. */
TEST(a_caller_kept_by_a_callee_that_loops)
{
	struct test_thread *thread;

	set_up(0);
	gate_place_make(&lies, s.mallory.secret.id, HERS_SLOT, TWZ_GATE_PUBLIC);
	count = 0;
	thread = test_thread_as(s.hers, is_kept, 0);
	bare_reaches(&count, 1000);
	CHECK_EQ(SYS(thread_kill, ID(test_thread_id(thread)), 9), 0);
	test_sleep(20 * MS);
	CHECK(bare_look(test_thread_id(thread)).state != TWZ_THREAD_ENDED);
	gate_place_lose(&lies, &lies.context);
	CHECK_EQ(test_join(thread), 9);
	gate_place_end(&lies);
	service_end(&s);
}

static __attribute__((noinline)) uint64_t uses_stack(uint64_t depth)
{
	volatile uint8_t room[4096];

	room[depth % sizeof(room)] = 1;
	if (depth == ~0ull)
		return 0;
	return uses_stack(depth + 1) + room[0];
}

static int64_t uses_it_up(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	return (int64_t)uses_stack(0);
}

static int64_t calls_one_that_overflows(void *arg)
{
	(void)arg;
	CHECK_EQ(gate_apply(&lies, uses_it_up, 0, 0), TWZ_E_CALLEE);
	return gate_enter(&lies, GATE_ADD, 1, 2, 0);
}

TEST(a_callee_that_uses_up_its_stack)
{
	set_up(0);
	gate_place_make(&lies, s.mallory.secret.id, HERS_SLOT, TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, calls_one_that_overflows, NULL), 3);
	gate_place_end(&lies);
	service_end(&s);
}

/* A thread that she starts inside is no thread of the caller's program. */
static int64_t starts_one(uint64_t unused, uint64_t as_well)
{
	static uint8_t stack[4096] __attribute__((aligned(16)));
	const struct twz_sys_thread new = {.entry = (uint64_t)stays,
					   .stack = (uint64_t)stack + sizeof(stack) - 8,
					   .flags = TWZ_THREAD_SAME,
					   .name = "inside"};
	struct twz_id id;

	(void)unused, (void)as_well;
	return SYS(thread_new, &new, &id);
}

static int64_t has_one_started(void *arg)
{
	(void)arg;
	return gate_apply(&lies, starts_one, 0, 0);
}

TEST(a_thread_started_inside_in_the_caller_s_name)
{
	set_up(0);
	gate_place_make(&lies, s.mallory.secret.id, HERS_SLOT, TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, has_one_started, NULL), TWZ_E_RIGHT);
	gate_place_end(&lies);
	service_end(&s);
}

/* ---- buffers ----------------------------------------------------------------------------------------- */

#define BUFFER_SLOT (HERS_SLOT + GATE_SLOT_FREE)
static struct twz_id buffer;
static int64_t fault_inside;

static void notes_fault(struct twz_upcall *upcall)
{
	fault_inside = upcall->kind;
	SYS(gate_return, 0, 0);
}

static int64_t uses_buffer(uint64_t store, uint64_t anew)
{
	volatile uint64_t *word = (uint64_t *)(test_address(BUFFER_SLOT) + TWZ_OBJ_DATA);

	CHECK(SYS(right_grant, ID(buffer), ID(lies.context), TWZ_READ | TWZ_WRITE) < 0);
	if (anew)
		CHECK_EQ(SYS(view_invalidate, BUFFER_SLOT, 1), 0);
	if (store)
		*word = 1;
	return (int64_t)*word;
}

static void is_refused(bool store, bool anew, int64_t kind)
{
	fault_inside = 0;
	CHECK_EQ(gate_apply(&lies, uses_buffer, store, anew), 0);
	CHECK_EQ(fault_inside, kind);
}

/* Taken back it is refused at once; deleted it is not found again, but by who has it mapped. */
static int64_t lends_it(void *arg)
{
	(void)arg;
	CHECK_EQ(gate_apply(&lies, uses_buffer, 0, 0), 44);
	is_refused(true, false, TWZ_FAULT_RIGHT);
	gate_grant(buffer, lies.context, 0);
	is_refused(false, false, TWZ_FAULT_OBJECT);
	gate_grant(buffer, lies.context, TWZ_READ);
	CHECK_EQ(gate_apply(&lies, uses_buffer, 0, 0), 44);
	test_delete(buffer);
	is_refused(false, true, TWZ_FAULT_OBJECT);
	return 0;
}

TEST(a_grant_widened_or_used_after_its_object_died)
{
	set_up(0);
	gate_place_make(&lies, s.mallory.secret.id, HERS_SLOT, TWZ_GATE_PUBLIC);
	lies.gate->handler = (uint64_t)notes_fault;
	gate_publish(&lies);
	bobs = gate_context(s.bob.secret.id);
	buffer = user_object(&s.bob, TWZ_OBJECT_VOLATILE);
	gate_grant(buffer, bobs, TWZ_PERM_ALL);
	gate_grant(buffer, lies.context, TWZ_READ);
	*(uint64_t *)(test_map(BUFFER_SLOT, buffer, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
		      TWZ_OBJ_DATA) = 44;
	test_unmap(BUFFER_SLOT);
	gate_show(&lies, BUFFER_SLOT, buffer, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	CHECK_EQ(test_run_as(bobs, lends_it, NULL), 0);
	gate_context_end(bobs);
	gate_place_end(&lies);
	service_end(&s);
}
