/*
 * threads.c - threads: their making and end, what is tied to them, turns on the processors, registers.
 */
#include <cpuid.h>

#include "tests/guest/bare.h"

#define CHAIN 1000u
#define MANY 500u
#define STACK_BYTES 4096u

static uint8_t stacks[CHAIN][STACK_BYTES] __attribute__((aligned(64)));
static uint32_t gate; /* 0: shut */
static uint32_t arrived;
static struct twz_id children[4];

static struct twz_id start(void (*run)(uint64_t), unsigned stack, uint64_t arg)
{
	return bare_thread(run, stacks[stack + 1], arg, TWZ_THREAD_SAME);
}

static void ends(uint64_t status)
{
	bare_end((uint32_t)status);
}

static void sleeps(uint64_t unused)
{
	static const uint32_t never;

	(void)unused;
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	for (;;)
		bare_wait(&never, 0, ~0ull);
}

static void runs(uint64_t unused)
{
	(void)unused;
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	for (;;)
		__builtin_ia32_pause();
}

static void faults(uint64_t unused)
{
	(void)unused;
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	__builtin_trap();
}

/* ---- ends ------------------------------------------------------------------------------------------ */

TEST(a_thread_ends_with_its_status)
{
	CHECK_EQ(bare_join(start(ends, 0, 7)), 7);
	CHECK_EQ(bare_join(start(ends, 0, 0xffffffff)), 0xffffffff);
}

TEST(a_thread_is_told_of_in_its_object)
{
	struct twz_thread seen;
	struct twz_id id;

	arrived = 0;
	id = start(sleeps, 0, 0);
	bare_reaches(&arrived, 1);
	bare_becomes(id, TWZ_THREAD_SLEEPS);
	seen = bare_look(id);
	CHECK_EQ(seen.owner, minimal.sys.owner);
	CHECK(seen.number > minimal.sys.number);
	CHECK_EQ(seen.view.lo, minimal.sys.view.lo);
	CHECK(!strcmp(seen.name, "bare"));
	CHECK(seen.start_ns <= (uint64_t)SYS(clock, 0));
	test_delete(id);
}

/* Killed by another thread, in whatever state. */
static void kill(void (*run)(uint64_t), uint32_t status)
{
	struct twz_id id;

	arrived = 0;
	id = start(run, 0, 0);
	bare_reaches(&arrived, 1);
	CHECK_EQ(SYS(thread_kill, ID(id), status), 0);
	CHECK_EQ(bare_await(id), status);
	CHECK_EQ(SYS(thread_kill, ID(id), status + 1), 0); /* too late */
	CHECK_EQ(bare_join(id), status);
}

TEST(a_thread_that_sleeps_is_killed)
{
	for (uint32_t i = 0; i < 50; i++)
		kill(sleeps, i);
}

TEST(a_thread_that_runs_is_killed)
{
	for (uint32_t i = 0; i < 50; i++)
		kill(runs, i);
}

TEST(a_thread_that_waits_for_its_turn_is_killed)
{
	struct twz_id id[16];

	for (unsigned i = 0; i < 16; i++)
		id[i] = start(runs, i, 0);
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(SYS(thread_kill, ID(id[i]), i), 0);
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(bare_join(id[i]), i);
}

static void kills_itself(uint64_t unused)
{
	struct twz_sys_info info;

	(void)unused;
	SYS(info, &info);
	SYS(thread_kill, ID(info.thread), 77);
	bare_end(1);
}

TEST(a_thread_kills_itself)
{
	CHECK_EQ(bare_join(start(kills_itself, 0, 0)), 77);
}

static void deletes_itself(uint64_t unused)
{
	struct twz_sys_info info;

	(void)unused;
	SYS(info, &info);
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	SYS(object_delete, ID(info.thread));
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	bare_end(1);
}

