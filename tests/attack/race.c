/*
 * race.c - attacks that change what the kernel reads while it reads it: a context's bytes, entries of the
 * view, structures of calls; and that end contexts, keys and threads while others use them.
 *
 * All of a race's threads run for a while, with the same random numbers in every run. What mallory is after
 * is bob's: it must never be reached, by any of them at any moment.
 */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

#define SECOND_NS 1000000000ull
#define RACE_NS SECOND_NS
#define SECRET 0x5ec7e7u /* the first word of the target, */
#define MARK 0x7ea5u     /* of what everybody may read, */
#define OWN 0x0011u      /* and of mallory's own */
#define PAGES 16u        /* of data that are copied to and from */
#define SLOT (TEST_SLOT + 400)
#define WRITE_SLOT (TEST_SLOT + 401) /* where the test writes what a race is about */
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)

static struct user bob, mallory;
static struct twz_id target;   /* bob's: mallory has no right to it */
static struct twz_id readable; /* bob's: everybody may read it */
static struct twz_id own;      /* mallory's */
static uint64_t end_ns;
static const uint32_t *awaited; /* what must not stay 0; null: nothing */
static uint32_t reached;        /* times that something was had which cannot be had */

/* ---- the stage -------------------------------------------------------------------------------------- */

/* On a busy host a race takes longer until what it is about has happened. */
static bool goes_on(void)
{
	return twz_rt_time_ns() < end_ns ||
	       (awaited && !__atomic_load_n(awaited, __ATOMIC_RELAXED) &&
		bare_patient(end_ns - RACE_NS));
}

static uint32_t draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32);
}

static void pause(uint64_t *seed)
{
	for (uint32_t n = draw(seed) % 4096; n; n--)
		__builtin_ia32_pause();
}

static void hit(bool is)
{
	if (is)
		__atomic_add_fetch(&reached, 1, __ATOMIC_RELAXED);
}

static uint32_t *word(uint32_t slot)
{
	return (uint32_t *)(test_address(slot) + TWZ_OBJ_DATA);
}

static struct twz_id marked(const struct user *owner, uint32_t perms, uint32_t mark)
{
	const struct twz_sys_new new = {
		.key = owner->secret.id, .perms = perms, .flags = TWZ_OBJECT_VOLATILE};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	test_map(WRITE_SLOT, id, READ_WRITE);
	*word(WRITE_SLOT) = mark;
	test_unmap(WRITE_SLOT);
	return id;
}

static void set_up(void)
{
	user_make(&bob);
	user_make(&mallory);
	target = marked(&bob, 0, SECRET);
	readable = marked(&bob, TWZ_READ, MARK);
	own = marked(&mallory, 0, OWN);
	reached = 0;
	awaited = NULL;
	end_ns = twz_rt_time_ns() + RACE_NS;
}

/* It is as it was made. */
static void check_mark(struct twz_id id, uint32_t mark)
{
	struct twz_rt_stat stat = {0};

	CHECK_EQ(SYS(object_stat, ID(id), &stat), 0);
	CHECK_EQ(stat.npages, 1);
	test_map(WRITE_SLOT, id, TWZ_VIEW_READ);
	CHECK_EQ(*word(WRITE_SLOT), mark);
	test_unmap(WRITE_SLOT);
}

static void tear_down(void)
{
	CHECK_EQ(reached, 0);
	check_mark(target, SECRET);
	check_mark(readable, MARK);
	test_delete(target);
	test_delete(readable);
	test_delete(own);
	user_end(&mallory);
	user_end(&bob);
}

/* Threads of a race: each in a context, zero for the test's own. */
struct runner {
	void (*run)(uint64_t arg);
	struct twz_id context;
};

static void race(const struct runner *runner, unsigned n)
{
	struct test_thread *thread[16];

	for (unsigned i = 0; i < n; i++)
		thread[i] = test_thread_as(runner[i].context, runner[i].run, i + 1);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(test_join(thread[i]), 0);
}

