/*
 * gatecross.c - crossings at random for a while, on all processors: by calls and jumps, nested, with deadlines,
 * through gates that are published anew, taken away and put back, by threads that are suspended and killed.
 *
 * What a crossing brings back is either right, or an error that there was a reason for. What a thread does follows
 * from a seed, which is said; how threads meet differs from run to run.
 */
#include "tests/guest/gate.h"

#define SEED 20260601u
#define RUN_NS (3 * BARE_SECOND_NS)
#define PLACES 3u
#define CROSSERS 4u
#define NEST_MAX 4u
#define VALUE_MAX 0xffffffu
#define MS 1000000ull

/* With a view of its own, the same without deadlines, and in place. */
static const uint32_t kinds[PLACES] = {TWZ_GATE_PUBLIC | TWZ_GATE_ABORTABLE, TWZ_GATE_PUBLIC,
				       TWZ_GATE_PUBLIC | TWZ_GATE_ABORTABLE | TWZ_GATE_IN_PLACE};
static struct gate_place places[PLACES];
static struct twz_id caller;
static uint32_t over, crossed, failed, wrong;
static struct {
	int64_t result, expected;
	uint64_t seed;
} first_wrong;

static uint64_t next(uint64_t seed)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- what crosses ------------------------------------------------------------------------------------- */

/* The way that follows from a seed: where it leads, and what comes back if nothing is in the way. */
static uint32_t place_of(uint64_t seed)
{
	return (uint32_t)(seed >> 20) % PLACES;
}

static int64_t expected(uint64_t seed, uint64_t depth)
{
	if (!depth)
		return (int64_t)(seed >> 30 & VALUE_MAX);
	return (expected(next(seed), depth - 1) * 3 + place_of(seed)) & VALUE_MAX;
}

/* Nested ones do not wait for stacks, or two could wait for each other. */
static int64_t climbs(uint64_t seed, uint64_t depth)
{
	const uint32_t p = place_of(seed);
	struct twz_sys_gate gate = gate_to(&places[p], GATE_APPLY);
	int64_t result;

	if (!depth) {
		for (uint32_t n = (uint32_t)(seed >> 40) % 512; n; n--)
			__builtin_ia32_pause();
		if (seed >> 50 & 1)
			test_sleep(MS / 4);
		return (int64_t)(seed >> 30 & VALUE_MAX);
	}
	if (!twz_id_equal(gate_active(), caller))
		gate.flags = TWZ_GATE_NOWAIT;
	if (kinds[p] & TWZ_GATE_ABORTABLE && (seed >> 10) % 4 == 0)
		gate.timeout_ns = (seed >> 12) % 4 * MS;
	result = gate_call(&gate, (uint64_t)climbs, next(seed), depth - 1, 0, 0);
	return result < 0 ? result : (result * 3 + p) & VALUE_MAX;
}

static void judge(int64_t result, int64_t right, uint64_t seed)
{
	const bool refused =
		result == TWZ_E_NOTFOUND || result == TWZ_E_BUSY || result == TWZ_E_TIMEOUT;

	if (result == right) {
		__atomic_add_fetch(&crossed, 1, __ATOMIC_RELAXED);
	} else if (refused) {
		__atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
	} else if (!__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED)) {
		first_wrong.result = result;
		first_wrong.expected = right;
		first_wrong.seed = seed;
	}
}

static int64_t fails(uint64_t status, uint64_t all)
{
	SYS(thread_exit, status, all);
	return 0;
}

static void cross(uint64_t seed)
{
	const uint64_t depth = 1 + (seed >> 8) % NEST_MAX;

	switch (seed % 8) {
	case 0:
		judge(gate_apply(&places[place_of(seed)], fails, 1, seed >> 9 & 1), TWZ_E_CALLEE,
		      seed);
		break;
	case 1:
		judge(gate_enter(&places[place_of(seed)], GATE_ADD, seed & VALUE_MAX, 7, 0),
		      (int64_t)(seed & VALUE_MAX) + 7, seed);
		break;
	default:
		judge(climbs(seed, depth), expected(seed, depth), seed);
	}
}

