/*
 * library.c - what a library tries that its program does not trust (docs/gates.md, "The slides' example").
 *
 * The program acts in its owner's context, which may do everything to what is under her key; the library in one of
 * the same owner's that may read and execute at most, and write its stack and heap. The owner's lists one function
 * that the library may call. Calls of hostile_... below are plain ones, and cross by the jump.
 */
#include <twz/library.h>

#include "tests/attack/attack.h"
#include "tests/attack/hostile/hostile.h"

#define PRIVATE_SLOT (TEST_SLOT + 700)
#define LENT_SLOT (TEST_SLOT + 701)
#define HEAP_SLOT (TEST_SLOT + 702)
#define STACK_BYTES (64u << 10)
#define HANDLER_BYTES (16u << 10)
#define READ_WRITE (TWZ_READ | TWZ_WRITE)
#define SECRET 0x5ec7e75ec7e75ec7ull

TWZ_LIBRARY(hostile);

static struct {
	struct user owner;
	struct twz_obj confined;           /* the library's context */
	struct twz_gate gate;              /* its functions */
	struct twz_id private, lent, heap; /* nothing, READ, READ and WRITE for it */
} s;

static uint8_t data[TWZ_PAGE]; /* of the program's */
static uint8_t callback_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint32_t called;

static uint8_t *shown(uint32_t slot)
{
	return test_address(slot) + TWZ_OBJ_DATA;
}

/* What it may call. */
static int64_t callback(uint64_t number)
{
	called++;
	return (int64_t)number + 1;
}

/* ---- the scene -------------------------------------------------------------------------------------- */

static struct twz_id lend(uint32_t slot, uint32_t perms)
{
	struct twz_id id = user_object(&s.owner, TWZ_OBJECT_VOLATILE);

	test_map(slot, id, READ_WRITE | TWZ_VIEW_EXEC);
	if (perms)
		CHECK_EQ(twz_right_grant(id, s.confined.id, perms), 0);
	return id;
}

static void give_memory(struct twz_id memory)
{
	CHECK_EQ(twz_context_mask(&s.confined, memory, TWZ_WRITE, READ_WRITE), 0);
	CHECK_EQ(twz_right_grant(memory, s.confined.id, READ_WRITE), 0);
}

static void confine(void)
{
	user_context(&s.owner, &s.confined);
	CHECK_EQ(twz_context_global(&s.confined, TWZ_READ | TWZ_EXEC), 0);
	CHECK_EQ(twz_context_mask(&s.confined, view_own()->slot[TWZ_SLOT_TEXT].id, 0, 0), 0);
	CHECK_EQ(twz_library_open(&hostile_library, STACK_BYTES, &s.gate), 0);
	s.gate.handler =
		(uint64_t)hostile_handler(); /* the boot context may execute it: no crossing */
	s.gate.handler_bytes = HANDLER_BYTES;
	give_memory(s.gate.stacks);
	s.private = lend(PRIVATE_SLOT, 0);
	s.lent = lend(LENT_SLOT, TWZ_READ);
	s.heap = lend(HEAP_SLOT, 0);
	give_memory(s.heap);
	*(uint64_t *)shown(PRIVATE_SLOT) = SECRET;
	CHECK_EQ(twz_context_gate_set(&s.confined, 0, &s.gate), 0);
	context_publish(&s.confined);
}

static void begin(void)
{
	const uint64_t text = (uint64_t)TWZ_SLOT_TEXT << TWZ_SLOT_SHIFT;
	const struct twz_gate back = {.object = view_own()->slot[TWZ_SLOT_TEXT].id,
				      .start = (uint64_t)callback - text,
				      .length = 1,
				      .align = 1,
				      .flags = TWZ_GATE_IN_PLACE,
				      .nstacks = 1,
				      .stacks = view_own()->slot[TWZ_SLOT_DATA].id,
				      .stack_size = STACK_BYTES,
				      .base = text,
				      .stack_base = (uint64_t)callback_stack};

	user_make(&s.owner);
	confine();
	CHECK_EQ(twz_context_mask(&s.owner.context, s.gate.object, 0, TWZ_READ), 0);
	CHECK_EQ(twz_context_gate_set(&s.owner.context, 0, &back), 0);
	context_publish(&s.owner.context);
	called = 0;
}

static void end(void)
{
	const uint32_t slots[] = {PRIVATE_SLOT, LENT_SLOT, HEAP_SLOT};

	for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		test_delete(view_own()->slot[slots[i]].id);
		test_unmap(slots[i]);
	}
	test_delete(s.gate.object);
	test_delete(s.gate.stacks);
	context_end(&s.confined);
	user_end(&s.owner);
}