/* All ways to the target that need no mapping. */
static void reach(struct twz_id id)
{
	struct twz_sys_copy copy = {.src = id,
				    .dst = own,
				    .src_page = TEST_DATA_PAGE,
				    .dst_page = TEST_DATA_PAGE + 1,
				    .pages = 1};
	const struct twz_sys_sync wake = {.id = id, .address = TWZ_OBJ_DATA, .op = TWZ_SYNC_WAKE};
	struct twz_rt_stat stat;

	hit(!SYS(object_stat, ID(id), &stat));
	hit(!SYS(object_copy, &copy));
	hit(SYS(thread_sync, &wake, 1, 0) >= 0);
	hit(!SYS(object_drop, ID(id), TEST_DATA_PAGE, 1));
}

/* The same by a mapping, in a slot of the caller's own. */
static bool touched(uint32_t slot, struct twz_id id, uint32_t access)
{
	uint8_t *at = test_map(slot, id, READ_WRITE) + TWZ_OBJ_DATA;
	struct twz_fault fault = access == TWZ_VIEW_WRITE ? test_store(at) : test_load(at);

	test_unmap(slot);
	return !fault.kind;
}

/* An empty context that masks nothing, which everybody may use; this program runs in it. */
static struct twz_id open_context(uint32_t flags)
{
	const struct twz_sys_new new = {.type = TWZ_TYPE_CONTEXT,
					.key = mallory.secret.id,
					.perms = TWZ_USE,
					.flags = flags};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	test_map(WRITE_SLOT, id, READ_WRITE);
	*(struct twz_context *)word(WRITE_SLOT) = (struct twz_context){
		.magic = TWZ_CONTEXT_MAGIC, .version = 1, .global_mask = TWZ_PERM_ALL};
	test_unmap(WRITE_SLOT);
	test_program(id, true);
	return id;
}

static void end_context(struct twz_id id)
{
	test_program(id, false);
	test_delete(id);
}

/* ---- a context's bytes -------------------------------------------------------------------------------- */

/*
 * A context that gives READ of `given`, by a capability of bob's. Page 0 has the header, which stays as it
 * is: else what the attackers themselves run in would be gone; page 1 the table; page 2 capabilities.
 */
#define ENTRIES 8u
#define CAPS 4u
struct bytes {
	struct twz_context header __attribute__((aligned(4096)));
	struct twz_context_entry entry[ENTRIES] __attribute__((aligned(4096)));
	struct twz_cap cap[CAPS] __attribute__((aligned(4096)));
};
static struct bytes good;
static struct twz_id context, given;

static void make_good(void)
{
	const uint64_t home = (given.lo ^ given.hi) & (ENTRIES - 1);

	memset(&good, 0, sizeof(good));
	good.header = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
					   .version = 1,
					   .global_mask = TWZ_PERM_ALL,
					   .table = TWZ_OBJ_DATA + TWZ_PAGE,
					   .nentries = ENTRIES};
	good.entry[home] =
		(struct twz_context_entry){given, TWZ_CONTEXT_CAP, 1, TWZ_OBJ_DATA + 2 * TWZ_PAGE};
	good.cap[0] = cap_for(&bob, given, context, TWZ_READ);
	cap_sign_by(&good.cap[0], NULL, &bob);
	/* What would be wanted: signed by who has no say. */
	good.cap[1] = cap_for(&mallory, target, context, TWZ_PERM_ALL);
	cap_sign_by(&good.cap[1], NULL, &mallory);
}

static struct bytes *bytes(void)
{
	return (struct bytes *)(test_address(SLOT) + TWZ_OBJ_DATA);
}

