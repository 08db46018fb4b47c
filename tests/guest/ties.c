/*
 * ties.c - ties between objects of all kinds, and what becomes of an object that is deleted while it is used.
 */
#include "tests/guest/bare.h"

#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define CHAIN 10000u
#define BUNCH 20000u

/* Of objects; what is tied to a lasting one it is asked for by name. */
static const uint32_t kinds[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING, 0};
#define KINDS 3u

static int64_t tie(struct twz_id object, struct twz_id to, uint32_t flags)
{
	return SYS(object_tie, ID(object), ID(to), flags);
}

static int64_t untie(struct twz_id object, struct twz_id to)
{
	return SYS(object_untie, ID(object), ID(to), TWZ_TIE_PLAIN);
}

/* Made, and tied whatever it is. */
static void tied(struct twz_id object, struct twz_id to)
{
	CHECK_EQ(tie(object, to, TWZ_TIE_ENDING), 0);
}

/* All that the kernel does in the background is done; what the store does takes longer. */
static bool there(struct twz_id id)
{
	bare_usage();
	return bare_exists(id);
}

static bool goes(struct twz_id id)
{
	const uint64_t end = twz_rt_time_ns() + BARE_PATIENCE_NS;

	while (there(id)) {
		if (twz_rt_time_ns() > end)
			return false;
		test_sleep(1000000);
	}
	return true;
}

/* Everything that was deleted is freed: so much of the store is in use. */
static bool store_is(uint64_t used)
{
	const uint64_t end = twz_rt_time_ns() + BARE_PATIENCE_NS;

	while (bare_usage().store_used != used) {
		if (twz_rt_time_ns() > end)
			return CHECK_EQ(bare_usage().store_used, used);
		test_sleep(1000000);
	}
	return true;
}

/* ---- two objects ----------------------------------------------------------------------------------- */

TEST(what_is_tied_goes_with_the_last_one_that_it_is_tied_to)
{
	for (unsigned a = 0; a < KINDS; a++)
		for (unsigned b = 0; b < KINDS * KINDS; b++) {
			struct twz_id object = test_object(kinds[a]),
				      one = test_object(kinds[b % KINDS]),
				      two = test_object(kinds[b / KINDS]);

			tied(object, one);
			tied(object, two);
			tied(object, two); /* twice is as once */
			test_delete(one);
			CHECK(there(object) && !there(one));
			test_delete(two);
			CHECK(goes(object));
		}
}

TEST(what_is_deleted_while_it_is_tied_stays_and_goes_with_its_last_tie)
{
	for (unsigned a = 0; a < KINDS; a++)
		for (unsigned b = 0; b < KINDS; b++) {
			struct twz_id object = test_object(kinds[a]), to = test_object(kinds[b]);
			uint8_t *at;

			tied(object, to);
			test_delete(object);
			test_delete(object);
			CHECK(there(object));
			at = test_map(TEST_SLOT, object, READ_WRITE) + TWZ_OBJ_DATA;
			CHECK_EQ(test_store(at).kind, 0); /* it can be used */
			test_unmap(TEST_SLOT);
			test_delete(to);
			CHECK(goes(object));
		}
}

TEST(untying_deletes_only_what_was_deleted)
{
	for (unsigned a = 0; a < KINDS; a++)
		for (unsigned b = 0; b < KINDS; b++) {
			struct twz_id object = test_object(kinds[a]), to = test_object(kinds[b]);

			CHECK_EQ(untie(object, to), TWZ_E_NOTFOUND);
			tied(object, to);
			CHECK_EQ(untie(object, to), 0);
			CHECK(there(object));
			CHECK_EQ(untie(object, to), TWZ_E_NOTFOUND);
			tied(object, to);
			test_delete(object);
			CHECK(there(object));
			CHECK_EQ(untie(object, to), 0);
			CHECK(!there(object) && there(to));
			test_delete(to);
		}
}

