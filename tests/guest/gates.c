/*
 * gates.c - crossings: what goes in and what comes out, whose everything is inside, and
 * what is no gate. How they end is in gateends.c, attacks are in tests/attack/gates*.c.
 */
#include "tests/guest/gate.h"

#define PLACE_SLOT TEST_SLOT
#define OTHER_SLOT (TEST_SLOT + GATE_SLOTS)
#define PUBLIC_IN_PLACE (TWZ_GATE_PUBLIC | TWZ_GATE_IN_PLACE)

static struct gate_place place, other;
static struct twz_id caller; /* the callers' context */

static void set_up(uint32_t flags)
{
	gate_place_make(&place, minimal.sys.key, PLACE_SLOT, flags);
	caller = gate_context(minimal.sys.key);
}

static void tear_down(void)
{
	gate_context_end(caller);
	gate_place_end(&place);
}

/* ---- ways in ---------------------------------------------------------------------------------------- */

static int64_t looks_around(uint64_t from_view, uint64_t entry)
{
	const struct twz_sys_info i = test_info();
	const struct twz_sys_caller c = gate_caller();

	CHECK(twz_id_equal(i.context, place.context));
	CHECK(twz_id_equal(i.view,
			   twz_id_none(place.view) ? *(struct twz_id *)from_view : place.view));
	CHECK(twz_id_equal(c.context, caller));
	CHECK(twz_id_equal(c.key, minimal.sys.key));
	CHECK(twz_id_equal(c.thread, i.thread));
	CHECK_EQ(c.gate, 0);
	CHECK_EQ(c.entry, entry);
	CHECK_EQ(c.depth, 1);
	return 123;
}

static int64_t crosses_by_call(void *arg)
{
	struct twz_id view = test_info().view;

	(void)arg;
	CHECK_EQ(gate_enter(&place, GATE_ADD, 40, 2, 0), 42);
	CHECK_EQ(gate_apply(&place, looks_around, (uint64_t)&view, GATE_APPLY), 123);
	gate_is_outside(caller);
	return 0;
}

static int64_t crosses_by_jump(void *arg)
{
	struct twz_id view = test_info().view;

	(void)arg;
	gate_attach(&place);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(gate_jump(&place, GATE_ADD, 40, 2, 0), 42);
		CHECK_EQ(gate_apply_by_jump(&place, looks_around, (uint64_t)&view, GATE_APPLY),
			 123);
		gate_is_outside(caller);
	}
	return 0;
}