/* A word of a capability or an entry is something else for a while: bits, or what belongs elsewhere. */
static void spoil(uint64_t *seed)
{
	const uint64_t odd[] = {0,
				~0ull,
				TWZ_OBJ_DATA + 2 * TWZ_PAGE,
				TWZ_OBJ_DATA + 2 * TWZ_PAGE + 256,
				TWZ_OBJ_DATA + 3 * TWZ_PAGE - 8,
				target.lo,
				target.hi,
				given.lo,
				bob.secret.id.lo,
				bob.secret.id.hi,
				TWZ_CAP_MAGIC | 1ull << 32 | 1ull << 48,
				TWZ_PERM_ALL,
				1,
				2,
				1ull << 32 | 1};
	uint64_t *at = draw(seed) % 2 ? (uint64_t *)&bytes()->entry[draw(seed) % ENTRIES]
				      : (uint64_t *)&bytes()->cap[draw(seed) % CAPS];
	const unsigned words = at < (uint64_t *)bytes()->cap ? sizeof(struct twz_context_entry) / 8
							     : sizeof(struct twz_cap) / 8;

	at += draw(seed) % words;
	if (draw(seed) % 3)
		__atomic_store_n(at, odd[draw(seed) % (sizeof(odd) / sizeof(odd[0]))],
				 __ATOMIC_RELAXED);
	else
		__atomic_xor_fetch(at, 1ull << draw(seed) % 64, __ATOMIC_RELAXED);
}

static void writes_bytes(uint64_t seed)
{
	seed *= 0x9e3779b97f4a7c15;
	while (goes_on()) {
		for (unsigned i = 0; i < 200; i++)
			spoil(&seed);
		memcpy(bytes()->entry, good.entry, sizeof(good.entry));
		memcpy(bytes()->cap, good.cap, sizeof(good.cap));
		/* The forged one where the good one is looked for, and where one for the target is. */
		bytes()->entry[(target.lo ^ target.hi) & (ENTRIES - 1)] =
			(struct twz_context_entry){target, TWZ_CONTEXT_CAP, 2,
						   TWZ_OBJ_DATA + 2 * TWZ_PAGE};
	}
}

static void publishes(uint64_t unused)
{
	(void)unused;
	while (goes_on()) {
		int64_t error = SYS(context_publish, ID(context));

		CHECK(!error || error == TWZ_E_NOTFOUND);
	}
}

/* In the context that is changed. */
static void tries(uint64_t unused)
{
	(void)unused;
	while (goes_on()) {
		reach(target);
		hit(touched(SLOT + 10, target, TWZ_VIEW_READ));
		hit(touched(SLOT + 10, given, TWZ_VIEW_WRITE));
	}
}

/* Not in it, but coming and going. */
static void attaches(uint64_t unused)
{
	(void)unused;
	while (goes_on()) {
		int64_t error = SYS(context_attach, ID(context), TWZ_ATTACH_ACTIVE);

		CHECK(!error || error == TWZ_E_NOTFOUND);
		if (error)
			continue;
		reach(target);
		CHECK_EQ(SYS(context_detach, ID(context)), 0);
	}
}

static void explains(uint64_t unused)
{
	struct twz_rt_answer answer;

	(void)unused;
	while (goes_on()) {
		hit(!SYS(right_explain, ID(given), ID(context), &answer) &&
		    answer.effective & ~(uint32_t)TWZ_READ);
		hit(!SYS(right_explain, ID(target), ID(context), &answer) && answer.effective);
	}
}

static void race_on_bytes(uint32_t flags)
{
	struct twz_id home = open_context(TWZ_OBJECT_VOLATILE);

	context = open_context(flags);
	given = marked(&bob, 0, MARK);
	make_good();
	test_map(SLOT, context, READ_WRITE);
	memcpy(bytes(), &good, sizeof(good));
	CHECK_EQ(SYS(context_publish, ID(context)), 0);
	CHECK_EQ(rights_of(context, given), TWZ_READ); /* else the race is about nothing */
	race((const struct runner[]){{writes_bytes, mallory.context.id},
				     {publishes, mallory.context.id},
				     {publishes, mallory.context.id},
				     {tries, context},
				     {attaches, home},
				     {explains, {0}}},
	     6);
	test_unmap(SLOT);
	check_mark(given, MARK);
	test_delete(given);
	end_context(context);
	end_context(home);
}

TEST(a_volatile_context_that_changes_while_it_is_read)
{
	set_up();
	race_on_bytes(TWZ_OBJECT_VOLATILE);
	tear_down();
}