/* Of two kinds at once: it is one tie, that goes with the last of them. */
TEST(kinds_of_a_tie_come_and_go_one_by_one)
{
	for (unsigned a = 0; a < KINDS; a++)
		for (unsigned b = 0; b < KINDS; b++) {
			struct twz_id object = test_object(kinds[a]), to = test_object(kinds[b]);
			struct twz_sys_tie walk = {0};

			tied(object, to);
			CHECK_EQ(tie(object, to, TWZ_TIE_HOLD | TWZ_TIE_ENDING), 0);
			CHECK_EQ(SYS(object_ties, ID(object), &walk), 0);
			CHECK(twz_id_equal(walk.other, to));
			CHECK_EQ(walk.kinds & TWZ_TIE_KINDS, TWZ_TIE_PLAIN | TWZ_TIE_HOLD);
			CHECK_EQ(walk.kinds & TWZ_TIE_MARKED, 0);
			CHECK_EQ(walk.in, 0);
			test_delete(object);
			walk = (struct twz_sys_tie){0};
			CHECK_EQ(SYS(object_ties, ID(object), &walk), 0);
			CHECK_EQ(walk.kinds & TWZ_TIE_MARKED, TWZ_TIE_MARKED);
			walk = (struct twz_sys_tie){0};
			CHECK_EQ(SYS(object_ties, ID(to), &walk), 0);
			CHECK(walk.in && !(walk.kinds & TWZ_TIE_MARKED)); /* the other end is not */
			CHECK_EQ(untie(object, to), 0);
			CHECK(there(object));
			CHECK_EQ(SYS(object_untie, ID(object), ID(to), TWZ_TIE_HOLD), 0);
			CHECK(!there(object));
			test_delete(to);
		}
}

TEST(what_is_made_tied_goes_with_it)
{
	for (unsigned a = 0; a < KINDS; a++)
		for (unsigned b = 0; b < KINDS; b++) {
			struct twz_id to = test_object(kinds[b]), id;
			const struct twz_sys_new new = {.perms = TEST_PERMS,
							.flags = kinds[a],
							.tie = to,
							.tie_flags = TWZ_TIE_ENDING};

			CHECK_EQ(SYS(object_new, &new, &id), 0);
			test_delete(id);
			CHECK(there(id));
			test_delete(to);
			CHECK(goes(id));
		}
}

TEST(nothing_is_tied_to_itself_or_to_what_is_not_there)
{
	const struct twz_id none = {1, 2};

	for (unsigned a = 0; a < KINDS; a++) {
		struct twz_id object = test_object(kinds[a]);

		CHECK_EQ(tie(object, object, 0), TWZ_E_ARG);
		CHECK_EQ(tie(object, none, 0), TWZ_E_NOTFOUND);
		CHECK_EQ(tie(none, object, 0), TWZ_E_NOTFOUND);
		CHECK_EQ(untie(object, none), TWZ_E_NOTFOUND);
		test_delete(object);
		CHECK(!there(object));
	}
}

/* ---- what lasts, and what does not ----------------------------------------------------------------- */

static uint64_t end_of(struct twz_id id)
{
	struct twz_rt_stat stat = {0};

	CHECK_EQ(twz_rt_stat(id, &stat), 0);
	return stat.end_epoch;
}

TEST(what_lasts_is_tied_to_what_ends_only_if_that_is_asked_for)
{
	for (unsigned b = 0; b < 2; b++) {
		struct twz_id object = test_object(0), to = test_object(kinds[b]), id;
		struct twz_sys_new new = {.perms = TEST_PERMS, .tie = to};

		CHECK_EQ(tie(object, to, 0), TWZ_E_ARG);
		CHECK_EQ(tie(object, to, TWZ_TIE_SCOPED), TWZ_E_ARG);
		CHECK_EQ(SYS(object_new, &new, &id), TWZ_E_ARG);
		CHECK_EQ(end_of(object), 0);
		CHECK_EQ(tie(object, to, TWZ_TIE_ENDING), 0);
		test_delete(to);
		CHECK(goes(object));
	}
}

TEST(what_is_tied_to_something_volatile_cannot_be_kept)
{
	struct twz_id object = test_object(0), to = test_object(TWZ_OBJECT_VOLATILE);

	tied(object, to);
	CHECK_EQ(end_of(object), minimal.sys.epoch);
	CHECK_EQ(twz_rt_keep(object), TWZ_E_BUSY);
	CHECK_EQ(untie(object, to), 0);
	CHECK_EQ(end_of(object), minimal.sys.epoch);
	CHECK_EQ(twz_rt_keep(object), 0);
	CHECK_EQ(end_of(object), 0);
	test_delete(object);
	test_delete(to);
}

