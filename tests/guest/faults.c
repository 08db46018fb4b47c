/*
 * faults.c - what a fault handler is told, what it can do about it, and what it cannot do to the kernel.
 */
#include "tests/guest/bare.h"

#define STACK_BYTES 16384u

static uint8_t stacks[2][STACK_BYTES] __attribute__((aligned(64)));
static struct twz_upcall seen;
static uint32_t depth;
static struct twz_id object;

/* A thread of its own makes an attempt, with `handler` for its faults; its status. */
static void (*attempt)(void);
static void (*handler)(struct twz_upcall *upcall);

static void start(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(SYS(thread_handler, handler, stacks[1] + STACK_BYTES, STACK_BYTES), 0);
	attempt();
	bare_end(0);
}

static uint32_t try(void (*what)(void), void (*with)(struct twz_upcall *))
{
	attempt = what;
	handler = with;
	depth = 0;
	return bare_join(bare_thread(start, stacks[0] + STACK_BYTES, 0, TWZ_THREAD_SAME));
}

static void ends(struct twz_upcall *upcall)
{
	seen = *upcall;
	bare_end(1);
}

static void resume(const struct twz_upcall *upcall)
{
	CHECK_EQ(SYS(thread_resume, upcall), 0);
}

/* ---- what is said ---------------------------------------------------------------------------------- */

static void is(struct twz_fault fault, uint32_t kind, int32_t error, uint32_t access,
	       struct twz_id id, uint64_t offset)
{
	CHECK_EQ(fault.kind, kind);
	CHECK_EQ(fault.error, error);
	CHECK_EQ(fault.access, access);
	CHECK_EQ(fault.object.lo, id.lo);
	CHECK_EQ(fault.object.hi, id.hi);
	CHECK_EQ(fault.offset, offset);
}

TEST(faults_name_object_offset_access_and_reason)
{
	const struct twz_id gone = {.lo = 1, .hi = 2};
	struct twz_id id = test_object(TWZ_OBJECT_VOLATILE);
	uint8_t *at = test_map(TEST_SLOT, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);

	is(test_load(at + 16), TWZ_FAULT_NULL, TWZ_E_OUTSIDE, TWZ_VIEW_READ, id, 16);
	is(test_store(at + 4095), TWZ_FAULT_NULL, TWZ_E_OUTSIDE, TWZ_VIEW_WRITE, id, 4095);
	is(test_jump(at + TWZ_OBJ_DATA), TWZ_FAULT_RIGHT, TWZ_E_RIGHT, TWZ_VIEW_EXEC, id,
	   TWZ_OBJ_DATA);
	CHECK_EQ(SYS(object_limit, ID(id), TEST_DATA_PAGE, 1, TWZ_WRITE), 0);
	CHECK_EQ(test_load(at + TWZ_OBJ_DATA).kind, 0);
	is(test_store(at + TWZ_OBJ_DATA + 3), TWZ_FAULT_RIGHT, TWZ_E_RIGHT, TWZ_VIEW_WRITE, id,
	   TWZ_OBJ_DATA + 3);
	at = test_map(TEST_SLOT, id, TWZ_VIEW_READ);
	is(test_store(at + 2 * TWZ_OBJ_DATA), TWZ_FAULT_RIGHT, TWZ_E_RIGHT, TWZ_VIEW_WRITE, id,
	   2 * TWZ_OBJ_DATA);
	at = test_map(TEST_SLOT, gone, TWZ_VIEW_READ);
	is(test_load(at + TWZ_OBJ_DATA), TWZ_FAULT_OBJECT, TWZ_E_NOTFOUND, TWZ_VIEW_READ, gone,
	   TWZ_OBJ_DATA);
	test_unmap(TEST_SLOT);
	test_delete(id);
	CHECK_EQ(test_load((void *)0xffff800000400000).kind, TWZ_FAULT_RANGE); /* the kernel's */
}