TEST(a_gate_is_crossed_by_a_call)
{
	for (unsigned i = 0; i < 2; i++) {
		set_up(i ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		CHECK_EQ(test_run_as(caller, crosses_by_call, NULL), 0);
		tear_down();
	}
}

TEST(a_gate_is_crossed_by_a_jump)
{
	for (unsigned i = 0; i < 2; i++) {
		set_up(i ? TWZ_GATE_IN_PLACE : 0);
		gate_grant(place.context, caller, TWZ_USE);
		CHECK_EQ(test_run_as(caller, crosses_by_jump, NULL), 0);
		tear_down();
	}
}

static int64_t is_active(uint64_t lo, uint64_t hi)
{
	return twz_id_equal(gate_active(), (struct twz_id){lo, hi});
}

static int64_t executes_itself(void *arg)
{
	(void)arg;
	gate_attach(&place);
	CHECK_EQ(gate_apply_by_jump(&place, is_active, caller.lo, caller.hi), 1);
	return 0;
}

TEST(what_may_be_executed_is_no_gate)
{
	set_up(TWZ_GATE_IN_PLACE);
	gate_grant(place.context, caller, TWZ_USE);
	gate_grant(place.code, caller, TWZ_READ | TWZ_EXEC);
	CHECK_EQ(test_run_as(caller, executes_itself, NULL), 0);
	tear_down();
}

/* ---- views -------------------------------------------------------------------------------------------- */

static int64_t sees_its_own(uint64_t address, uint64_t unused)
{
	(void)unused;
	return *(int64_t *)address;
}

static int64_t looks_from_both_sides(void *arg)
{
	int64_t *word = (int64_t *)(test_address(PLACE_SLOT + GATE_SLOT_FREE) + TWZ_OBJ_DATA);

	(void)arg;
	CHECK_EQ(*word, 1);
	CHECK_EQ(gate_apply(&place, sees_its_own, (uint64_t)word, 0), 2);
	CHECK_EQ(*word, 1);
	return 0;
}

static struct twz_id with_word(int64_t word)
{
	const uint32_t slot = PLACE_SLOT + GATE_SLOT_FREE;
	struct twz_id id = test_object(TWZ_OBJECT_VOLATILE);

	*(int64_t *)(test_map(slot, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA) = word;
	test_unmap(slot);
	return id;
}

TEST(a_callee_sees_its_own_view)
{
	const uint32_t slot = PLACE_SLOT + GATE_SLOT_FREE;
	struct twz_id one = with_word(1), two = with_word(2);

	set_up(TWZ_GATE_PUBLIC);
	test_map(slot, one, TWZ_VIEW_READ);
	gate_show(&place, slot, two, TWZ_VIEW_READ);
	CHECK_EQ(test_run_as(caller, looks_from_both_sides, NULL), 0);
	tear_down();
	test_delete(one);
	test_delete(two);
}

/* ---- registers -------------------------------------------------------------------------------------- */

static struct gate_state given, seen, spoiled, left;

static const uint8_t kept[] = {GATE_RBX, GATE_RBP, GATE_R12, GATE_R13, GATE_R14, GATE_R15};
static const uint8_t scrubbed[] = {GATE_RSI, GATE_RDI, GATE_R8, GATE_R9, GATE_R10};

/* The trip's arguments: rdi and r10 or rcx lead to what the entry wants, in memory of both. */
static struct twz_sys_gate trip_gate;

static void trip(bool jump, uint32_t entry, const struct gate_state *arg)
{
	gate_fill(&given, entry + 1);
	given.general[GATE_RDI] = (uint64_t)arg;
	trip_gate = gate_to(&place, entry);
	if (!jump)
		given.general[GATE_R9] = (uint64_t)&trip_gate;
	given.general[GATE_RAX] = TWZ_SYS(gate_call);
	if (jump)
		gate_trip_to(&given, &left, gate_address(&place, entry));
	else
		gate_trip(&given, &left);
}

/* At the callee's entry. */
static void check_seen(bool jump, uint32_t vector_in)
{
	static const uint8_t zero[] = {GATE_RAX, GATE_RBX, GATE_RBP, GATE_R12,
				       GATE_R13, GATE_R14, GATE_R15};
	const uint64_t *g = given.general, *s = seen.general;
	const uint64_t low = (uint64_t)gate_stack(&place, 0);

	CHECK_EQ(s[GATE_RDI], &seen);
	CHECK_EQ(s[GATE_RSI], g[GATE_RSI]);
	CHECK_EQ(s[GATE_RDX], g[GATE_RDX]);
	CHECK_EQ(s[GATE_RCX], g[jump ? GATE_RCX : GATE_R10]);
	CHECK_EQ(s[GATE_R8], g[GATE_R8]);
	CHECK_EQ(s[GATE_R9], jump ? g[GATE_R9] : 0);
	CHECK_EQ(s[GATE_R10], caller.lo);
	CHECK_EQ(s[GATE_R11], caller.hi);
	for (unsigned i = 0; i < sizeof(zero); i++)
		if (!CHECK_EQ(s[zero[i]], 0))
			test_say("register %u", zero[i]);
	CHECK_EQ(s[GATE_RSP], low + GATE_STACK - 8);
	CHECK_EQ(seen.top, TWZ_GATE_RETURN);
	CHECK_EQ(seen.rflags, 0x202);
	CHECK_EQ(seen.fs, 0);
	CHECK_EQ(seen.gs, 0);
	CHECK_EQ(seen.fcw, 0x37f);
	CHECK_EQ(seen.mxcsr, 0x1f80);
	CHECK(gate_vectors_are_new(&seen, vector_in));
	for (unsigned i = 0; i < 16; i++)
		if (vector_in >> i & 1) {
			CHECK(!memcmp(seen.xmm[i], given.xmm[i], 16));
			CHECK(!memcmp(seen.ymm_high[i], given.ymm_high[i], 16));
		}
}

/* After a system call rcx and r11 are what the caller itself goes on with; else they are zero. */
static bool is_own(uint64_t value)
{
	return !value || value >> TWZ_SLOT_SHIFT == TWZ_SLOT_TEXT || value == given.rflags;
}

/* In the caller, afterwards. */
static void check_left(uint32_t vector_out)
{
	CHECK(is_own(left.general[GATE_RCX]));
	CHECK(is_own(left.general[GATE_R11]));
	for (unsigned i = 0; i < sizeof(kept); i++)
		if (!CHECK_EQ(left.general[kept[i]], given.general[kept[i]]))
			test_say("register %u", kept[i]);
	for (unsigned i = 0; i < sizeof(scrubbed); i++)
		if (!CHECK_EQ(left.general[scrubbed[i]], 0))
			test_say("register %u", scrubbed[i]);
	CHECK_EQ(left.rflags, given.rflags);
	CHECK_EQ(left.fs, given.fs);
	CHECK_EQ(left.gs, given.gs);
	CHECK_EQ(left.fcw, given.fcw);
	CHECK_EQ(left.mxcsr, given.mxcsr);
	CHECK(gate_vectors_are_new(&left, vector_out));
	for (unsigned i = 0; i < 16; i++)
		if (vector_out >> i & 1) {
			CHECK(!memcmp(left.xmm[i], spoiled.xmm[i], 16));
			CHECK(!memcmp(left.ymm_high[i], spoiled.ymm_high[i], 16));
		}
}

struct trips {
	bool jump;
	uint32_t in, out;
};

static int64_t trips(void *arg)
{
	const struct trips *t = arg;

	if (t->jump)
		gate_attach(&place);
	memset(&seen, 0, sizeof(seen));
	trip(t->jump, GATE_SHOW, &seen);
	check_seen(t->jump, t->in);
	CHECK_EQ(left.general[GATE_RAX], 0);
	gate_fill(&spoiled, 99);
	if (!t->out)
		check_left(0);
	trip(t->jump, GATE_SPOIL, &spoiled);
	CHECK_EQ(left.general[GATE_RAX], spoiled.general[GATE_RAX]);
	CHECK_EQ(left.general[GATE_RDX], spoiled.general[GATE_RDX]);
	check_left(t->out);
	return 0;
}

static void try_registers(bool jump, uint32_t in, uint32_t out)
{
	struct trips t = {jump, in, out};

	for (unsigned i = 0; i < 2; i++) {
		set_up(i ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		gate_grant(place.context, caller, TWZ_USE);
		place.gate->vector_in = in;
		place.gate->vector_out = out;
		gate_publish(&place);
		CHECK_EQ(test_run_as(caller, trips, &t), 0);
		tear_down();
	}
}

TEST(registers_go_in_and_out_as_declared_by_a_call)
{
	try_registers(false, 0, 0);
}

TEST(registers_go_in_and_out_as_declared_by_a_jump)
{
	try_registers(true, 0, 0);
}

TEST(vector_registers_that_are_declared_go_in_and_out)
{
	try_registers(false, 0x8003, 0x4005);
	try_registers(true, 0xffff, 1);
	try_registers(false, 0, 0xffff);
}

static int64_t returns_by_call(void *arg)
{
	(void)arg;
	gate_fill(&given, 7);
	trip_gate = gate_to(&place, GATE_SYSTEM);
	given.general[GATE_RAX] = TWZ_SYS(gate_call);
	given.general[GATE_RDI] = 77;
	given.general[GATE_RSI] = 88;
	given.general[GATE_RDX] = TWZ_SYS(gate_return);
	given.general[GATE_R9] = (uint64_t)&trip_gate;
	gate_trip(&given, &left);
	CHECK_EQ(left.general[GATE_RAX], 77);
	CHECK_EQ(left.general[GATE_RDX], 88);
	check_left(0);
	return 0;
}

TEST(a_callee_returns_by_a_call)
{
	set_up(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(caller, returns_by_call, NULL), 0);
	tear_down();
}

/* One step after the return, and none inside. */
static uint8_t step_stack[8192] __attribute__((aligned(64)));
static uint32_t stepped;
static uint64_t stepped_at;

static void steps(struct twz_upcall *upcall)
{
	CHECK_EQ(upcall->kind, TWZ_FAULT_EXCEPTION + 1);
	if (!stepped++)
		stepped_at = upcall->registers.rip;
	upcall->registers.rflags &= ~0x100ull;
	SYS(thread_resume, upcall);
}

static int64_t single_steps(void *arg)
{
	(void)arg;
	stepped = 0;
	memset(&seen, 0, sizeof(seen));
	CHECK_EQ(SYS(thread_handler, steps, step_stack + sizeof(step_stack), sizeof(step_stack)),
		 0);
	gate_fill(&given, 8);
	given.rflags = 0x302;
	trip_gate = gate_to(&place, GATE_SHOW);
	given.general[GATE_RAX] = TWZ_SYS(gate_call);
	given.general[GATE_RDI] = (uint64_t)&seen;
	given.general[GATE_R9] = (uint64_t)&trip_gate;
	gate_trip(&given, &left);
	CHECK(stepped);
	CHECK_EQ(stepped_at >> TWZ_SLOT_SHIFT, TWZ_SLOT_TEXT);
	CHECK_EQ(seen.rflags & 0x100, 0);
	CHECK_EQ(seen.top, TWZ_GATE_RETURN);
	return 0;
}

TEST(a_caller_s_single_steps_stop_at_the_gate)
{
	set_up(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(caller, single_steps, NULL), 0);
	tear_down();
}

/* ---- what belongs to a callee ---------------------------------------------------------------------- */

static int64_t changes_all(uint64_t a, uint64_t b)
{
	(void)a, (void)b;
	CHECK_EQ(SYS(thread_handler, changes_all, TWZ_PAGE, 0), 0);
	CHECK_EQ(SYS(thread_segment, 0x7777000), 0);
	CHECK_EQ(SYS(context_attach, ID(other.context), TWZ_ATTACH_ACTIVE), 0);
	CHECK(twz_id_equal(gate_active(), other.context));
	return 3;
}

static int64_t has_all_as_before(void *arg)
{
	(void)arg;
	CHECK_EQ(gate_apply(&place, changes_all, 0, 0), 3);
	gate_is_outside(caller);
	CHECK_EQ(SYS(context_detach, ID(other.context)), TWZ_E_NOTFOUND);
	CHECK_EQ(test_load(gate_nothing(&place)).kind, TWZ_FAULT_OBJECT);
	trip(false, GATE_SHOW, &seen);
	CHECK_EQ(left.fs, given.fs);
	return 0;
}

TEST(what_a_callee_changes_of_itself_ends_with_it)
{
	for (unsigned i = 0; i < 2; i++) {
		set_up(i ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		gate_place_make(&other, minimal.sys.key, OTHER_SLOT, TWZ_GATE_PUBLIC);
		gate_grant(other.context, place.context, TWZ_USE);
		gate_grant(place.stacks, other.context, TWZ_READ | TWZ_WRITE);
		CHECK_EQ(test_run_as(caller, has_all_as_before, NULL), 0);
		gate_place_end(&other);
		tear_down();
	}
}

/* ---- nesting ---------------------------------------------------------------------------------------- */

static int64_t innermost(uint64_t a, uint64_t b)
{
	const struct twz_sys_caller c = gate_caller();

	CHECK(twz_id_equal(c.context, other.context));
	CHECK_EQ(c.depth, 3);
	return (int64_t)(a + b);
}

static int64_t calls_back(uint64_t a, uint64_t b)
{
	const struct twz_sys_caller c = gate_caller();
	int64_t result;

	CHECK(twz_id_equal(gate_active(), other.context));
	CHECK(twz_id_equal(c.context, place.context));
	CHECK_EQ(c.depth, 2);
	result = gate_apply(&place, innermost, a, b);
	CHECK(twz_id_equal(gate_active(), other.context));
	CHECK_EQ(gate_caller().depth, 2);
	return result + 1;
}

static int64_t calls_other(uint64_t a, uint64_t b)
{
	int64_t result = gate_apply(&other, calls_back, a, b);

	CHECK(twz_id_equal(gate_active(), place.context));
	CHECK_EQ(gate_caller().depth, 1);
	CHECK(twz_id_equal(gate_caller().context, caller));
	return result + 1;
}

static int64_t nests(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < 10; i++)
		CHECK_EQ(gate_apply(&place, calls_other, i, 5), i + 7);
	return 0;
}

TEST(a_callee_calls_others_and_is_called_back)
{
	for (uint32_t i = 0; i < 4; i++) {
		set_up(i & 1 ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		gate_place_make(&other, minimal.sys.key, OTHER_SLOT,
				i & 2 ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		if (i == 2) /* entered in the first one's view */
			gate_show(&place, OTHER_SLOT + GATE_SLOT_CODE, other.code,
				  TWZ_VIEW_READ | TWZ_VIEW_EXEC),
				gate_show(&place, OTHER_SLOT + GATE_SLOT_STACKS, other.stacks,
					  TWZ_VIEW_READ | TWZ_VIEW_WRITE);
		if (i == 1) {
			gate_show(&other, PLACE_SLOT + GATE_SLOT_CODE, place.code,
				  TWZ_VIEW_READ | TWZ_VIEW_EXEC);
			gate_show(&other, PLACE_SLOT + GATE_SLOT_STACKS, place.stacks,
				  TWZ_VIEW_READ | TWZ_VIEW_WRITE);
		}
		CHECK_EQ(test_run_as(caller, nests, NULL), 0);
		gate_place_end(&other);
		tear_down();
	}
}

static int64_t goes_deeper(uint64_t depth, uint64_t unused)
{
	int64_t below;

	(void)unused;
	CHECK_EQ(gate_caller().depth, depth);
	below = gate_apply(&place, goes_deeper, depth + 1, 0);
	return below > 0 ? below : (int64_t)depth * 100 - below;
}

static int64_t goes_deep(void *arg)
{
	(void)arg;
	return gate_apply(&place, goes_deeper, 1, 0);
}

TEST(crossings_nest_to_their_limit)
{
	set_up(TWZ_GATE_PUBLIC);
	place.gate->nstacks = TWZ_GATE_DEPTH + 4;
	gate_publish(&place);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(test_run_as(caller, goes_deep, NULL), TWZ_GATE_DEPTH * 100 - TWZ_E_LIMIT);
	tear_down();
}

/* A thread that has all stacks itself waits for none: that would be for ever. */
TEST(crossings_nest_as_far_as_there_are_stacks)
{
	set_up(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(caller, goes_deep, NULL), GATE_STACKS * 100 - TWZ_E_BUSY);
	tear_down();
}

static int64_t calls_and_adds(void *arg)
{
	(void)arg;
	return gate_enter(&place, GATE_ADD, 3, 4, 0);
}

/* ---- what is no gate -------------------------------------------------------------------------------- */

static struct twz_gate good;

static void bad_object(struct twz_gate *g)
{
	g->object.hi ^= 1;
}

static void bad_align(struct twz_gate *g)
{
	g->align = 0;
}

static void bad_length(struct twz_gate *g)
{
	g->length = ~0ull - g->start + 1;
}

static void no_length(struct twz_gate *g)
{
	g->length = 0;
}

static void bad_flags(struct twz_gate *g)
{
	g->flags |= 8;
}

static void bad_vector(struct twz_gate *g)
{
	g->vector_in = 1u << 31;
}

static void bad_nstacks(struct twz_gate *g)
{
	g->nstacks = 0;
}

static void many_stacks(struct twz_gate *g)
{
	g->nstacks = TWZ_GATE_STACKS_MAX + 1;
}

static void bad_handler_bytes(struct twz_gate *g)
{
	g->handler_bytes = GATE_STACK + 16;
}

static void bad_view(struct twz_gate *g)
{
	if (g->flags & TWZ_GATE_IN_PLACE)
		g->view = g->stacks;
	else
		g->view = (struct twz_id){0};
}

static void other_view(struct twz_gate *g)
{
	g->view.hi ^= 1;
}

static void bad_stacks(struct twz_gate *g)
{
	g->stacks.hi ^= 1;
}

static void bad_stack_size(struct twz_gate *g)
{
	g->stack_size += 8;
}

static void no_stack_size(struct twz_gate *g)
{
	g->stack_size = 0;
}

static void bad_base(struct twz_gate *g)
{
	g->base += 8;
}

static void far_base(struct twz_gate *g)
{
	g->base |= 1ull << 63;
}

static void bad_stack_base(struct twz_gate *g)
{
	g->stack_base += 8;
}

static void far_stack_base(struct twz_gate *g)
{
	g->stack_base |= 1ull << 63;
}

static void bad_handler(struct twz_gate *g)
{
	g->handler = 1ull << 63;
}

static void bad_reserved(struct twz_gate *g)
{
	g->reserved = 1;
}

static const struct {
	const char *name;
	void (*spoil)(struct twz_gate *g);
} spoils[] = {
	{"object", bad_object},
	{"align", bad_align},
	{"length", bad_length},
	{"no length", no_length},
	{"flags", bad_flags},
	{"vector_in", bad_vector},
	{"no stacks", bad_nstacks},
	{"too many stacks", many_stacks},
	{"handler_bytes", bad_handler_bytes},
	{"view", bad_view},
	{"another view", other_view},
	{"stacks", bad_stacks},
	{"stack_size", bad_stack_size},
	{"no stack_size", no_stack_size},
	{"base", bad_base},
	{"far base", far_base},
	{"stack_base", bad_stack_base},
	{"far stack_base", far_stack_base},
	{"handler", bad_handler},
	{"reserved", bad_reserved},
};

static int64_t finds_no_gate(void *arg)
{
	CHECK_EQ(gate_enter(&place, GATE_ADD, 1, 2, 0), TWZ_E_NOTFOUND);
	gate_attach(&place);
	if (!CHECK_EQ(test_jump((void *)gate_address(&place, GATE_ADD)).kind, TWZ_FAULT_OBJECT))
		test_say("%s", (const char *)arg);
	return 0;
}

static int64_t gives_up_its_view(uint64_t unused, uint64_t unused2)
{
	(void)unused, (void)unused2;
	gate_grant(place.view, place.context, TWZ_READ | TWZ_WRITE);
	return 5;
}

static int64_t enters_what_was_given_up(void *arg)
{
	(void)arg;
	CHECK_EQ(gate_apply(&place, gives_up_its_view, 0, 0), 5);
	CHECK_EQ(gate_enter(&place, GATE_ADD, 1, 2, 0), TWZ_E_RIGHT);
	return 0;
}

/* That it could use it when it was entered before does not count. */
TEST(a_view_that_its_context_may_not_use_any_more)
{
	set_up(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(caller, enters_what_was_given_up, NULL), 0);
	tear_down();
}

TEST(what_is_out_of_place_is_no_gate)
{
	for (unsigned i = 0; i < 2 * sizeof(spoils) / sizeof(spoils[0]); i++) {
		set_up(i & 1 ? PUBLIC_IN_PLACE : TWZ_GATE_PUBLIC);
		gate_grant(place.context, caller, TWZ_USE);
		CHECK_EQ(test_run_as(caller, calls_and_adds, NULL), 7);
		good = *place.gate;
		spoils[i / 2].spoil(place.gate);
		gate_publish(&place);
		test_run_as(caller, finds_no_gate, (void *)(uintptr_t)spoils[i / 2].name);
		*place.gate = good;
		gate_publish(&place);
		CHECK_EQ(test_run_as(caller, calls_and_adds, NULL), 7);
		tear_down();
	}
}

/* ---- what is refused, and what is asked ------------------------------------------------------------- */

static int64_t error_of(struct twz_sys_gate gate)
{
	return gate_call(&gate, 3, 4, 0, 0, 0);
}

static int64_t asks_wrongly(void *arg)
{
	const struct twz_id contexts[] = {
		{0}, place.code, minimal.sys.thread, caller}; /* that are none, or without gates */
	const struct {
		struct twz_sys_gate gate;
		int64_t error;
	} odd[] = {
		{{.flags = 2}, TWZ_E_ARG},
		{{.flags = 1u << 31}, TWZ_E_ARG},
		{{.reserved = 1}, TWZ_E_ARG},
		{{.gate = 1}, TWZ_E_NOTFOUND}, /* nothing is known of its context */
		{{.gate = 2}, TWZ_E_NOTFOUND},
		{{.gate = ~0u}, TWZ_E_NOTFOUND},
		{{.entry = GATE_ENTRIES}, TWZ_E_NOTFOUND},
		{{.entry = ~0u}, TWZ_E_NOTFOUND},
	};
	struct twz_sys_gate gate;

	(void)arg;
	CHECK_EQ(error_of(gate_to(&place, GATE_ADD)), 7);
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		gate = odd[i].gate;
		gate.context = place.context;
		gate.timeout_ns = ~0ull;
		CHECK_EQ(error_of(gate), odd[i].error);
	}
	for (unsigned i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
		gate = gate_to(&place, GATE_ADD);
		gate.context = contexts[i];
		CHECK_EQ(error_of(gate), TWZ_E_NOTFOUND);
	}
	return 0;
}

static int64_t enters_second(void *arg)
{
	struct twz_sys_gate gate = gate_to(&place, 0);

	if (arg)
		gate_attach(&place);
	gate.gate = 1;
	return gate_call(&gate, 3, 4, 0, 0, 0);
}

/* The second gate is not public, and has one entry. */
TEST(what_cannot_be_entered_is_refused)
{
	set_up(TWZ_GATE_PUBLIC);
	place.gate[1] = place.gate[0];
	place.gate[1].flags = 0;
	place.gate[1].start += GATE_ADD * GATE_ALIGN;
	place.gate[1].length = 1;
	place.header->ngates = 2;
	gate_publish(&place);
	CHECK_EQ(test_run_as(caller, asks_wrongly, NULL), 0);
	gate_grant(place.context, caller, TWZ_READ);
	CHECK_EQ(test_run_as(caller, enters_second, NULL), TWZ_E_RIGHT);
	gate_grant(place.context, caller, TWZ_USE);
	CHECK_EQ(test_run_as(caller, enters_second, NULL), TWZ_E_RIGHT);
	CHECK_EQ(test_run_as(caller, enters_second, &place), 7);
	tear_down();
}

static struct twz_id asked[3]; /* that the caller may read; that the callee may; nobody's */

static int64_t asks(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	CHECK_EQ(SYS(gate_may, ID(asked[0]), TWZ_READ), 0);
	CHECK_EQ(SYS(gate_may, ID(asked[0]), TWZ_READ | TWZ_WRITE), TWZ_E_RIGHT);
	CHECK_EQ(SYS(gate_may, ID(asked[0]), TWZ_PERM_ALL + 1), TWZ_E_ARG);
	CHECK_EQ(SYS(gate_may, ID(asked[1]), TWZ_READ), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(gate_may, ID(asked[2]), 0), TWZ_E_NOTFOUND);
	return 0;
}

static int64_t is_asked_for(void *arg)
{
	(void)arg;
	CHECK_EQ(SYS(gate_may, ID(asked[0]), TWZ_READ), TWZ_E_NOTFOUND); /* not inside */
	CHECK_EQ(SYS(gate_return, 1, 2), TWZ_E_NOTFOUND);
	return gate_apply(&place, asks, 0, 0);
}

TEST(a_callee_asks_what_its_caller_may)
{
	const struct twz_sys_new new = {.key = minimal.sys.key, .flags = TWZ_OBJECT_VOLATILE};

	set_up(TWZ_GATE_PUBLIC);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(SYS(object_new, &new, &asked[i]), 0);
	gate_grant(asked[0], caller, TWZ_READ);
	gate_grant(asked[1], place.context, TWZ_READ);
	CHECK_EQ(test_run_as(caller, is_asked_for, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		test_delete(asked[i]);
	tear_down();
}

/* ---- what cannot be left ---------------------------------------------------------------------------- */

static struct twz_id narrow; /* in which nothing can be used */

static int64_t uses(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	return SYS(context_attach, ID(other.context), 0);
}

static int64_t is_narrow(void *arg)
{
	(void)arg;
	CHECK_EQ(SYS(context_attach, ID(narrow), TWZ_ATTACH_UNDETACHABLE), 0);
	return gate_apply(&place, uses, 0, 0);
}

static struct twz_id narrow_context(void)
{
	struct twz_id id = gate_context(minimal.sys.key);
	struct twz_context *header =
		(void *)(test_map(OTHER_SLOT + GATE_SLOT_FREE, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
			 TWZ_OBJ_DATA);

	header->global_mask = TWZ_PERM_ALL & ~(uint32_t)TWZ_USE;
	CHECK_EQ(SYS(context_publish, ID(id)), 0);
	test_unmap(OTHER_SLOT + GATE_SLOT_FREE);
	return id;
}

TEST(what_cannot_be_left_limits_who_is_inside_in_place)
{
	set_up(PUBLIC_IN_PLACE);
	gate_place_make(&other, minimal.sys.key, OTHER_SLOT, TWZ_GATE_PUBLIC);
	narrow = narrow_context();
	gate_grant(narrow, caller, TWZ_USE);
	gate_grant(other.context, place.context, TWZ_READ | TWZ_USE);
	CHECK_EQ(test_run_as(caller, is_narrow, NULL), TWZ_E_RIGHT);
	gate_context_end(narrow);
	gate_place_end(&other);
	tear_down();
}