/* It is held by one that lasts, and by one in memory: it goes with the last of them, whichever that is. */
TEST(what_is_tied_in_the_store_and_in_memory_goes_with_the_last)
{
	for (unsigned order = 0; order < 4; order++) {
		struct twz_id object = test_object(0), lasting = test_object(0),
			      memory = test_object(TWZ_OBJECT_VOLATILE);

		tied(object, lasting);
		tied(object, memory);
		CHECK_EQ(end_of(object), 0);
		if (order & 2)
			test_delete(object);
		test_delete(order & 1 ? lasting : memory);
		CHECK(goes(order & 1 ? lasting : memory));
		for (unsigned i = 0; i < 20; i++) /* the store does it in the background */
			test_sleep(1000000);
		CHECK(there(object));
		CHECK_EQ(end_of(object), order & 1 ? minimal.sys.epoch : 0);
		test_delete(order & 1 ? memory : lasting);
		CHECK(goes(object));
	}
}

TEST(what_the_store_leads_to_is_tied_to_nothing)
{
	struct twz_id to = test_object(TWZ_OBJECT_VOLATILE), root = {0}, before;
	struct twz_sys_info info;

	CHECK_EQ(SYS(info, &info), 0);
	before = info.root;
	if (twz_id_none(before))
		root = before = test_object_of(TWZ_TYPE_NAMESPACE, TEST_PERMS, 0);
	if (!twz_id_none(root))
		CHECK_EQ(SYS(root_set, ID(root)), 0);
	CHECK_EQ(tie(before, to, TWZ_TIE_ENDING), TWZ_E_BUSY);
	CHECK_EQ(SYS(object_delete, ID(before)), TWZ_E_BUSY);
	test_delete(to);
}

/* ---- many ------------------------------------------------------------------------------------------ */

#define MANY 24u
static struct twz_id many[MANY];
static bool is_tied[MANY][MANY], is_marked[MANY], is_gone[MANY];

static uint64_t random_below(uint64_t *seed, uint64_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % n;
}

static unsigned ties_of(unsigned a)
{
	unsigned n = 0;

	for (unsigned b = 0; b < MANY; b++)
		n += is_tied[a][b];
	return n;
}

static void model_delete(unsigned a)
{
	if (is_gone[a])
		return;
	is_marked[a] = true;
	if (ties_of(a))
		return;
	is_gone[a] = true;
	for (unsigned b = 0; b < MANY; b++)
		if (is_tied[b][a]) {
			is_tied[b][a] = false;
			if (!ties_of(b))
				model_delete(b);
		}
}

static void compare(unsigned a)
{
	struct twz_sys_tie walk = {0};
	unsigned out = 0, in = 0;
	int64_t error;

	if (is_gone[a]) {
		CHECK(goes(many[a]));
		return;
	}
	CHECK(there(many[a]));
	while (!(error = SYS(object_ties, ID(many[a]), &walk))) {
		unsigned b = 0;

		while (b < MANY && !twz_id_equal(many[b], walk.other))
			b++;
		if (CHECK(b < MANY))
			CHECK(walk.in ? is_tied[b][a] : is_tied[a][b]);
		out += !walk.in;
		in += walk.in;
	}
	CHECK_EQ(error, TWZ_E_NOTFOUND);
	CHECK_EQ(out, ties_of(a));
	for (unsigned b = 0; b < MANY; b++)
		in -= is_tied[b][a];
	CHECK_EQ(in, 0);
}

/* It is deleted. All that goes with it has gone before the next step: what that does depends on it. */
static void deleted(unsigned a)
{
	model_delete(a);
	for (unsigned i = 0; i < MANY; i++)
		compare(i);
}

static void untied(unsigned a, unsigned b)
{
	CHECK_EQ(untie(many[a], many[b]), 0);
	is_tied[a][b] = false;
	if (is_marked[a])
		deleted(a);
}