static void crosses(uint64_t seed)
{
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		seed = next(seed);
		cross(seed);
	}
}

/* ---- what happens to them ------------------------------------------------------------------------------ */

static struct test_thread *crossers[CROSSERS];

static void begin(uint32_t i, uint64_t seed)
{
	crossers[i] = test_thread_as(caller, crosses, seed | 1);
}

static void disturb(uint64_t seed)
{
	struct gate_place *p = &places[(seed >> 8) % PLACES];
	const uint32_t i = (uint32_t)(seed >> 12) % CROSSERS;
	const struct twz_id id = test_thread_id(crossers[i]);

	switch (seed % 8) {
	case 0:
		CHECK_EQ(SYS(thread_kill, ID(id), 9), 0);
		CHECK_EQ(test_join(crossers[i]), 9);
		begin(i, seed >> 3);
		break;
	case 1:
		p->header->ngates = 0;
		gate_publish(p);
		test_sleep((seed >> 16) % 4 * MS);
		p->header->ngates = 1;
		gate_publish(p);
		break;
	case 2:
		p->gate->nstacks = 1 + (seed >> 16) % 5;
		gate_publish(p);
		break;
	case 3:
	case 4:
		CHECK_EQ(SYS(thread_suspend, ID(id), true), 0);
		test_sleep((seed >> 16) % 2 * MS);
		CHECK_EQ(SYS(thread_suspend, ID(id), false), 0);
		break;
	default:
		gate_publish(p);
		test_sleep((seed >> 16) % 2 * MS);
	}
}

static void show_all(void)
{
	for (uint32_t in = 0; in < PLACES; in++)
		for (uint32_t of = 0; of < PLACES && places[in].table; of++) {
			gate_show(&places[in], places[of].slot + GATE_SLOT_CODE, places[of].code,
				  TWZ_VIEW_READ | TWZ_VIEW_EXEC);
			gate_show(&places[in], places[of].slot + GATE_SLOT_STACKS,
				  places[of].stacks, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
		}
}

static bool were_enough(uint32_t disturbed)
{
	return __atomic_load_n(&crossed, __ATOMIC_RELAXED) > 1000 && disturbed > 20;
}

TEST(crossings_at_random_with_revocations)
{
	const uint64_t begun = twz_rt_time_ns();
	uint64_t seed = SEED;
	uint32_t done = 0;

	over = crossed = failed = wrong = 0;
	caller = gate_context(minimal.sys.key);
	for (uint32_t i = 0; i < PLACES; i++)
		gate_place_make(&places[i], minimal.sys.key, TEST_SLOT + i * GATE_SLOTS, kinds[i]);
	show_all();
	for (uint32_t i = 0; i < CROSSERS; i++)
		begin(i, SEED + 77 * i);
	/* Where the host is busy it takes longer until there were enough. */
	while (!wrong &&
	       (twz_rt_time_ns() - begun < RUN_NS || (!were_enough(done) && bare_patient(begun)))) {
		seed = next(seed);
		disturb(seed);
		done++;
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < CROSSERS; i++)
		CHECK_EQ(test_join(crossers[i]), 0);
	test_say("gatecross: %u crossings, %u refused, %u disturbed, seed %u", crossed, failed,
		 done, SEED);
	if (!CHECK_EQ(wrong, 0))
		test_say("the first one: %lld instead of %lld, seed 0x%llx",
			 (long long)first_wrong.result, (long long)first_wrong.expected,
			 (unsigned long long)first_wrong.seed);
	CHECK(were_enough(done));
	gate_context_end(caller);
	for (uint32_t i = 0; i < PLACES; i++)
		gate_place_end(&places[i]);
}