/* In the owner's context: is the program as it was? */
static void check_program(void)
{
	struct twz_sys_info info;

	CHECK_EQ(SYS(info, &info), 0);
	CHECK(twz_id_equal(info.context, s.owner.context.id));
	CHECK_EQ(*(volatile uint64_t *)shown(PRIVATE_SLOT), SECRET);
	CHECK_EQ(data[0], 0x55);
	CHECK_EQ(test_load((void *)TWZ_PAGE).kind, TWZ_FAULT_POINTER);
}

static void (*attempts)(void);

static int64_t beside_it(void *unused)
{
	(void)unused;
	CHECK_EQ(SYS(context_attach, ID(s.confined.id), 0), 0);
	data[0] = 0x55;
	attempts();
	check_program();
	return 0;
}

/* In a thread of the program's, attached to both contexts. */
static void attempt(void (*what)(void))
{
	begin();
	attempts = what;
	CHECK_EQ(test_run_as(s.owner.context.id, beside_it, NULL), 0);
	end();
}

/* ---- data ------------------------------------------------------------------------------------------- */

static void check_refused_at(const void *at, int load, int store)
{
	CHECK_EQ(hostile_load(at), load);
	CHECK_EQ(hostile_store((uint8_t *)at), store);
}

static void touches_data(void)
{
	uint8_t local = 0;

	check_refused_at(shown(PRIVATE_SLOT), TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	check_refused_at(data, TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	check_refused_at(callback_stack, TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	check_refused_at(&local, TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	check_refused_at((void *)callback, TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	check_refused_at(view_own(), TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	check_refused_at((void *)TWZ_SLOT_DATA_AT(TWZ_SLOT_SHADOW), TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	/* What everybody may read, it may. */
	check_refused_at((void *)TWZ_SLOT_DATA_AT(TWZ_SLOT_BOOT), 0, TWZ_E_RIGHT);
	check_refused_at((void *)(s.gate.base + s.gate.start), 0, TWZ_E_RIGHT);
	check_refused_at(shown(LENT_SLOT), 0, TWZ_E_RIGHT);
	check_refused_at(shown(HEAP_SLOT), 0, 0);
	/* The page below its stack. */
	check_refused_at((void *)(s.gate.stack_base - 1), TWZ_E_RIGHT, TWZ_E_RIGHT);
}

TEST(a_library_touches_what_it_was_not_given)
{
	attempt(touches_data);
}

/* ---- code ------------------------------------------------------------------------------------------- */

static void jumps(void)
{
	const struct twz_program *program = (void *)TWZ_SLOT_DATA_AT(TWZ_SLOT_TEXT);
	const uint64_t entry = (uint64_t)callback;

	CHECK_EQ(hostile_jump(entry, 41), 42);
	for (uint64_t at = entry - 256; at < entry + 256; at++)
		if (at != entry)
			CHECK_EQ(hostile_jump(at, 0), TWZ_E_NOTFOUND);
	for (uint32_t page = 0; page < program->text_pages; page++)
		CHECK_EQ(hostile_jump((uint64_t)program + page * TWZ_PAGE, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(hostile_return(entry + 1), TWZ_E_NOTFOUND);
	CHECK_EQ(hostile_jump((uint64_t)data, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(hostile_jump((uint64_t)shown(PRIVATE_SLOT), 0), TWZ_E_NOTFOUND);
	CHECK_EQ(hostile_jump((uint64_t)shown(LENT_SLOT), 0), TWZ_E_RIGHT);
	CHECK_EQ(hostile_jump((uint64_t)shown(HEAP_SLOT), 0), TWZ_E_RIGHT);
	CHECK_EQ(hostile_jump(s.gate.stack_base, 0), TWZ_E_RIGHT);
	CHECK_EQ(hostile_gate(ID(s.owner.context.id), 0), 2);
	CHECK_EQ(hostile_gate(ID(s.owner.context.id), 1), TWZ_E_NOTFOUND);
	CHECK_EQ(called, 2);
}

TEST(a_library_jumps_to_what_it_may_not_call)
{
	attempt(jumps);
}

/* The program itself gets into the library by its entries only, and runs none of it as what it is. */
static void runs_the_library(void)
{
	const uint8_t *page = (void *)TWZ_SLOT_DATA_AT(TWZ_SLOT_LIBRARY);
	unsigned in = 0;

	for (uint32_t at = 0; at < TWZ_PAGE; at++) {
		if (at >= sizeof(struct twz_library) &&
		    at < sizeof(struct twz_library) + s.gate.length && at % TWZ_LIBRARY_ENTRY == 0)
			in++;
		else
			CHECK_EQ(test_jump(page + at).kind, TWZ_FAULT_RIGHT);
	}
	CHECK_EQ(in, hostile_library.entries);
	CHECK_EQ(test_store((void *)page).kind, TWZ_FAULT_RIGHT);
}

TEST(a_library_is_entered_beside_its_entries)
{
	attempt(runs_the_library);
}

/* ---- calls of the kernel ------------------------------------------------------------------------------ */

#define TRY(name, ...) hostile_syscall(TWZ_SYS(name), __VA_ARGS__)

static void calls(void)
{
	const struct twz_id own = s.confined.id, owner = s.owner.context.id;
	const struct twz_id boot = minimal.sys.context, thread = minimal.sys.thread;

	CHECK_EQ(TRY(context_switch, ID(owner), 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(context_attach, ID(boot), TWZ_ATTACH_ACTIVE, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(context_attach, ID(owner), TWZ_ATTACH_ACTIVE, 0, 0), TWZ_E_NOTFOUND);
	/* Without its context the owner's would be the active one. */
	CHECK_EQ(TRY(context_detach, ID(own), 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(context_publish, ID(own), 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(context_publish, ID(owner), 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(right_grant, ID(s.private), ID(own), TWZ_READ), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(right_grant, ID(s.lent), ID(own), READ_WRITE), TWZ_E_RIGHT);
	CHECK_EQ(TRY(object_delete, ID(s.private), 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(object_limit, ID(s.lent), TEST_DATA_PAGE, 1, READ_WRITE), TWZ_E_RIGHT);
	CHECK_EQ(TRY(view_become, ID(minimal.sys.view), 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(thread_kill, ID(thread), 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(thread_suspend, ID(thread), 1, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(TRY(power, 0, 0, 0, 0, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(hostile_thread(ID(owner), 0), TWZ_E_NOTFOUND);
	CHECK_EQ(hostile_thread(0, 0, TWZ_THREAD_SAME), TWZ_E_RIGHT);
	/* And what it may do ends with the call: the owner's is left, and entered again, in the next one. */
	CHECK_EQ(TRY(context_detach, ID(owner), 0, 0, 0), 0);
	CHECK_EQ(hostile_jump((uint64_t)callback, 1), 2);
}

TEST(a_library_calls_the_kernel)
{
	attempt(calls);
}

/* ---- ends ------------------------------------------------------------------------------------------- */

static void ends(void)
{
	uint64_t sum = 0;

	CHECK_EQ(TRY(thread_exit, 0, 0, 0, 0, 0), TWZ_E_CALLEE);
	/* Its handler is to be code of the program's, that the program has for its own faults. */
	CHECK_EQ(hostile_handled((uint64_t)callback + 1, shown(PRIVATE_SLOT)), TWZ_E_CALLEE);
	CHECK_EQ(test_load(shown(PRIVATE_SLOT)).kind, 0);
	check_program();
	/* Whatever it ends by, its stack is free again. */
	for (unsigned i = 0; i < 200; i++)
		sum += (uint64_t)hostile_load(shown(i % 2 ? HEAP_SLOT : PRIVATE_SLOT));
	CHECK_EQ(sum, 100 * (uint64_t)TWZ_E_NOTFOUND);
}

TEST(a_library_ends_what_it_did_not_begin)
{
	attempt(ends);
}

static void enters_for_ever(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(SYS(context_attach, ID(s.confined.id), 0), 0);
	hostile_forever((uint32_t *)shown(HEAP_SLOT));
}

TEST(a_library_that_never_returns)
{
	struct test_thread *thread;

	begin();
	thread = test_thread_as(s.owner.context.id, enters_for_ever, 0);
	bare_reaches((uint32_t *)shown(HEAP_SLOT), 1);
	CHECK_EQ(SYS(thread_kill, ID(test_thread_id(thread)), 7), 0);
	CHECK_EQ(test_join(thread), 7);
	end();
}

static void gate_is_gone(void)
{
	CHECK_EQ(hostile_load(shown(HEAP_SLOT)), 0);
	CHECK_EQ(twz_context_gates_clear(&s.confined), 0);
	context_publish(&s.confined);
	CHECK_EQ(test_jump((void *)(s.gate.base + s.gate.start)).kind, TWZ_FAULT_RIGHT);
	CHECK_EQ(twz_context_gate_set(&s.confined, 0, &s.gate), 0);
	context_publish(&s.confined);
	CHECK_EQ(hostile_load(shown(HEAP_SLOT)), 0);
}

TEST(a_library_is_called_when_its_gate_is_taken_away)
{
	attempt(gate_is_gone);
}