TEST(a_store_to_what_is_sealed_is_a_fault)
{
	struct twz_id src = test_object(TWZ_OBJECT_ENDING), id = {0};
	const struct twz_sys_seal seal = {
		.src = src, .size = 8, .perms = TWZ_READ | TWZ_WRITE | TWZ_DELETE};
	struct twz_fault fault;

	test_map(TEST_SLOT, src, TWZ_VIEW_READ | TWZ_VIEW_WRITE)[TWZ_OBJ_DATA] = 7;
	CHECK_EQ(SYS(object_seal, &seal, &id), 0);
	fault = test_store(test_map(TEST_SLOT, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA);
	CHECK_EQ(fault.kind, TWZ_FAULT_RIGHT);
	CHECK_EQ(fault.error, TWZ_E_SEALED);
	test_unmap(TEST_SLOT);
	test_delete(src);
	test_delete(id);
}

static void divides(void)
{
	__asm__ volatile("xor %%ecx, %%ecx; div %%ecx" : : : "eax", "ecx", "edx", "cc");
}

static void is_illegal(void)
{
	__asm__ volatile("ud2");
}

static void breaks(void)
{
	__asm__ volatile("int3");
}

static void is_privileged(void)
{
	__asm__ volatile("cli");
}

static void interrupts(void)
{
	__asm__ volatile("int $0x80");
}

TEST(exceptions_are_told_by_their_number)
{
	const struct {
		void (*what)(void);
		uint32_t vector;
	} odd[] = {
		{divides, 0}, {breaks, 3}, {is_illegal, 6}, {is_privileged, 13}, {interrupts, 13}};

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		CHECK_EQ(try(odd[i].what, ends), 1);
		CHECK_EQ(seen.kind, TWZ_FAULT_EXCEPTION + odd[i].vector);
		CHECK_EQ(seen.depth, 1);
	}
}

/* ---- going on -------------------------------------------------------------------------------------- */

static void skips(struct twz_upcall *upcall)
{
	upcall->registers.rip += 2;
	upcall->registers.rbx++;
	resume(upcall);
}

static void counts_up(void)
{
	uint64_t n = 41;

	__asm__ volatile("ud2" : "+b"(n));
	CHECK_EQ(n, 42);
}

TEST(a_handler_changes_registers_and_skips_the_instruction)
{
	CHECK_EQ(try(counts_up, skips), 0);
}

