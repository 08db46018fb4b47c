/*
 * exhaust.c - attacks by using up: frames, pages of the store, threads, slots, ties, up to a limit
 * of one's own. It hurts who does it, and nobody else; what is given back is there again.
 */
#include "tests/attack/attack.h"

#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define SPARE 120u /* frames or pages that alice has when an attack begins */
#define PAGES 500u /* more than that */
#define OBJECTS 200u
#define STORED 0xc3 /* by test_store */

struct duel {
	struct user alice, bob;
	struct twz_id big; /* of bob, who lets alice read it: PAGES */
	struct twz_sys_account before;
};

static struct twz_sys_account account_of(const struct user *user)
{
	struct twz_sys_account account;

	CHECK_EQ(SYS(key_account, ID(user->secret.id), &account), 0);
	return account;
}

/* A thread of hers has run: what it takes to do so comes back when it is asked for. */
static int64_t nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void duel_make(struct duel *s)
{
	struct twz_cap cap;

	user_make(&s->alice);
	user_make(&s->bob);
	s->big = user_object(&s->bob, TWZ_OBJECT_VOLATILE);
	memset(test_map(TEST_SLOT, s->big, READ_WRITE) + TWZ_OBJ_DATA, 1, PAGES * TWZ_PAGE);
	test_unmap(TEST_SLOT);
	cap = cap_for(&s->bob, s->big, s->alice.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s->bob);
	context_add(&s->alice.context, &cap, 1);
	context_publish(&s->alice.context);
	CHECK_EQ(attack_as(&s->alice, nothing, NULL), 0);
	s->before = account_of(&s->alice);
}

/* All that was charged to alice in between is given back. */
static void duel_end(struct duel *s)
{
	struct twz_sys_account after = account_of(&s->alice);

	CHECK_EQ(after.frames, s->before.frames);
	CHECK_EQ(after.pages, s->before.pages);
	CHECK_EQ(after.objects, s->before.objects);
	CHECK_EQ(SYS(key_limit, ID(s->alice.secret.id), 0, 0), 0);
	test_delete(s->big);
	user_end(&s->bob);
	user_end(&s->alice);
}

static void limit_frames(struct duel *s)
{
	CHECK_EQ(SYS(key_limit, ID(s->alice.secret.id), 0, s->before.frames + SPARE), 0);
}

static void limit_pages(struct duel *s)
{
	CHECK_EQ(SYS(key_limit, ID(s->alice.secret.id), s->before.pages + SPARE, 0), 0);
}

/* Another one's work, which nothing of this stops: as much as the attack got, of memory and store. */
static int64_t work(void *arg)
{
	static const uint32_t flags[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};
	const struct user *user = arg;

	for (unsigned i = 0; i < 2; i++) {
		const struct twz_sys_new new = {.key = user->secret.id,
						.flags = flags[i],
						.page = TEST_DATA_PAGE,
						.npages = 2 * SPARE};
		struct twz_id id;
		int64_t error = SYS(object_new, &new, &id);

		if (!error)
			error = attack_touch(id, TWZ_VIEW_WRITE);
		if (!error)
			error = SYS(object_delete, ID(id));
		if (error)
			return error;
	}
	return 0;
}

/* ---- both at once ---------------------------------------------------------------------------------- */

static struct duel duel;
static enum { BEGUN, EXHAUSTED, WORKED, ENDED } stage;
static int64_t (*attack)(void *arg);
static int64_t found;

static void wait_until(unsigned at_least)
{
	while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) < at_least)
		test_sleep(1000000);
}

static void go_to(unsigned next)
{
	__atomic_store_n(&stage, next, __ATOMIC_RELEASE);
}

/* Alice's, when she has got all that there is for her. */
static void exhausted(void)
{
	go_to(EXHAUSTED);
	wait_until(WORKED);
}

static void run(uint64_t arg)
{
	found = attack((void *)arg);
	go_to(ENDED);
}

/* Alice attacks; when she is `exhausted` bob works, and then she goes on. What the attack returned. */
static int64_t attack_meanwhile(int64_t (*what)(void *arg), void *arg)
{
	struct test_thread *thread;

	attack = what;
	go_to(BEGUN);
	thread = test_thread_as(duel.alice.context.id, run, (uint64_t)arg);
	wait_until(EXHAUSTED);
	CHECK_EQ(stage, EXHAUSTED);
	CHECK_EQ(attack_as(&duel.bob, work, &duel.bob), 0);
	if (stage == EXHAUSTED)
		go_to(WORKED);
	CHECK_EQ(test_join(thread), 0);
	return found;
}