/* Of all kinds, tied at random; circles hold themselves, as in the model. */
static void at_random(uint64_t seed)
{
	memset(is_tied, 0, sizeof(is_tied));
	memset(is_marked, 0, sizeof(is_marked));
	memset(is_gone, 0, sizeof(is_gone));
	for (unsigned i = 0; i < MANY; i++)
		many[i] = test_object(kinds[random_below(&seed, KINDS)]);
	for (unsigned step = 0; step < 400; step++) {
		unsigned a = (unsigned)random_below(&seed, MANY),
			 b = (unsigned)random_below(&seed, MANY);

		if (is_gone[a] || is_gone[b] || a == b)
			continue;
		if (step > 250 && !random_below(&seed, 8)) {
			test_delete(many[a]);
			deleted(a);
		} else if (is_tied[a][b] && !random_below(&seed, 3)) {
			untied(a, b);
		} else if (step < 250 || !random_below(&seed, 4)) {
			tied(many[a], many[b]);
			is_tied[a][b] = true;
		}
		compare(a);
	}
	for (unsigned a = 0; a < MANY; a++)
		for (unsigned b = 0; b < MANY; b++)
			if (is_tied[a][b])
				untied(a, b);
	for (unsigned a = 0; a < MANY; a++)
		if (!is_gone[a]) {
			test_delete(many[a]);
			CHECK(!there(many[a]));
		}
}

TEST(many_are_tied_to_many)
{
	for (uint64_t seed = 1; seed <= 6; seed++)
		at_random(seed * 0x9e3779b97f4a7c15ull);
}

TEST(a_circle_holds_itself_until_it_is_cut)
{
	for (unsigned k = 0; k < KINDS; k++) {
		struct twz_id ring[5];

		for (unsigned i = 0; i < 5; i++)
			ring[i] = test_object(kinds[k]);
		for (unsigned i = 0; i < 5; i++)
			tied(ring[i], ring[(i + 1) % 5]);
		for (unsigned i = 0; i < 5; i++)
			test_delete(ring[i]);
		for (unsigned i = 0; i < 5; i++)
			CHECK(there(ring[i]));
		CHECK_EQ(untie(ring[2], ring[3]), 0);
		for (unsigned i = 0; i < 5; i++)
			CHECK(goes(ring[i]));
	}
}

/* Nothing here is recursive, or longer than the lock may be held. */
TEST(a_chain_of_ten_thousand_goes_to_its_end)
{
	struct twz_sys_new new = {.perms = TEST_PERMS, .flags = TWZ_OBJECT_VOLATILE};
	uint64_t objects = bare_usage().objects;
	struct twz_id first, id;

	CHECK_EQ(SYS(object_new, &new, &first), 0);
	new.tie = first;
	for (unsigned i = 1; i < CHAIN; i++) {
		CHECK_EQ(SYS(object_new, &new, &id), 0);
		new.tie = id;
	}
	CHECK_EQ(bare_usage().objects, objects + CHAIN);
	test_delete(first);
	CHECK_EQ(bare_usage().objects, objects);
	CHECK(!bare_exists(id));
}

TEST(a_bunch_of_twenty_thousand_goes_with_one)
{
	struct twz_id to = test_object(TWZ_OBJECT_VOLATILE), id;
	const struct twz_sys_new new = {
		.perms = TEST_PERMS, .flags = TWZ_OBJECT_VOLATILE, .tie = to};
	uint64_t objects = bare_usage().objects;

	for (unsigned i = 0; i < BUNCH; i++)
		CHECK_EQ(SYS(object_new, &new, &id), 0);
	test_delete(to);
	CHECK_EQ(bare_usage().objects, objects - 1);
	CHECK(!bare_exists(id));
}

/* ---- the walk -------------------------------------------------------------------------------------- */