static void maps(struct twz_upcall *upcall)
{
	CHECK_EQ(upcall->kind, TWZ_FAULT_OBJECT);
	test_map(TEST_SLOT, object, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	resume(upcall);
}

static void stores(void)
{
	*(volatile uint8_t *)(test_address(TEST_SLOT) + TWZ_OBJ_DATA) = 9;
	CHECK_EQ(test_address(TEST_SLOT)[TWZ_OBJ_DATA], 9);
}

TEST(a_handler_maps_what_is_missing)
{
	object = test_object(TWZ_OBJECT_VOLATILE);
	test_unmap(TEST_SLOT);
	CHECK_EQ(try(stores, maps), 0);
	test_unmap(TEST_SLOT);
	test_delete(object);
}

static void faults_again(struct twz_upcall *upcall)
{
	CHECK_EQ(upcall->depth, ++depth);
	__builtin_trap();
}

TEST(faults_nest_to_eight_and_the_ninth_ends_the_thread)
{
	CHECK_EQ(try(is_illegal, faults_again), 139);
	CHECK_EQ(depth, 8);
}

/* ---- the handler's stack -------------------------------------------------------------------------- */

#define STACK_SLOT (TEST_SLOT + 20)
static uint64_t stack_end;

/* With its handler's stack in STACK_SLOT. */
static void traps_there(void)
{
	CHECK_EQ(SYS(thread_handler, handler, stack_end, STACK_BYTES), 0);
	__asm__ volatile("ud2" : : : "rbx");
}

static void unmaps_its_stack(struct twz_upcall *upcall)
{
	static struct twz_upcall kept;

	kept = *upcall;
	kept.registers.rip += 2;
	test_delete(object); /* on which this runs: it stays till the last mapping is gone */
	resume(&kept);
}

static void loses_its_stack(struct twz_upcall *upcall)
{
	(void)upcall;
	test_unmap(STACK_SLOT); /* the next push is a fault whose structure has no place */
	__builtin_trap();
}

static uint32_t with_stack_in_object(void (*with)(struct twz_upcall *), uint32_t rights)
{
	object = test_object(TWZ_OBJECT_VOLATILE);
	stack_end = (uint64_t)test_map(STACK_SLOT, object, rights) + TWZ_OBJ_DATA + STACK_BYTES;
	return try(traps_there, with);
}

TEST(a_handlers_stack_may_be_any_object_and_may_go)
{
	CHECK_EQ(with_stack_in_object(skips, TWZ_VIEW_READ | TWZ_VIEW_WRITE), 0);
	test_delete(object);
	CHECK_EQ(with_stack_in_object(skips, TWZ_VIEW_READ), 139);
	test_delete(object);
	CHECK_EQ(with_stack_in_object(unmaps_its_stack, TWZ_VIEW_READ | TWZ_VIEW_WRITE), 0);
	CHECK_EQ(with_stack_in_object(loses_its_stack, TWZ_VIEW_READ | TWZ_VIEW_WRITE), 139);
	test_delete(object);
	test_unmap(STACK_SLOT);
}

/* At the end of the address space: below it there is room, at its top there is none. */
TEST(a_handlers_stack_at_the_edges_of_memory)
{
	handler = skips;
	stack_end = 64; /* the structure would begin below 0 */
	CHECK_EQ(SYS(thread_handler, handler, 64, 128), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_handler, handler, (1ull << 47) + 16, 16), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_handler, handler, ~0ull, 16), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_handler, 1ull << 47, 4096, 16), TWZ_E_ARG);
}

static void traps_with_little_stack(void)
{
	CHECK_EQ(SYS(thread_handler, handler, 64, 64), 0);
	__builtin_trap();
}

TEST(a_handlers_stack_without_room_ends_the_thread)
{
	CHECK_EQ(try(traps_with_little_stack, ends), 139);
}

/* Two levels deep, and each goes on where it was. */
static void nests(struct twz_upcall *upcall)
{
	uint64_t n = 7;

	if (++depth < 5) {
		CHECK_EQ(upcall->depth, depth);
		__asm__ volatile("ud2" : "+b"(n));
		CHECK_EQ(n, 8); /* the inner one counted it up, and came back here */
	}
	upcall->registers.rip += 2;
	upcall->registers.rbx++;
	resume(upcall);
}

TEST(nested_faults_go_on_one_after_the_other)
{
	CHECK_EQ(try(counts_up, nests), 0);
	CHECK_EQ(depth, 5);
}

/* A fault of a thread after it slept, and of the call that it sleeps by. */
static void sleeps_and_traps(void)
{
	CHECK_EQ(SYS(thread_sync, (void *)test_address(STACK_SLOT), 1, 0), TWZ_E_OUTSIDE);
	test_sleep(1000000);
	counts_up();
}

TEST(a_thread_that_slept_faults_like_others)
{
	CHECK_EQ(try(sleeps_and_traps, skips), 0);
}

/* ---- odd handlers, odd registers ------------------------------------------------------------------- */

static uint64_t odd_entry, odd_stack;

static void handled_oddly(void)
{
	CHECK_EQ(SYS(thread_handler, odd_entry, odd_stack, 4096), 0);
	__builtin_trap();
}

TEST(a_handler_that_cannot_run_ends_the_thread)
{
	odd_entry = (uint64_t)ends;
	odd_stack = (uint64_t)test_address(TEST_SLOT + 9) + TWZ_OBJ_DATA; /* nothing is there */
	CHECK_EQ(try(handled_oddly, ends), 139);
	odd_stack = TWZ_SLOT_DATA_AT(TWZ_SLOT_TEXT) + TWZ_PAGE; /* it cannot be written */
	CHECK_EQ(try(handled_oddly, ends), 139);
	odd_entry = (uint64_t)stacks; /* it cannot be executed: a fault in each handler */
	odd_stack = (uint64_t)stacks[1] + STACK_BYTES;
	CHECK_EQ(try(handled_oddly, ends), 139);
}