/* ---- frames ---------------------------------------------------------------------------------------- */

/* Stores to one page after the other. How many there were; the object is gone then. */
static int64_t fill(uint32_t flags, const struct user *user, struct twz_fault *fault)
{
	const struct twz_sys_new new = {.key = user->secret.id, .flags = flags};
	struct twz_id id;
	int64_t n = 0, error = SYS(object_new, &new, &id);
	uint8_t *data;

	if (error)
		return error;
	data = test_map(TEST_SLOT + 1, id, READ_WRITE) + TWZ_OBJ_DATA;
	do
		*fault = test_store(data + n * TWZ_PAGE);
	while (!fault->kind && ++n < PAGES);
	for (int64_t i = 0; i < n; i++)
		CHECK_EQ(data[i * TWZ_PAGE], STORED); /* what was there before the end is there */
	exhausted();
	/* What frees goes on to work: some of it, and what was is to be had again. */
	CHECK_EQ(SYS(object_drop, ID(id), TEST_DATA_PAGE, 10), 0);
	for (int64_t i = 0; i < 10; i++)
		CHECK_EQ(test_store(data + i * TWZ_PAGE).kind, 0);
	CHECK_EQ(SYS(object_delete, ID(id)), 0);
	test_unmap(TEST_SLOT + 1);
	return n;
}

static int64_t fill_memory(void *arg)
{
	return fill(TWZ_OBJECT_VOLATILE, &duel.alice, arg);
}

static int64_t fill_store(void *arg)
{
	return fill(TWZ_OBJECT_ENDING, &duel.alice, arg);
}

TEST(memory_is_used_up)
{
	struct twz_fault fault;
	int64_t n;

	duel_make(&duel);
	limit_frames(&duel);
	for (int i = 0; i < 3; i++) { /* what was deleted is there again at once */
		n = attack_meanwhile(fill_memory, &fault);
		CHECK(n > SPARE / 2 && n < SPARE);
		CHECK_EQ(fault.kind, TWZ_FAULT_FULL);
		CHECK_EQ(fault.error, TWZ_E_LIMIT);
	}
	duel_end(&duel);
}

TEST(the_store_is_used_up)
{
	struct twz_fault fault;

	duel_make(&duel);
	limit_pages(&duel);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(attack_meanwhile(fill_store, &fault), SPARE - 1);
		CHECK_EQ(fault.kind, TWZ_FAULT_FULL);
		CHECK_EQ(fault.error, TWZ_E_LIMIT);
	}
	duel_end(&duel);
}

/* ---- objects --------------------------------------------------------------------------------------- */

static struct twz_id made[OBJECTS];

/* Empty ones, one after the other; the error that ends that, or their number. */
static int64_t make_objects(uint32_t flags, const struct user *user, int64_t *n)
{
	const struct twz_sys_new new = {.key = user->secret.id, .flags = flags};
	int64_t error = 0;

	for (*n = 0; !error && *n < OBJECTS; *n += !error)
		error = SYS(object_new, &new, &made[*n]);
	exhausted();
	for (int64_t i = 0; i < *n; i++)
		CHECK_EQ(SYS(object_delete, ID(made[i])), 0);
	return error;
}

static int64_t make_volatile(void *n)
{
	return make_objects(TWZ_OBJECT_VOLATILE, &duel.alice, n);
}

static int64_t make_persistent(void *n)
{
	return make_objects(TWZ_OBJECT_ENDING, &duel.alice, n);
}

TEST(objects_are_made_without_end)
{
	int64_t n;

	duel_make(&duel);
	limit_frames(&duel);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(attack_meanwhile(make_volatile, &n), TWZ_E_LIMIT);
		CHECK(n > SPARE / 2 && n < SPARE);
	}
	limit_pages(&duel);
	CHECK_EQ(attack_meanwhile(make_persistent, &n), TWZ_E_LIMIT);
	CHECK_EQ(n, SPARE);
	duel_end(&duel);
}

/* ---- copies ---------------------------------------------------------------------------------------- */