TEST(a_lasting_context_that_changes_while_it_is_read)
{
	set_up();
	race_on_bytes(TWZ_OBJECT_ENDING);
	tear_down();
}

/* ---- entries of the view ------------------------------------------------------------------------------ */

/* Half of an ID, rights, the number of the change: each by itself, in no order. */
static void writes_entry(uint64_t seed)
{
	struct twz_view_slot *entry = &view_own()->slot[SLOT];
	const struct twz_id some[] = {own, target, readable, {0}};

	seed *= 0x9e3779b97f4a7c15;
	while (goes_on()) {
		const struct twz_id id = some[draw(&seed) % 4];

		switch (draw(&seed) % 5) {
		case 0:
			__atomic_store_n(&entry->id.lo, id.lo, __ATOMIC_RELAXED);
			break;
		case 1:
			__atomic_store_n(&entry->id.hi, id.hi, __ATOMIC_RELAXED);
			break;
		case 2:
			__atomic_store_n(&entry->rights, draw(&seed), __ATOMIC_RELAXED);
			break;
		case 3:
			__atomic_store_n(&entry->seq, draw(&seed), __ATOMIC_RELAXED);
			break;
		default:
			test_enter(SLOT, id, READ_WRITE);
		}
	}
}

static void invalidates(uint64_t unused)
{
	(void)unused;
	while (goes_on())
		CHECK_EQ(SYS(view_invalidate, SLOT, 1), 0);
}

static void read_word(void *value)
{
	*(uint32_t *)value = *(volatile uint32_t *)word(SLOT);
}

/* What it must not be written to has another mark. */
static void write_word(void *unused)
{
	(void)unused;
	*(volatile uint32_t *)word(SLOT) = OWN;
}

static void uses_entry(uint64_t unused)
{
	const struct twz_sys_sync is_secret = {.address = (uint64_t)word(SLOT), .value = SECRET};
	struct twz_fault fault;
	uint32_t value = 0;

	(void)unused;
	while (goes_on()) {
		test_attempt(&fault, read_word, &value);
		hit(value == SECRET);
		test_attempt(&fault, write_word, NULL);
		hit(SYS(thread_sync, &is_secret, 1, 0) == TWZ_E_TIMEOUT);
		SYS(object_touch, word(SLOT) + 5 * TWZ_PAGE, 1);
	}
}

TEST(an_entry_of_the_view_that_changes_while_it_is_read)
{
	set_up();
	race((const struct runner[]){{writes_entry, mallory.context.id},
				     {writes_entry, mallory.context.id},
				     {invalidates, mallory.context.id},
				     {uses_entry, mallory.context.id},
				     {uses_entry, mallory.context.id}},
	     5);
	test_unmap(SLOT);
	tear_down();
}

/* ---- structures of calls ------------------------------------------------------------------------------ */

static struct twz_sys_new new;
static struct twz_sys_copy copy;
static struct twz_sys_seal seal;
static struct twz_sys_thread new_thread;
static struct twz_sys_sync sync;

static void flip(struct twz_id *at, struct twz_id mine, struct twz_id other, uint64_t *seed)
{
	uint32_t n = draw(seed);

	if (n & 1)
		__atomic_store_n(&at->lo, n & 2 ? mine.lo : other.lo, __ATOMIC_RELAXED);
	if (n & 4)
		__atomic_store_n(&at->hi, n & 8 ? mine.hi : other.hi, __ATOMIC_RELAXED);
	if (n & 16)
		*at = n & 32 ? mine : other;
}