TEST(registers_that_cannot_be_are_refused)
{
	const uint64_t odd[] = {1ull << 47, 1ull << 63, 0xffffffff80100000, ~0ull};

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		const struct twz_upcall upcall = {.registers.rip = odd[i]};

		CHECK_EQ(SYS(thread_resume, &upcall), TWZ_E_ARG);
	}
}

/* What a call keeps is kept when the structure cannot be read, from its start or from its middle on. */
TEST(registers_that_cannot_be_read_change_none)
{
	uint8_t *page = test_map(TEST_SLOT, test_object(TWZ_OBJECT_VOLATILE),
				 TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	const uint64_t odd[] = {0,
				~0ull,
				1ull << 47,
				(1ull << 47) - 100,
				(uint64_t)page + 8,
				(uint64_t)page + TWZ_PAGE - 64,
				(uint64_t)page - 64};
	struct twz_id id = view_own()->slot[TEST_SLOT].id;

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		int64_t result = TWZ_SYS(thread_resume);
		register uint64_t r8 __asm__("r8") = 88, r9 __asm__("r9") = 99,
				     r10 __asm__("r10") = 1010;
		uint64_t rdi = odd[i], rsi = 66, rdx = 77;
		bool kept;

		__asm__ volatile("syscall"
				 : "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8),
				   "+r"(r9), "+r"(r10)
				 :
				 : "rcx", "r11", "memory");
		kept = rdi == odd[i] && rsi == 66 && rdx == 77 && r8 == 88 && r9 == 99 &&
		       r10 == 1010;
		CHECK_EQ(result, TWZ_E_OUTSIDE);
		CHECK(kept);
	}
	test_unmap(TEST_SLOT);
	test_delete(id);
}

static uint64_t odd_flags;

static void takes_flags(struct twz_upcall *upcall)
{
	upcall->registers.rip += 2;
	upcall->registers.rflags = odd_flags;
	resume(upcall);
}

static void looks_at_flags(void)
{
	uint64_t flags;

	__asm__ volatile("ud2\n\t"
			 "pushfq\n\t"
			 "pop %0"
			 : "=r"(flags));
	CHECK_EQ(flags & 0x200, 0x200);                     /* interrupts stay on */
	CHECK_EQ(flags & (3 << 12 | 1 << 14 | 1 << 17), 0); /* IOPL, NT, VM */
	SYS(self, 0);
}

TEST(flags_that_are_the_kernels_stay_as_they_are)
{
	const uint64_t odd[] = {0, 3 << 12, 1 << 14, 1 << 17, 1 << 16, 3 << 19, 1 << 18};

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		odd_flags = odd[i];
		CHECK_EQ(try(looks_at_flags, takes_flags), 0);
	}
}

/* NT and TF as a program can set them, through a call and a fault. */
static void calls_with_flags(void)
{
	__asm__ volatile("pushfq; orq $0x4000, (%%rsp); popfq" : : : "cc", "memory");
	SYS(self, 0);
	test_sleep(1000000);
	__asm__ volatile("pushfq; andq $~0x4000, (%%rsp); popfq" : : : "cc", "memory");
}

static void steps(struct twz_upcall *upcall)
{
	CHECK_EQ(upcall->kind, TWZ_FAULT_EXCEPTION + 1);
	if (++depth > 50)
		upcall->registers.rflags &= ~0x100ull;
	resume(upcall);
}

static void is_stepped(void)
{
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "cc", "memory");
	for (unsigned i = 0; i < 20; i++)
		SYS(self, 0);
}

TEST(nested_task_and_single_steps_do_not_disturb_the_kernel)
{
	CHECK_EQ(try(calls_with_flags, ends), 0);
	CHECK_EQ(try(is_stepped, steps), 0);
	CHECK(depth > 50);
}