/* Of what is another's, to the limit and past it: what is shared is charged in full. */
static int64_t copy(void *arg)
{
	const struct twz_sys_new new = {.key = duel.alice.secret.id,
					.flags = TWZ_OBJECT_VOLATILE,
					.page = TEST_DATA_PAGE,
					.npages = 1};
	struct twz_sys_copy c = {.src = duel.big,
				 .src_page = TEST_DATA_PAGE,
				 .dst_page = TEST_DATA_PAGE,
				 .pages = PAGES};
	uint64_t *done = arg;
	int64_t error = SYS(object_new, &new, &c.dst), again;
	uint8_t *data = test_map(TEST_SLOT + 1, c.dst, READ_WRITE) + TWZ_OBJ_DATA;

	if (error)
		return error;
	CHECK_EQ(test_load(data).kind, 0); /* it is mapped */
	error = SYS(object_copy, &c);
	*done = 0;
	while (*done < PAGES && data[*done * TWZ_PAGE])
		++*done;
	/* What is there can be replaced at the limit, and is not lost to a copy that fails. */
	c.src_page = c.dst_page = TEST_DATA_PAGE;
	c.pages = *done;
	again = SYS(object_copy, &c);
	CHECK_EQ(again, 0);
	CHECK_EQ(data[(*done - 1) * TWZ_PAGE], 1);
	test_unmap(TEST_SLOT + 1);
	CHECK_EQ(SYS(object_delete, ID(c.dst)), 0);
	return error;
}

TEST(what_is_shared_is_had_for_nothing)
{
	uint64_t done;

	duel_make(&duel);
	limit_frames(&duel);
	CHECK_EQ(attack_as(&duel.alice, copy, &done), TWZ_E_LIMIT);
	CHECK(done > SPARE / 2 && done < SPARE);
	duel_end(&duel);
}

/* ---- threads --------------------------------------------------------------------------------------- */

#define STACK 1024u
static uint8_t stack[OBJECTS][STACK] __attribute__((aligned(64)));
static uint32_t never;

static void sleep_on(uint64_t unused)
{
	struct twz_sys_sync op = {.address = (uint64_t)&never};

	(void)unused;
	for (;;)
		SYS(thread_sync, &op, 1, ~0ull);
}

static int64_t bomb(void *arg)
{
	int64_t *n = arg, error = 0;

	for (*n = 0; !error && *n < OBJECTS; *n += !error) {
		const struct twz_sys_thread new = {.entry = (uint64_t)sleep_on,
						   .stack = (uint64_t)(stack[*n] + STACK) - 8,
						   .flags = TWZ_THREAD_SAME,
						   .name = "bomb"};

		error = SYS(thread_new, &new, &made[*n]);
	}
	exhausted();
	for (int64_t i = 0; i < *n; i++) {
		CHECK_EQ(SYS(thread_kill, ID(made[i]), 1), 0);
		CHECK_EQ(SYS(object_delete, ID(made[i])), 0);
	}
	return error;
}

TEST(threads_are_made_without_end)
{
	int64_t n;

	duel_make(&duel);
	limit_frames(&duel);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(attack_meanwhile(bomb, &n), TWZ_E_LIMIT);
		CHECK(n > SPARE / 10 && n <= SPARE / 6); /* six frames each: account.h */
	}
	duel_end(&duel);
}

/* ---- slots ----------------------------------------------------------------------------------------- */

/* All with one object; large places too. */
static int64_t map_many(void *arg)
{
	const struct twz_sys_new new = {.key = duel.alice.secret.id,
					.flags = TWZ_OBJECT_VOLATILE,
					.page = TEST_DATA_PAGE,
					.npages = 1};
	struct twz_fault fault = {0};
	struct twz_id id;
	int64_t *n = arg, error = SYS(object_new, &new, &id);

	if (error)
		return error;
	for (*n = 0; !fault.kind && *n < OBJECTS; *n += !fault.kind) {
		const uint32_t slot = TEST_SLOT + 2 + (uint32_t)*n;

		test_enter(slot, id, READ_WRITE);
		fault = test_load(test_address(slot) + TWZ_OBJ_DATA);
	}
	CHECK_EQ(fault.kind, TWZ_FAULT_FULL);
	exhausted();
	CHECK_EQ(SYS(view_invalidate, TEST_SLOT + 2, OBJECTS), 0);
	for (uint32_t i = 0; i < OBJECTS; i++)
		test_enter(TEST_SLOT + 2 + i, (struct twz_id){0}, 0);
	CHECK_EQ(SYS(object_delete, ID(id)), 0);
	return fault.error;
}

TEST(slots_are_used_without_end)
{
	int64_t n;

	duel_make(&duel);
	limit_frames(&duel);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(attack_meanwhile(map_many, &n), TWZ_E_LIMIT);
		CHECK(n > SPARE / 2 && n < SPARE);
	}
	duel_end(&duel);
}

/* ---- ties ------------------------------------------------------------------------------------------ */

/*
 * Ties one object to many others, in memory (`arg` is 0) or in the store: the kernel has to know those then. How
 * many there were.
 */