TEST(deleting_a_threads_object_ends_it)
{
	uint64_t threads = bare_usage().threads;
	struct twz_id id;

	arrived = 0;
	id = start(runs, 0, 0);
	bare_reaches(&arrived, 1);
	test_delete(id);
	CHECK(!bare_exists(id));
	bare_threads_are(threads);
	arrived = 0;
	id = start(deletes_itself, 0, 0);
	bare_threads_are(threads);
	CHECK(!bare_exists(id));
	CHECK_EQ(arrived, 1);
}

TEST(a_fault_that_nobody_handles_ends_the_thread)
{
	arrived = 0;
	CHECK_EQ(bare_join(start(faults, 0, 0)), 139);
	CHECK_EQ(arrived, 1);
}

static uint32_t spun;

static void spins(uint64_t unused)
{
	(void)unused;
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	for (;;)
		__atomic_add_fetch(&spun, 1, __ATOMIC_RELAXED);
}

/* The first of a program of its own: one sleeps, two run, then all end. */
static void ends_all(uint64_t status)
{
	children[0] = start(sleeps, 1, 0);
	children[1] = start(spins, 2, 0);
	children[2] = start(spins, 3, 0);
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 3)
		__builtin_ia32_pause();
	for (;;)
		SYS(thread_exit, status, true);
}

TEST(one_thread_ends_all_of_its_program)
{
	uint64_t threads = bare_usage().threads;
	struct twz_id first;
	uint32_t before;

	arrived = 0;
	first = bare_thread(ends_all, stacks[1], 9, 0);
	CHECK(bare_look(first).owner != minimal.sys.owner);
	CHECK_EQ(bare_await(first), 9);
	bare_threads_are(threads);
	before = __atomic_load_n(&spun, __ATOMIC_RELAXED);
	test_sleep(30000000);
	CHECK_EQ(__atomic_load_n(&spun, __ATOMIC_RELAXED), before);
	for (unsigned i = 0; i < 3; i++)
		CHECK(!bare_exists(children[i]));
	test_delete(first);
}

/* ---- ties ------------------------------------------------------------------------------------------ */

/* How a thread can end, by another. */
static void end_by_kill(struct twz_id id)
{
	CHECK_EQ(SYS(thread_kill, ID(id), 1), 0);
}

static void end_by_deletion(struct twz_id id)
{
	test_delete(id);
}

static void end_by_itself(struct twz_id id)
{
	(void)id;
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	bare_wake(&gate, ~0u);
}

/* Starts a child that sleeps, waits at the gate, ends. */
static void parent(uint64_t unused)
{
	(void)unused;
	children[0] = start(sleeps, 1, 0);
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		bare_wait(&gate, 0, ~0ull);
	bare_end(0);
}

static void faulting_parent(uint64_t unused)
{
	(void)unused;
	children[0] = start(sleeps, 1, 0);
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		bare_wait(&gate, 0, ~0ull);
	__builtin_trap();
}

/* Objects tied at its making and afterwards, and its child: none outlives it. */
static void tied(void (*run)(uint64_t), void (*end)(struct twz_id))
{
	struct twz_sys_thread new = {
		.entry = (uint64_t)run, .stack = (uint64_t)stacks[1] - 8, .flags = TWZ_THREAD_SAME};
	struct twz_sys_new object = {.perms = TEST_PERMS, .flags = TWZ_OBJECT_VOLATILE};
	uint64_t threads = bare_usage().threads;
	struct twz_id id, later;

	arrived = gate = 0;
	for (unsigned i = 0; i < TWZ_THREAD_TIES; i++)
		new.tie[i] = test_object(TWZ_OBJECT_VOLATILE);
	CHECK_EQ(SYS(thread_new, &new, &id), 0);
	object.tie = id;
	CHECK_EQ(SYS(object_new, &object, &later), 0);
	bare_reaches(&arrived, 2);
	for (unsigned i = 0; i < TWZ_THREAD_TIES; i++)
		CHECK(bare_exists(new.tie[i]));
	CHECK(bare_exists(later) && bare_exists(children[0]));
	end(id);
	bare_threads_are(threads);
	for (unsigned i = 0; i < TWZ_THREAD_TIES; i++)
		CHECK(!bare_exists(new.tie[i]));
	CHECK(!bare_exists(later) && !bare_exists(children[0]));
	SYS(object_delete, ID(id));
}