TEST(a_walk_tells_ties_out_and_then_ties_in)
{
	for (unsigned k = 0; k < KINDS; k++) {
		struct twz_id id = test_object(kinds[k]), out[KINDS], in[KINDS];
		struct twz_sys_tie walk = {0};
		unsigned outs = 0, ins = 0;

		for (unsigned i = 0; i < KINDS; i++) {
			tied(id, out[i] = test_object(kinds[i]));
			tied(in[i] = test_object(kinds[i]), id);
		}
		while (!SYS(object_ties, ID(id), &walk)) {
			CHECK(!walk.in || outs == KINDS);
			for (unsigned i = 0; i < KINDS; i++)
				if (twz_id_equal(walk.other, walk.in ? in[i] : out[i]))
					*(walk.in ? &ins : &outs) += 1;
		}
		CHECK_EQ(outs, KINDS);
		CHECK_EQ(ins, KINDS);
		walk = (struct twz_sys_tie){.other = out[0]};
		CHECK_EQ(untie(id, out[0]), 0);
		CHECK_EQ(SYS(object_ties, ID(id), &walk), TWZ_E_BUSY);
		walk.other = (struct twz_id){1, 2};
		CHECK_EQ(SYS(object_ties, ID(id), &walk), TWZ_E_BUSY);
		for (unsigned i = 0; i < KINDS; i++)
			test_delete(out[i]);
		CHECK(goes(id));
		for (unsigned i = 0; i < KINDS; i++)
			CHECK(goes(in[i]));
	}
}

/* ---- threads --------------------------------------------------------------------------------------- */

static uint8_t stacks[2][16384] __attribute__((aligned(16)));
static uint32_t gate;
static struct twz_id childs;

static void waits(uint64_t unused)
{
	(void)unused;
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		bare_wait(&gate, 0, ~0ull);
	bare_end(0);
}

static void faults(uint64_t unused)
{
	(void)unused;
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		bare_wait(&gate, 0, ~0ull);
	__builtin_trap();
}

static struct twz_id start(void (*run)(uint64_t), unsigned stack)
{
	return bare_thread(run, stacks[stack] + sizeof(stacks[stack]), 0, TWZ_THREAD_SAME);
}

static void starts_another(uint64_t unused)
{
	childs = start(waits, 1);
	waits(unused);
}

static void open_gate(void)
{
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	bare_wake(&gate, ~0u);
}

static void by_exit(struct twz_id thread)
{
	(void)thread;
	open_gate();
}

static void by_kill(struct twz_id thread)
{
	CHECK_EQ(SYS(thread_kill, ID(thread), 1), 0);
}

static void by_deletion(struct twz_id thread)
{
	test_delete(thread);
}

/* What a program makes for itself, of every kind and however it is tied, goes with its thread. */
static void ends(void (*run)(uint64_t), void (*end)(struct twz_id))
{
	const uint32_t how[] = {TWZ_TIE_PLAIN, TWZ_TIE_SCOPED, TWZ_TIE_PLAIN | TWZ_TIE_SCOPED};
	struct twz_id made[3 * KINDS], thread;

	gate = 0;
	thread = start(run, 0);
	for (unsigned i = 0; i < 3 * KINDS; i++) {
		made[i] = test_object(kinds[i % KINDS]);
		CHECK_EQ(tie(made[i], thread, how[i / KINDS] | TWZ_TIE_ENDING), 0);
		CHECK(there(made[i]));
	}
	end(thread);
	for (unsigned i = 0; i < 3 * KINDS; i++)
		CHECK(goes(made[i]));
	SYS(object_delete, ID(thread));
}

TEST(what_a_program_made_goes_when_its_thread_exits)
{
	ends(waits, by_exit);
}

TEST(what_a_program_made_goes_when_its_thread_faults)
{
	ends(faults, by_exit);
}

TEST(what_a_program_made_goes_when_its_thread_is_killed)
{
	ends(waits, by_kill);
}

TEST(what_a_program_made_goes_when_its_thread_is_deleted)
{
	ends(waits, by_deletion);
}

/* By way of the thread that it was started by. */
TEST(what_a_program_made_goes_when_its_creator_ends)
{
	struct twz_id made[KINDS], thread;

	gate = 0;
	childs = (struct twz_id){0};
	thread = start(starts_another, 0);
	while (twz_id_none(childs))
		test_sleep(1000000);
	for (unsigned i = 0; i < KINDS; i++)
		tied(made[i] = test_object(kinds[i]), childs);
	by_kill(thread);
	for (unsigned i = 0; i < KINDS; i++)
		CHECK(goes(made[i]));
	CHECK(goes(childs));
	test_delete(thread);
}