static int64_t tie_to_many(void *arg)
{
	const uint32_t flags = *(uint32_t *)arg;
	const struct twz_sys_new new = {.key = duel.alice.secret.id, .flags = TWZ_OBJECT_VOLATILE};
	struct twz_id id;
	int64_t n, error = SYS(object_new, &new, &id);

	for (n = 0; !error && n < OBJECTS; n += !error)
		error = SYS(object_tie, ID(id), ID(made[n]), flags);
	CHECK_EQ(error, TWZ_E_LIMIT);
	exhausted();
	/* One fewer, one more; then it goes with the last of them. */
	CHECK_EQ(SYS(object_untie, ID(id), ID(made[0]), 0), 0);
	CHECK_EQ(SYS(object_tie, ID(id), ID(made[n]), 0), 0);
	CHECK_EQ(SYS(object_delete, ID(id)), 0);
	for (int64_t i = 1; i <= n; i++)
		CHECK_EQ(SYS(object_untie, ID(id), ID(made[i]), 0), 0);
	CHECK_EQ(attack_stat(&id), TWZ_E_NOTFOUND);
	return n;
}

TEST(ties_are_made_without_end)
{
	static const uint32_t mediums[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};
	uint32_t kinds = TWZ_TIE_PLAIN;

	duel_make(&duel);
	for (unsigned m = 0; m < 2; m++) {
		const struct twz_sys_new new = {
			.key = duel.bob.secret.id, .perms = TWZ_READ, .flags = mediums[m]};
		int64_t n;

		for (unsigned i = 0; i < OBJECTS; i++)
			CHECK_EQ(SYS(object_new, &new, &made[i]), 0);
		limit_frames(&duel);
		n = attack_meanwhile(tie_to_many, &kinds);
		CHECK(n > SPARE / 2 && n < SPARE);
		for (unsigned i = 0; i < OBJECTS; i++)
			test_delete(made[i]);
	}
	duel_end(&duel);
}

/*
 * A chain that has all that there is for her goes with its first object, one after the other; what it had is
 * there for the next call.
 */
static int64_t chain(void *arg)
{
	struct twz_sys_new new = {
		.key = duel.alice.secret.id, .flags = TWZ_OBJECT_VOLATILE, .page = TEST_DATA_PAGE};
	struct twz_id first, id;
	int64_t n, error = SYS(object_new, &new, &first);

	(void)arg;
	for (unsigned round = 0; !error && round < 3; round++) {
		new.tie = first;
		for (n = 0; !error && n < OBJECTS; n += !error) {
			error = SYS(object_new, &new, &id);
			if (!error)
				new.tie = id;
		}
		CHECK_EQ(error, TWZ_E_LIMIT);
		CHECK(n > SPARE / 2);
		CHECK_EQ(SYS(object_delete, ID(first)), 0);
		new.tie = (struct twz_id){0};
		new.npages = (uint64_t)n / 2; /* more than the first one had by itself */
		error = SYS(object_new, &new, &id);
		new.npages = 0;
		CHECK_EQ(SYS(object_delete, ID(id)), 0);
		if (!error)
			error = SYS(object_new, &new, &first);
	}
	CHECK_EQ(SYS(object_delete, ID(first)), 0);
	return error;
}

static uint32_t spinning;

static void spins(uint64_t unused)
{
	(void)unused;
	while (__atomic_load_n(&spinning, __ATOMIC_ACQUIRE))
		;
}

/* No processor is idle: one that is would free all before the next call is made. */
TEST(what_hangs_on_a_deleted_object_is_kept)
{
	struct test_thread *beside[2];

	duel_make(&duel);
	limit_frames(&duel);
	spinning = 1;
	for (unsigned i = 0; i < 2; i++)
		beside[i] = test_thread(spins, 0);
	CHECK_EQ(attack_as(&duel.alice, chain, NULL), 0);
	__atomic_store_n(&spinning, 0, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < 2; i++)
		test_join(beside[i]);
	duel_end(&duel);
}

/* ---- limits ---------------------------------------------------------------------------------------- */

/* The machine is not hers to divide; that it is there is not told. */
static int64_t lift(void *arg)
{
	struct user *user = arg;

	return SYS(key_limit, ID(user->secret.id), 0, 0);
}