TEST(what_is_tied_goes_when_a_thread_exits)
{
	tied(parent, end_by_itself);
}

TEST(what_is_tied_goes_when_a_thread_faults)
{
	tied(faulting_parent, end_by_itself);
}

TEST(what_is_tied_goes_when_a_thread_is_killed)
{
	tied(parent, end_by_kill);
}

TEST(what_is_tied_goes_when_a_thread_is_deleted)
{
	tied(parent, end_by_deletion);
}

/* A thread's object tied to the thread that it starts: each ends with the other. */
TEST(threads_tied_in_a_ring_end_together)
{
	struct twz_sys_thread new = {.entry = (uint64_t)sleeps,
				     .stack = (uint64_t)stacks[2] - 8,
				     .flags = TWZ_THREAD_SAME};
	uint64_t threads = bare_usage().threads;
	struct twz_id a, b;

	arrived = 0;
	a = start(sleeps, 0, 0);
	new.tie[0] = a;
	CHECK_EQ(SYS(thread_new, &new, &b), 0);
	bare_reaches(&arrived, 2);
	CHECK_EQ(SYS(thread_kill, ID(b), 1), 0);
	bare_threads_are(threads);
	CHECK(!bare_exists(a));
	test_delete(b);
}

/* Each starts the next one. */
static void link(uint64_t n)
{
	if (n + 1 < CHAIN)
		start(link, (unsigned)n + 1, n + 1);
	sleeps(0);
}

static void chain(void (*end)(struct twz_id))
{
	uint64_t threads = bare_usage().threads;
	struct twz_id first;

	arrived = 0;
	first = start(link, 0, 0);
	bare_reaches(&arrived, CHAIN);
	CHECK_EQ(bare_usage().threads, threads + CHAIN);
	end(first);
	bare_threads_are(threads);
	SYS(object_delete, ID(first));
}

TEST(a_chain_of_threads_ends_with_the_first_one_killed)
{
	chain(end_by_kill);
}

TEST(a_chain_of_threads_ends_with_the_first_one_deleted)
{
	chain(end_by_deletion);
}

static void comes_and_goes(uint64_t n)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		bare_wait(&gate, 0, ~0ull);
	bare_end((uint32_t)n);
}

TEST(five_hundred_threads_at_once)
{
	static struct twz_id id[MANY];
	uint64_t threads = bare_usage().threads;

	arrived = gate = 0;
	for (unsigned i = 0; i < MANY; i++)
		id[i] = start(comes_and_goes, i, i);
	bare_reaches(&arrived, MANY);
	CHECK_EQ(bare_usage().threads, threads + MANY);
	end_by_itself(id[0]);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_EQ(bare_join(id[i]), i);
	bare_threads_are(threads);
}

/* ---- turns ----------------------------------------------------------------------------------------- */

#define SPINNERS 6u
#define ROUND_NS ((SPINNERS + 2) * 30000000ull) /* a turn of each, with much to spare */

/* A sleep is followed by one round of all others at most; on a host that is busy a round may take longer. */
static bool sleeps_a_round(void)
{
	const uint64_t begun = twz_rt_time_ns();

	test_sleep(1000000);
	return twz_rt_time_ns() - begun < ROUND_NS;
}

/* So does a turn; but the longer they run, the less does that count. */
static bool share_evenly(const struct twz_id id[SPINNERS])
{
	uint64_t least = ~0ull, most = 0;

	for (unsigned i = 0; i < SPINNERS; i++) {
		const uint64_t ran = bare_look(id[i]).run_cycles;

		least = ran < least ? ran : least;
		most = ran > most ? ran : most;
	}
	return least && most / 3 <= least;
}