TEST(nothing_is_tied_to_a_thread_that_has_ended)
{
	struct twz_id object = test_object(TWZ_OBJECT_VOLATILE), thread;

	gate = 1;
	thread = start(waits, 0);
	bare_await(thread);
	CHECK_EQ(tie(object, thread, 0), TWZ_E_NOTFOUND);
	test_delete(thread);
	test_delete(object);
}

/* A thread is an object that can be tied, too: it is there as long as what it is tied to, and ends with that. */
TEST(a_thread_that_is_tied_ends_with_what_it_is_tied_to)
{
	for (unsigned k = 0; k < KINDS; k++) {
		struct twz_id object = test_object(kinds[k]), thread;
		uint64_t threads = bare_usage().threads;

		gate = 0;
		thread = start(waits, 0);
		CHECK_EQ(tie(thread, object, 0), 0);
		CHECK_EQ(SYS(object_untie, ID(thread), ID(minimal.sys.thread), TWZ_TIE_SCOPED),
			 TWZ_E_RIGHT); /* for good */
		test_delete(thread);
		CHECK(there(thread));
		CHECK_EQ(bare_usage().threads, threads + 1);
		test_delete(object);
		CHECK(goes(thread));
		bare_threads_are(threads);
	}
}

/* Who ends, and whom it started, are not kept by anything. */
TEST(a_thread_that_is_tied_ends_with_its_creator_nevertheless)
{
	struct twz_id object = test_object(TWZ_OBJECT_VOLATILE), thread;
	uint64_t threads = bare_usage().threads;

	gate = 0;
	childs = (struct twz_id){0};
	thread = start(starts_another, 0);
	while (twz_id_none(childs))
		test_sleep(1000000);
	CHECK_EQ(tie(childs, object, 0), 0);
	by_kill(thread);
	bare_threads_are(threads);
	CHECK(there(childs)); /* its object */
	test_delete(object);
	CHECK(goes(childs));
	test_delete(thread);
}

/* ---- deleted while it is used ---------------------------------------------------------------------- */

static const volatile uint8_t *looked_at;
static uint32_t looks, odd_looks;

static void looks_on(uint64_t arg)
{
	const struct twz_fault fault = test_load((const void *)arg);

	__atomic_store_n(&looks, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE)) {
		if (fault.kind || looked_at[0] != 1 || looked_at[5 * TWZ_PAGE] != 2)
			odd_looks++;
		__atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
	}
}

/* On another processor somebody reads it all the time. */
TEST(what_is_deleted_stays_for_those_who_have_it_mapped)
{
	for (unsigned k = 0; k < KINDS; k++) {
		uint64_t used = bare_usage().store_used;
		struct twz_id id = test_object(kinds[k]), other;
		uint8_t *at = test_map(TEST_SLOT, id, READ_WRITE) + TWZ_OBJ_DATA;
		struct test_thread *thread;
		uint32_t before;

		at[0] = 1;
		at[5 * TWZ_PAGE] = 2;
		looked_at = at;
		gate = looks = odd_looks = 0;
		thread = test_thread(looks_on, (uint64_t)at);
		bare_reaches(&looks, 10);
		test_delete(id);
		CHECK(!there(id));
		CHECK_EQ(SYS(object_delete, ID(id)), TWZ_E_NOTFOUND);
		/* Others take what is free, and what is not must not be. */
		other = test_object(kinds[k]);
		CHECK_EQ(test_store(test_map(TEST_SLOT + 1, other, READ_WRITE) + TWZ_OBJ_DATA).kind,
			 0);
		CHECK_EQ(twz_rt_touch(test_address(TEST_SLOT + 1) + TWZ_OBJ_DATA, 64 * TWZ_PAGE),
			 0);
		memset(test_address(TEST_SLOT + 1) + TWZ_OBJ_DATA, 0xee, 64 * TWZ_PAGE);
		at[9 * TWZ_PAGE] = 3; /* a page that was never touched */
		before = __atomic_load_n(&looks, __ATOMIC_RELAXED);
		bare_reaches(&looks, before + 100);
		CHECK(at[0] == 1 && at[5 * TWZ_PAGE] == 2 && at[9 * TWZ_PAGE] == 3);
		__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
		test_join(thread);
		CHECK_EQ(odd_looks, 0);
		CHECK_EQ(SYS(view_invalidate, TEST_SLOT, 1), 0);
		CHECK_EQ(test_load(at).kind, TWZ_FAULT_OBJECT);
		test_unmap(TEST_SLOT);
		test_unmap(TEST_SLOT + 1);
		test_delete(other);
		store_is(used);
	}
}