TEST(a_limit_is_lifted_by_who_has_it)
{
	struct twz_sys_account account;

	duel_make(&duel);
	limit_frames(&duel);
	CHECK_EQ(attack_as(&duel.alice, lift, &duel.alice), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_as(&duel.alice, lift, &duel.bob), TWZ_E_NOTFOUND);
	account = account_of(&duel.alice);
	CHECK_EQ(account.frame_limit, duel.before.frames + SPARE);
	CHECK_EQ(account.page_limit, 0);
	limit_pages(&duel);
	account = account_of(&duel.alice);
	CHECK_EQ(account.frame_limit, 0);
	CHECK_EQ(account.page_limit, duel.before.pages + SPARE);
	duel_end(&duel);
}

/* Nothing grows, and nothing is taken away. */
TEST(a_limit_is_lowered_below_what_is_used)
{
	struct twz_sys_new new = {.flags = TWZ_OBJECT_VOLATILE};
	struct twz_id id, more;
	uint8_t *data;

	duel_make(&duel);
	id = user_object(&duel.alice, TWZ_OBJECT_VOLATILE);
	data = test_map(TEST_SLOT, id, READ_WRITE) + TWZ_OBJ_DATA;
	data[0] = 7;
	CHECK_EQ(SYS(key_limit, ID(duel.alice.secret.id), 0, 1), 0);
	CHECK_EQ(test_store(data + TWZ_PAGE).error, TWZ_E_LIMIT);
	CHECK_EQ(data[0], 7);
	new.key = duel.alice.secret.id;
	CHECK_EQ(SYS(object_new, &new, &more), TWZ_E_LIMIT);
	CHECK_EQ(SYS(key_limit, ID(duel.alice.secret.id), 0, 0), 0);
	CHECK_EQ(test_store(data + TWZ_PAGE).kind, 0);
	test_unmap(TEST_SLOT);
	test_delete(id);
	duel_end(&duel);
}

/* ---- ways out of a limit ----------------------------------------------------------------------------- */

/* What is charged to nobody, or to a key of her own making. */
static int64_t make_without_key(void *arg)
{
	const struct twz_sys_new new = {.perms = TWZ_PERM_ALL, .flags = TWZ_OBJECT_ENDING};
	struct twz_id *id = arg;

	return SYS(object_new, &new, id);
}

static int64_t make_a_key(void *arg)
{
	const struct user *user = arg;
	const struct twz_key key = {
		.magic = TWZ_KEY_MAGIC, .version = 1, .alg = TWZ_ALG_ED25519, .key = {1}};
	struct twz_sys_seal seal = {.size = sizeof(key),
				    .type = TWZ_TYPE_KEY,
				    .perms = TWZ_READ | TWZ_USE | TWZ_DELETE};
	struct twz_id id;
	int64_t error;

	seal.src = user_object(user, TWZ_OBJECT_VOLATILE);
	memcpy(test_map(TEST_SLOT, seal.src, READ_WRITE) + TWZ_OBJ_DATA, &key, sizeof(key));
	test_unmap(TEST_SLOT);
	error = SYS(object_seal, &seal, &id);
	test_delete(seal.src);
	if (!error)
		test_delete(id);
	return error;
}

/* In a context that nobody owns, or in none. */
static int64_t act_without_key(void *arg)
{
	const struct user *user = arg;
	const struct twz_sys_new new = {
		.type = TWZ_TYPE_CONTEXT, .perms = TWZ_PERM_ALL, .flags = TWZ_OBJECT_VOLATILE};
	struct twz_id id;
	int64_t error = SYS(object_new, &new, &id);

	if (error)
		return error;
	error = SYS(context_attach, ID(id), 0);
	if (!error)
		error = SYS(context_switch, ID(id));
	test_delete(id);
	if (error != TWZ_E_LIMIT)
		return error;
	CHECK_EQ(SYS(context_detach, ID(id)), 0);
	return SYS(context_detach, ID(user->context.id));
}

TEST(limits_are_left_by_way_of_what_is_charged_to_nobody)
{
	struct twz_id id;

	duel_make(&duel);
	CHECK_EQ(attack_as(&duel.alice, make_a_key, &duel.alice), 0);
	CHECK_EQ(attack_as(&duel.alice, make_without_key, &id), 0);
	test_delete(id);
	for (int i = 0; i < 2; i++) {
		if (i)
			limit_frames(&duel);
		else
			limit_pages(&duel);
		CHECK_EQ(attack_as(&duel.alice, make_a_key, &duel.alice), TWZ_E_LIMIT);
		CHECK_EQ(attack_as(&duel.alice, make_without_key, &id), TWZ_E_LIMIT);
		CHECK_EQ(attack_as(&duel.alice, act_without_key, &duel.alice), TWZ_E_LIMIT);
	}
	duel_end(&duel);
}