TEST(endless_loops_keep_nobody_from_running_and_share_evenly)
{
	struct twz_id id[SPINNERS];
	unsigned in_time = 0;
	uint64_t begun;

	arrived = 0;
	for (unsigned i = 0; i < SPINNERS; i++)
		id[i] = start(runs, i, 0);
	bare_reaches(&arrived, SPINNERS);
	begun = twz_rt_time_ns();
	while (in_time < 20 && bare_patient(begun))
		in_time += sleeps_a_round();
	CHECK_EQ(in_time, 20);
	do
		test_sleep(BARE_SECOND_NS);
	while (!share_evenly(id) && bare_patient(begun));
	CHECK(share_evenly(id));
	for (unsigned i = 0; i < SPINNERS; i++)
		test_delete(id[i]);
}

/* ---- registers ------------------------------------------------------------------------------------- */

#define CARRIERS 5u
#define ROUNDS 12u
#define SPIN 3000000ull

struct pattern {
	uint64_t self; /* at FS and GS base */
	uint64_t vector[16][4];
	uint64_t general[9]; /* r8 to r15, flags */
};
static struct pattern wanted[CARRIERS], found[CARRIERS];
static bool wide; /* ymm */

/* r8 to r15 and flags as at p, through a loop that changes neither; as they are then to q. */
static void carry_general(const uint64_t p[9], uint64_t q[9])
{
	uint64_t spin = SPIN;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t" /* the red zone */
			 "mov 0(%%rdi), %%r8\n\t"
			 "mov 8(%%rdi), %%r9\n\t"
			 "mov 16(%%rdi), %%r10\n\t"
			 "mov 24(%%rdi), %%r11\n\t"
			 "mov 32(%%rdi), %%r12\n\t"
			 "mov 40(%%rdi), %%r13\n\t"
			 "mov 48(%%rdi), %%r14\n\t"
			 "mov 56(%%rdi), %%r15\n\t"
			 "pushq 64(%%rdi)\n\t"
			 "popfq\n\t"
			 "1: lea -1(%%rcx), %%rcx\n\t"
			 "jrcxz 2f\n\t"
			 "jmp 1b\n\t"
			 "2: pushfq\n\t"
			 "popq 64(%%rsi)\n\t"
			 "cld\n\t"
			 "mov %%r8, 0(%%rsi)\n\t"
			 "mov %%r9, 8(%%rsi)\n\t"
			 "mov %%r10, 16(%%rsi)\n\t"
			 "mov %%r11, 24(%%rsi)\n\t"
			 "mov %%r12, 32(%%rsi)\n\t"
			 "mov %%r13, 40(%%rsi)\n\t"
			 "mov %%r14, 48(%%rsi)\n\t"
			 "mov %%r15, 56(%%rsi)\n\t"
			 "lea 128(%%rsp), %%rsp\n\t"
			 : "+c"(spin)
			 : "D"(p), "S"(q)
			 : "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
}

#define EACH(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_YMM(n) "vmovdqu 32*" #n "(%1), %%ymm" #n "\n\t"
#define STORE_YMM(n) "vmovdqu %%ymm" #n ", 32*" #n "(%2)\n\t"
#define LOAD_XMM(n) "movdqu 32*" #n "(%1), %%xmm" #n "\n\t"
#define STORE_XMM(n) "movdqu %%xmm" #n ", 32*" #n "(%2)\n\t"
#define CLOBBER(n) "xmm" #n,
#define LOOP            \
	"1: dec %0\n\t" \
	"jnz 1b\n\t"