static void writes_structures(uint64_t seed)
{
	const struct twz_id zero = {0};

	seed *= 0x9e3779b97f4a7c15;
	while (goes_on()) {
		flip(&new.key, mallory.secret.id, bob.secret.id, &seed);
		flip(&new.tie, own, target, &seed);
		flip(&copy.src, own, draw(&seed) % 2 ? readable : target, &seed);
		flip(&copy.dst, own, draw(&seed) % 2 ? readable : target, &seed);
		copy.dst_page = TEST_DATA_PAGE + draw(&seed) % PAGES;
		copy.src_page = TEST_DATA_PAGE + draw(&seed) % PAGES;
		copy.pages = draw(&seed) % 3;
		flip(&seal.src, own, target, &seed);
		flip(&new_thread.context, draw(&seed) % 2 ? zero : mallory.context.id,
		     bob.context.id, &seed);
		flip(&new_thread.tie[0], zero, target, &seed);
		flip(&sync.id, own, target, &seed);
	}
}

/* Made under whose key? */
static bool is_bobs(struct twz_id id)
{
	struct twz_rt_stat stat;

	return !SYS(object_stat, ID(id), &stat) && twz_id_equal(stat.identity.key, bob.secret.id);
}

static bool has_secret(struct twz_id id)
{
	bool has = false;

	test_map(SLOT, id, TWZ_VIEW_READ);
	for (unsigned i = 0; i < PAGES; i++)
		has |= *(word(SLOT) + i * TWZ_PAGE / sizeof(uint32_t)) == SECRET;
	test_unmap(SLOT);
	return has;
}

static void makes_objects(uint64_t unused)
{
	struct twz_id id;

	(void)unused;
	while (goes_on()) {
		if (!SYS(object_new, &new, &id)) {
			hit(is_bobs(id));
			test_delete(id);
		}
		if (!SYS(object_seal, &seal, &id)) {
			hit(has_secret(id));
			test_delete(id);
		}
		SYS(object_copy, &copy);
		hit(has_secret(own));
	}
}

static void ends(uint64_t unused)
{
	(void)unused;
	bare_end(0);
}

static void makes_threads(uint64_t unused)
{
	struct twz_id id;

	(void)unused;
	while (goes_on()) {
		if (!SYS(thread_new, &new_thread, &id)) {
			hit(is_bobs(id));
			test_delete(id);
		}
		hit(SYS(thread_sync, &sync, 1, 0) == TWZ_E_TIMEOUT);
	}
}

TEST(structures_of_calls_that_change_while_they_are_read)
{
	static uint8_t stack[4096] __attribute__((aligned(16)));

	set_up();
	new = (struct twz_sys_new){.perms = TWZ_PERM_ALL, .flags = TWZ_OBJECT_VOLATILE};
	seal = (struct twz_sys_seal){.size = PAGES * TWZ_PAGE, .perms = TWZ_PERM_ALL};
	new_thread = (struct twz_sys_thread){.entry = (uint64_t)ends,
					     .stack = (uint64_t)stack + sizeof(stack) - 8};
	sync = (struct twz_sys_sync){.address = TWZ_OBJ_DATA, .value = SECRET};
	race((const struct runner[]){{writes_structures, mallory.context.id},
				     {writes_structures, mallory.context.id},
				     {makes_objects, mallory.context.id},
				     {makes_threads, mallory.context.id}},
	     4);
	tear_down();
}

/* ---- what goes while it is used ------------------------------------------------------------------------ */

/* Contexts come and go under this name, which is read in halves. */
static void uses_contexts(uint64_t unused)
{
	(void)unused;
	while (goes_on()) {
		struct twz_id id = context;

		SYS(context_publish, ID(id));
		if (SYS(context_attach, ID(id), 0))
			continue;
		reach(target);
		CHECK_EQ(SYS(context_detach, ID(id)), 0);
	}
}

static void ends_contexts(uint64_t seed)
{
	seed *= 0x9e3779b97f4a7c15;
	while (goes_on()) {
		struct twz_id id = context;

		context = open_context(draw(&seed) % 2 ? TWZ_OBJECT_VOLATILE : TWZ_OBJECT_ENDING);
		end_context(id);
	}
}

static void ends_keys(uint64_t unused)
{
	struct user carol;

	(void)unused;
	while (goes_on()) {
		user_make(&carol);
		user_end(&carol);
	}
}

/* A thread that ends in the middle of it, or is ended. */
static void attaches_and_ends(uint64_t unused)
{
	struct twz_id id = context;

	(void)unused;
	SYS(context_attach, ID(id), 0);
	SYS(context_publish, ID(id));
	bare_end(0);
}

