/*
 * revoke.c - taking a right away from a thread that is using it: by publishing, and by time. To be run
 * with two processors, so that the thread runs on the other one.
 */
#include "bench/guest/lib/rights.h"

#define ROUNDS 21u
#define EXPIRIES 5u
#define SLOT 1024u
#define SECOND_NS 1000000000ull
#define MS_NS 1000000ull

static const uint32_t never;

static struct twz_secret owner;
static struct twz_obj context; /* of the thread that stores */
static struct twz_id object;
static volatile uint64_t *word; /* in the object */

static volatile uint64_t last; /* time stamp after its last store */
static volatile uint64_t not_before;
static uint32_t begun; /* rounds that it may take, */
static uint32_t ended; /* and those that a fault has ended */

/* ---- the thread on the other processor ----------------------------------------------------------- */

static void await(const uint32_t *count, uint32_t more_than)
{
	for (uint32_t n; (n = __atomic_load_n(count, __ATOMIC_ACQUIRE)) <= more_than;)
		twz_rt_wait(count, n, ~0ull);
}

static void step(uint32_t *count)
{
	__atomic_add_fetch(count, 1, __ATOMIC_RELEASE);
	twz_rt_wake(count, 1);
}

/* Its fault handler: the store is done again in the next round. */
static _Noreturn void stopped(const struct twz_upcall *upcall)
{
	step(&ended);
	await(&begun, ended);
	while (now() < not_before)
		__builtin_ia32_pause();
	SYS(thread_resume, upcall);
	__builtin_unreachable();
}

static _Noreturn void store_for_ever(uint64_t arg)
{
	static _Alignas(16) uint8_t stack[8192];

	(void)arg;
	must(SYS(thread_handler, stopped, stack + sizeof(stack), sizeof(stack)), "thread_handler");
	await(&begun, 0);
	for (;;) {
		++*word;
		last = now();
		__builtin_ia32_pause();
	}
}

static void store_begins(void)
{
	uint64_t before = *word;

	step(&begun);
	while (*word - before < 100)
		__builtin_ia32_pause();
}

/* ---- revocation ---------------------------------------------------------------------------------- */

struct revocation {
	uint64_t took, waited, ipis, late;
};

static struct revocation revoke(uint32_t round)
{
	struct twz_sys_usage before, after;
	struct revocation r;
	uint64_t seen;

	must(twz_context_remove(&context, object), "remove");
	seen = *word;
	while (*word - seen < 100)
		__builtin_ia32_pause();
	before = usage_now();
	r.took = now();
	publish(&context);
	r.took = now() - r.took;
	seen = *word;
	after = usage_now();
	r.waited = after.shootdown_cycles - before.shootdown_cycles;
	r.ipis = after.shootdown_ipis - before.shootdown_ipis;
	await(&ended, round);
	r.late = *word - seen;
	return r;
}

/* While this processor waits for the other one, that is what runs: its instructions are the wait. */
static void measure_revocation(void)
{
	const struct twz_cap cap = give(&context, &owner, object, TWZ_READ | TWZ_WRITE, 0);
	struct revocation all = {0};

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct revocation r;

		publish(&context);
		store_begins();
		r = revoke(i);
		if (r.took - r.waited > all.took)
			all.took = r.took - r.waited;
		if (r.waited > all.waited)
			all.waited = r.waited;
		all.ipis += r.ipis;
		all.late += r.late;
		must(twz_context_add(&context, &cap, 1), "a capability");
	}
	must(twz_context_remove(&context, object), "remove");
	publish(&context);
	figure("revoke_rounds", ROUNDS);
	figure("revoke_most", all.took);
	figure("revoke_wait_most", all.waited);
	figure("revoke_ipis", all.ipis);
	figure("revoke_late", all.late);
}

/* ---- expiry -------------------------------------------------------------------------------------- */

static uint64_t cycles_of(uint64_t ns)
{
	return ns * (minimal.sys.cycles_per_s / 1000) / 1000000;
}

/*
 * From the first moment of the second in which the capability is void to the last store. Its signature
 * is known before, so that nobody sleeps after the decision: only the clock ends the stores.
 */
static int64_t expire(uint32_t round)
{
	uint64_t at_ns = twz_rt_time_ns(), at = now(), left, second = at_ns / SECOND_NS + 1;
	struct twz_cap cap;

	if (second * SECOND_NS - at_ns < 100 * MS_NS)
		second++;
	left = second * SECOND_NS - at_ns;
	cap = give(&context, &owner, object, TWZ_READ | TWZ_WRITE, second);
	publish(&context);
	store_begins();
	revoke(round);
	must(twz_context_add(&context, &cap, 1), "a capability");
	publish(&context);
	twz_rt_wait(&never, 0, left - 5 * MS_NS - (now() - at));
	not_before = at + cycles_of(left - 2 * MS_NS);
	store_begins();
	while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) <= round + 1)
		__builtin_ia32_pause();
	must(twz_context_remove(&context, object), "remove");
	return (int64_t)(last - (at + cycles_of(left)));
}

static void measure_expiry(void)
{
	int64_t most = INT64_MIN;

	for (uint32_t i = 0; i < EXPIRIES; i++) {
		int64_t late = expire(ROUNDS + 2 * i);

		if (late < -(int64_t)cycles_of(MS_NS / 100))
			must(TWZ_E_IO, "it was stopped before its time");
		if (late > most)
			most = late;
	}
	if (most < 0)
		most = 0;
	figure("expiry_ns", (uint64_t)most * 1000000 / (minimal.sys.cycles_per_s / 1000));
}

int main(void)
{
	key_new(&owner, TWZ_PERM_ALL);
	context = context_new(owner.id);
	share_program(context.id);
	object = object_under(owner.id, TWZ_OBJECT_ENDING);
	word = map(SLOT, object);
	*word = 0;
	thread_start(store_for_ever, 0, (struct twz_id){0}, context.id);
	measure_revocation();
	measure_expiry();
	return 0;
}