static void carry_vector(const uint64_t p[16][4], uint64_t q[16][4])
{
	uint64_t spin = SPIN;

	if (wide)
		__asm__ volatile(EACH(LOAD_YMM) LOOP EACH(STORE_YMM) "vzeroupper"
				 : "+r"(spin)
				 : "r"(p), "r"(q)
				 : EACH(CLOBBER) "memory", "cc");
	else
		__asm__ volatile(EACH(LOAD_XMM) LOOP EACH(STORE_XMM)
				 : "+r"(spin)
				 : "r"(p), "r"(q)
				 : EACH(CLOBBER) "memory", "cc");
}

static uint64_t at_fs(void)
{
	uint64_t value;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(value));
	return value;
}

static uint64_t at_gs(void)
{
	uint64_t value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

static void pattern_set(struct pattern *p, uint64_t n)
{
	const uint64_t flags[] = {1, 1 << 10, 1 << 11 | 1, 1 << 6 | 1 << 21, 1 << 18 | 1 << 2};

	p->self = n;
	for (unsigned i = 0; i < 64; i++)
		p->vector[i / 4][i % 4] = wide || i % 4 < 2 ? (n + 1) * 0x0101010101010101 + i : 0;
	for (unsigned i = 0; i < 8; i++)
		p->general[i] = ~n << 32 | i;
	p->general[8] = 0x202 | flags[n % 5]; /* CF; DF; OF, CF; ZF, ID; AC, PF */
}

static void carry(uint64_t n)
{
	struct pattern *p = &wanted[n], *q = &found[n];

	pattern_set(p, n);
	CHECK_EQ(SYS(thread_segment, p), 0);
	__asm__ volatile("wrgsbase %0" : : "r"(p));
	for (unsigned i = 0; i < ROUNDS || !__atomic_load_n(&gate, __ATOMIC_ACQUIRE); i++) {
		memset(q, 0, sizeof(*q));
		carry_general(p->general, q->general);
		carry_vector(p->vector, q->vector);
		CHECK(!memcmp(p->general, q->general, sizeof(p->general)));
		CHECK(!memcmp(p->vector, q->vector, sizeof(p->vector)));
		CHECK_EQ(at_fs(), n);
		CHECK_EQ(at_gs(), n);
	}
}

TEST(registers_survive_switches)
{
	struct test_thread *thread[CARRIERS];
	uint64_t switches = bare_usage().switches;
	unsigned a, b, c, d;

	__cpuid(1, a, b, c, d);
	wide = c & bit_OSXSAVE && c & bit_AVX;
	__cpuid_count(7, 0, a, b, c, d);
	if (!CHECK(b & bit_FSGSBASE))
		return;
	gate = 0;
	for (unsigned i = 0; i < CARRIERS; i++)
		thread[i] = test_thread(carry, i);
	/* They go on until there were enough. */
	while (bare_usage().switches - switches <= 2 * CARRIERS)
		test_sleep(1000000);
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < CARRIERS; i++)
		test_join(thread[i]);
}

/* ---- owners ---------------------------------------------------------------------------------------- */