static void ends_threads(uint64_t seed)
{
	static uint8_t stack[4096] __attribute__((aligned(16)));

	seed *= 0x9e3779b97f4a7c15;
	while (goes_on()) {
		struct twz_id id = bare_thread(attaches_and_ends, stack + sizeof(stack), 0, 0);

		pause(&seed);
		if (draw(&seed) % 2)
			CHECK_EQ(SYS(thread_kill, ID(id), 1), 0);
		bare_join(id);
	}
}

TEST(contexts_keys_and_threads_that_end_while_they_are_used)
{
	set_up();
	context = open_context(TWZ_OBJECT_VOLATILE);
	race((const struct runner[]){{uses_contexts, mallory.context.id},
				     {uses_contexts, mallory.context.id},
				     {ends_contexts, {0}},
				     {ends_keys, {0}},
				     {ends_threads, mallory.context.id}},
	     5);
	end_context(context);
	tear_down();
}

/* ---- what is taken back -------------------------------------------------------------------------------- */

/* Odd: it is taken back, and the call that did so has returned. */
static uint32_t given_times;
static uint32_t had; /* times that it was read */

static bool is_taken(uint32_t times)
{
	return times % 2 && __atomic_load_n(&given_times, __ATOMIC_SEQ_CST) == times;
}

static void next_time(void)
{
	__atomic_add_fetch(&given_times, 1, __ATOMIC_SEQ_CST);
}

/* By what is mapped all the time, and by calls. */
static void goes_on_using(uint64_t unused)
{
	struct twz_rt_stat stat;
	struct twz_fault fault;
	uint32_t value;

	(void)unused;
	while (goes_on()) {
		uint32_t times = __atomic_load_n(&given_times, __ATOMIC_SEQ_CST);

		test_attempt(&fault, read_word, &value);
		if (!fault.kind)
			__atomic_add_fetch(&had, 1, __ATOMIC_RELAXED);
		hit(!fault.kind && is_taken(times));
		hit(!SYS(object_stat, ID(given), &stat) && is_taken(times));
	}
}

static void give(const struct twz_cap *cap, bool by_grant)
{
	if (by_grant) {
		CHECK_EQ(SYS(right_grant, ID(given), ID(mallory.context.id), TWZ_READ), 0);
		return;
	}
	context_add(&mallory.context, cap, 1);
	context_publish(&mallory.context);
}

static void take(bool by_grant)
{
	if (by_grant) {
		CHECK_EQ(SYS(right_grant, ID(given), ID(mallory.context.id), 0), 0);
		return;
	}
	CHECK_EQ(twz_context_remove(&mallory.context, given), 0);
	context_publish(&mallory.context);
}

static void gives_and_takes(uint64_t seed)
{
	struct twz_cap cap = cap_for(&bob, given, mallory.context.id, TWZ_READ);

	cap_sign_by(&cap, NULL, &bob);
	seed *= 0x9e3779b97f4a7c15;
	while (goes_on()) {
		const bool by_grant = draw(&seed) % 2;
		const uint32_t before = __atomic_load_n(&had, __ATOMIC_RELAXED);

		next_time();
		give(&cap, by_grant);
		while (goes_on() && __atomic_load_n(&had, __ATOMIC_RELAXED) == before)
			pause(&seed);
		take(by_grant);
		next_time();
		pause(&seed);
	}
}

TEST(what_is_taken_back_while_it_is_used)
{
	set_up();
	given = marked(&bob, 0, MARK);
	given_times = 1;
	had = 0;
	awaited = &had;
	test_map(SLOT, given, READ_WRITE);
	/* One of each: a third thread, when it is switched to, would do what is missed. */
	race((const struct runner[]){{goes_on_using, mallory.context.id}, {gives_and_takes, {0}}},
	     2);
	CHECK(had); /* else nothing was ever given */
	test_unmap(SLOT);
	test_delete(given);
	tear_down();
}