/* Who sleeps on a word of it wakes, and is asleep when it is deleted: nobody would wake who sleeps on it later. */
static void sleeps_on(uint64_t word)
{
	__atomic_store_n(&looks, 1, __ATOMIC_RELEASE);
	bare_wait((const uint32_t *)word, 0, ~0ull);
}

TEST(who_sleeps_on_what_is_deleted_wakes)
{
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned how = 0; how < 2; how++) {
			uint64_t used = bare_usage().store_used;
			struct twz_id id = test_object(kinds[k]), to = test_object(kinds[k]);
			uint8_t *at = test_map(TEST_SLOT, id, READ_WRITE) + TWZ_OBJ_DATA;
			struct test_thread *thread;

			tied(id, to);
			at[0] = 0;
			looks = 0;
			thread = test_thread(sleeps_on, (uint64_t)at);
			bare_reaches(&looks, 1);
			while (bare_look(test_thread_id(thread)).state != TWZ_THREAD_SLEEPS)
				test_sleep(1000000);
			if (how)
				CHECK_EQ(untie(id, to), 0);
			test_delete(how ? id : to); /* or by the store, with its last tie */
			test_join(thread);
			CHECK(goes(id));
			test_unmap(TEST_SLOT);
			if (how)
				test_delete(to);
			store_is(used);
		}
}

/* The same content has the same ID: it is there again, for who had it mapped all along too. */
TEST(what_is_sealed_again_while_it_is_mapped_comes_back)
{
	struct twz_sys_seal seal = {.src = test_object(TWZ_OBJECT_VOLATILE),
				    .size = 3 * TWZ_PAGE,
				    .perms = TWZ_READ | TWZ_DELETE};
	uint64_t used = bare_usage().store_used;
	uint8_t *at = test_map(TEST_SLOT, seal.src, READ_WRITE) + TWZ_OBJ_DATA;
	struct twz_id id, again;

	for (unsigned i = 0; i < 3; i++)
		at[i * TWZ_PAGE] = (uint8_t)(77 + i);
	CHECK_EQ(SYS(object_seal, &seal, &id), 0);
	at = test_map(TEST_SLOT + 1, id, TWZ_VIEW_READ) + TWZ_OBJ_DATA;
	CHECK_EQ(at[0], 77);
	for (unsigned i = 0; i < 3; i++) {
		test_delete(id);
		CHECK(!there(id));
		CHECK_EQ(at[TWZ_PAGE], 78);
		CHECK_EQ(SYS(object_seal, &seal, &again), 0);
		CHECK(twz_id_equal(again, id) && there(id));
		CHECK_EQ(at[2 * TWZ_PAGE], 79);
	}
	test_unmap(TEST_SLOT + 1);
	CHECK(there(id));
	/* Nobody has found it since it came back, when its last mapping goes. */
	at = test_map(TEST_SLOT + 1, id, TWZ_VIEW_READ) + TWZ_OBJ_DATA;
	CHECK_EQ(at[0], 77);
	test_delete(id);
	CHECK_EQ(SYS(object_seal, &seal, &again), 0);
	test_unmap(TEST_SLOT + 1);
	CHECK(there(id));
	at = test_map(TEST_SLOT + 1, id, TWZ_VIEW_READ) + TWZ_OBJ_DATA;
	CHECK_EQ(at[2 * TWZ_PAGE], 79);
	test_unmap(TEST_SLOT + 1);
	test_delete(id);
	test_unmap(TEST_SLOT);
	test_delete(seal.src);
	store_is(used);
}