TEST(a_lock_of_a_dead_owner_is_settled_and_of_a_living_one_is_busy)
{
	struct twz_id object = test_object(TWZ_OBJECT_ENDING), thread;
	struct twz_meta *meta =
		(void *)(test_map(TEST_SLOT, object, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
			 TWZ_OBJ_META);
	struct twz_thread seen;

	arrived = 0;
	thread = bare_thread(sleeps, stacks[1], 0, 0);
	bare_reaches(&arrived, 1);
	seen = bare_look(thread);
	CHECK(seen.owner && seen.owner != minimal.sys.owner);
	meta->log.lock = minimal.sys.epoch << 32 | seen.owner;
	CHECK_EQ(SYS(object_settle, ID(object)), TWZ_E_BUSY);
	CHECK_EQ(meta->log.lock, minimal.sys.epoch << 32 | seen.owner);
	CHECK_EQ(SYS(thread_kill, ID(thread), 0), 0);
	bare_join(thread);
	CHECK_EQ(SYS(object_settle, ID(object)), 0);
	CHECK_EQ(meta->log.lock, 0);
	test_unmap(TEST_SLOT);
	test_delete(object);
}

/* ---- lists ----------------------------------------------------------------------------------------- */

/* How often the thread is in the list; *all: how many there are. */
static unsigned listed(struct twz_id thread, unsigned *all)
{
	struct twz_id id = {0};
	unsigned times = 0;
	int64_t error;

	for (*all = 0; !(error = SYS(thread_next, &id)); ++*all)
		times += id.lo == thread.lo && id.hi == thread.hi;
	CHECK_EQ(error, TWZ_E_NOTFOUND);
	return times;
}

TEST(threads_are_listed_once_each_until_they_are_deleted)
{
	struct twz_id id[8], none = {.lo = 1, .hi = 2};
	unsigned all, more;

	CHECK_EQ(listed(minimal.sys.thread, &all), 1);
	arrived = 0;
	for (unsigned i = 0; i < 8; i++)
		id[i] = start(sleeps, i, 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(listed(id[i], &more), 1);
	CHECK_EQ(more, all + 8);
	CHECK_EQ(SYS(thread_kill, ID(id[0]), 0), 0);
	bare_await(id[0]);
	CHECK_EQ(listed(id[0], &more), 1);
	for (unsigned i = 0; i < 8; i++)
		test_delete(id[i]);
	CHECK_EQ(listed(id[0], &more), 0);
	CHECK_EQ(more, all);
	CHECK_EQ(SYS(thread_next, &none), TWZ_E_NOTFOUND);
}

/* ---- another view ---------------------------------------------------------------------------------- */

#define THERE 100u /* the report's slot in the other view */

/* In a view that has nothing of ours but the text, a stack and the report. */
static void elsewhere(uint64_t report)
{
	uint64_t *to = (uint64_t *)report;
	struct twz_sys_info info;

	SYS(info, &info);
	to[0] = info.view.lo;
	to[1] = info.view.hi;
	bare_end(5);
}

TEST(a_thread_runs_in_another_view)
{
	const uint32_t rights = TWZ_VIEW_READ | TWZ_VIEW_WRITE;
	struct twz_id view = test_object_of(TWZ_TYPE_VIEW, TEST_PERMS, TWZ_OBJECT_VOLATILE);
	struct twz_id report = test_object(TWZ_OBJECT_VOLATILE), id;
	struct twz_sys_thread new = {.view = view,
				     .entry = (uint64_t)elsewhere,
				     .stack = ((uint64_t)(THERE + 1) << TWZ_SLOT_SHIFT) - 8,
				     .arg = TWZ_SLOT_DATA_AT(THERE)};
	struct twz_view *v = (void *)(test_map(TEST_SLOT, view, rights) + TWZ_OBJ_DATA);
	const uint64_t *seen = (void *)(test_map(TEST_SLOT + 1, report, rights) + TWZ_OBJ_DATA);

	CHECK_EQ(SYS(thread_new, &new, &id), TWZ_E_DAMAGED); /* no header yet */
	v->magic = TWZ_VIEW_MAGIC;
	v->version = 1;
	v->slot[TWZ_SLOT_TEXT] = view_own()->slot[TWZ_SLOT_TEXT];
	view_enter(v, THERE, report, minimal.sys.epoch, rights);
	CHECK_EQ(SYS(thread_new, &new, &id), 0);
	CHECK_EQ(bare_join(id), 5);
	CHECK_EQ(seen[0], view.lo);
	CHECK_EQ(seen[1], view.hi);
	new.view = report;
	CHECK_EQ(SYS(thread_new, &new, &id), TWZ_E_TYPE);
	test_unmap(TEST_SLOT);
	test_unmap(TEST_SLOT + 1);
	test_delete(view);
	test_delete(report);
}
