/* calls.c - the null system call, two threads that take turns, fault upcalls. */
#include "bench/guest/lib/measure.h"

/* ---- the null system call ------------------------------------------------------------------------ */

#define CALLS 1000u

/* From the `syscall` to the next instruction of the program: the rest of the loop is taken off. */
static void measure_null_call(void)
{
	uint64_t start = now(), calls, loop, n = CALLS;
	int64_t result;

	__asm__ volatile("1: mov %[number], %k[result]\n\t"
			 "syscall\n\t"
			 "dec %[n]\n\t"
			 "jnz 1b"
			 : [result] "=&a"(result), [n] "+r"(n)
			 : [number] "i"(TWZ_SYS(self))
			 : "rcx", "r11", "memory", "cc");
	calls = now() - start;
	must(result, "self");
	n = CALLS;
	start = now();
	__asm__ volatile("1: mov %[number], %k[result]\n\t"
			 "dec %[n]\n\t"
			 "jnz 1b"
			 : [result] "=&a"(result), [n] "+r"(n)
			 : [number] "i"(TWZ_SYS(self))
			 : "memory", "cc");
	loop = now() - start;
	figure("null_call", (calls - loop) / CALLS);
}

/* ---- taking turns -------------------------------------------------------------------------------- */

enum { OURS, THEIRS };
static uint32_t turn;

/* In one call: wakes the other, and sleeps until it is this one's turn again. */
static void give_turn(uint32_t to)
{
	struct twz_sys_sync ops[] = {
		{.address = (uint64_t)&turn, .value = 1, .op = TWZ_SYNC_WAKE},
		{.address = (uint64_t)&turn, .value = to, .op = TWZ_SYNC_WAIT},
	};

	__atomic_store_n(&turn, to, __ATOMIC_RELEASE);
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) == to)
		SYS(thread_sync, ops, 2, ~0ull);
}

static _Noreturn void give_back(uint64_t arg)
{
	(void)arg;
	for (;;)
		give_turn(OURS);
}

static void take_turns(unsigned i)
{
	(void)i;
	give_turn(THEIRS);
}

static void measure_sync(void)
{
	struct twz_sys_usage before, after;
	struct spread round;

	thread_start(give_back, 0, (struct twz_id){0}, (struct twz_id){0});
	before = usage_now();
	round = measure(take_turns, REPEATS);
	after = usage_now();
	if (after.switches - before.switches < 2 * (WARM + REPEATS))
		must(TWZ_E_IO, "the threads do not switch each time");
	figure("sync_round", round.median);
	must(SYS(thread_priority, ID(minimal.sys.thread), TWZ_PRIORITY_HIGH), "thread_priority");
	figure("sync_round_unequal", measure(take_turns, REPEATS).median);
	must(SYS(thread_priority, ID(minimal.sys.thread), TWZ_PRIORITY_NORMAL), "thread_priority");
}

/* ---- faults -------------------------------------------------------------------------------------- */

#define SLOT 1024u

static uint64_t nowhere;

/* A store that fails, three bytes long: its handler goes on behind it. */
static void store(unsigned i)
{
	(void)i;
	__asm__ volatile("movb $1, (%0)" : : "a"(nowhere) : "memory");
}
#define STORE_BYTES 3

/* rdi: struct twz_upcall. As short as a handler can be: into the program, and out of it again. */
__attribute__((naked)) static void step_over(void)
{
	__asm__("addq %0, %c1(%%rdi)\n\t"
		"mov %2, %%eax\n\t"
		"syscall\n\t"
		"ud2"
		:
		: "i"(STORE_BYTES), "i"(offsetof(struct twz_upcall, registers.rip)),
		  "i"(TWZ_SYS(thread_resume)));
}

static void measure_one(const char *name, uint64_t address)
{
	uint64_t before = usage_now().upcalls;

	nowhere = address;
	figure(name, measure(store, REPEATS).median);
	if (usage_now().upcalls - before != WARM + REPEATS)
		must(TWZ_E_IO, "not every store was an upcall");
}

/*
 * Where nothing is mapped, in the page of an object that is never there, where the entry lacks the right. The
 * thread that measures has this handler instead of the runtime's, and needs no other.
 */
static void measure_upcall(void)
{
	static _Alignas(16) uint8_t stack[8192];
	struct twz_id id = object_new(TWZ_TYPE_DATA, TWZ_OBJECT_VOLATILE, 1);
	uint64_t shown = (uint64_t)map(SLOT, id);

	view_enter(view_own(), SLOT, id, 0, TWZ_VIEW_READ);
	must(SYS(thread_handler, step_over, stack + sizeof(stack), sizeof(stack)),
	     "thread_handler");
	measure_one("upcall", TWZ_PAGE);
	measure_one("upcall_null", shown & ~(TWZ_SLOT_SIZE - 1));
	measure_one("upcall_right", shown);
}

int main(void)
{
	measure_null_call();
	measure_sync();
	measure_upcall();
	return 0;
}
