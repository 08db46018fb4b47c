/*
 * lifetime.c - attacks by ties: to make another's object stay or go, to learn of what one may not know, to outlive
 * who started one.
 */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

static struct user bob, mallory;

/* Bob's: `object` is tied to `to`; mallory may read the first, and the second is no secret or is one. */
static struct twz_id object, to;

static struct twz_id made(uint32_t perms)
{
	const struct twz_sys_new new = {
		.key = bob.secret.id, .perms = perms, .flags = TWZ_OBJECT_VOLATILE};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	return id;
}

static void set_up(uint32_t object_perms, uint32_t to_perms)
{
	user_make(&bob);
	user_make(&mallory);
	object = made(object_perms);
	to = made(to_perms);
	CHECK_EQ(SYS(object_tie, ID(object), ID(to), 0), 0);
}

static void tear_down(void)
{
	test_delete(object);
	CHECK_EQ(attack_stat(&object), 0);
	test_delete(to);
	user_end(&mallory);
	user_end(&bob);
}

/* ---- what stays, what goes ------------------------------------------------------------------------- */

static int64_t tie_to_hers(void *arg)
{
	struct twz_id hers = user_object(&mallory, TWZ_OBJECT_VOLATILE);
	int64_t error = SYS(object_tie, ID(object), ID(hers), *(uint32_t *)arg);

	CHECK_EQ(SYS(object_delete, ID(hers)), 0);
	return error;
}

TEST(another_s_object_tied_to_one_s_own)
{
	uint32_t flags[] = {0, TWZ_TIE_HOLD, TWZ_TIE_SCOPED, TWZ_TIE_ENDING};

	set_up(TWZ_PERM_ALL & ~(uint32_t)TWZ_DELETE, TWZ_READ);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(attack_as(&mallory, tie_to_hers, &flags[i]), TWZ_E_RIGHT);
	tear_down();
}

static int64_t untie(void *arg)
{
	(void)arg;
	return SYS(object_untie, ID(object), ID(to), 0);
}

TEST(another_s_object_untied)
{
	set_up(TWZ_PERM_ALL & ~(uint32_t)TWZ_DELETE, TWZ_READ);
	CHECK_EQ(attack_as(&mallory, untie, NULL), TWZ_E_RIGHT);
	tear_down();
}

/* ---- what may not be known ------------------------------------------------------------------------- */

static int64_t tie_to_a_secret(void *arg)
{
	struct twz_id hers = user_object(&mallory, TWZ_OBJECT_VOLATILE);
	struct twz_id *secret = arg;
	int64_t error = SYS(object_tie, ID(hers), ID(*secret), 0);

	CHECK_EQ(SYS(object_untie, ID(hers), ID(*secret), 0), error);
	CHECK_EQ(SYS(object_delete, ID(hers)), 0);
	CHECK_EQ(attack_stat(&hers), TWZ_E_NOTFOUND);
	return error;
}

TEST(a_tie_to_what_one_may_not_know_or_to_nothing)
{
	struct twz_id none = {1, 2};

	set_up(TWZ_READ, 0);
	CHECK_EQ(attack_as(&mallory, tie_to_a_secret, &to), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_as(&mallory, tie_to_a_secret, &none), TWZ_E_NOTFOUND);
	tear_down();
}

/* The IDs of all that she is told. */
static int64_t walk(void *arg)
{
	struct twz_sys_tie tie = {0};
	int64_t n = 0;

	while (!SYS(object_ties, ID(*(struct twz_id *)arg), &tie))
		n++;
	return n;
}

TEST(a_walk_from_what_may_be_known_to_what_may_not)
{
	struct twz_id seen;

	set_up(TWZ_READ, 0);
	seen = made(TWZ_READ);
	CHECK_EQ(attack_as(&mallory, walk, &object), 0);
	CHECK_EQ(SYS(object_tie, ID(object), ID(seen), 0), 0);
	CHECK_EQ(attack_as(&mallory, walk, &object), 1);
	CHECK_EQ(SYS(object_tie, ID(to), ID(seen), 0), 0);
	CHECK_EQ(attack_as(&mallory, walk, &seen), 1); /* not of `to` */
	CHECK_EQ(walk(&seen), 2);
	CHECK_EQ(SYS(object_untie, ID(object), ID(seen), 0), 0);
	CHECK_EQ(SYS(object_untie, ID(to), ID(seen), 0), 0);
	test_delete(seen);
	tear_down();
}

/* So many that she may not know of are between two that she may: the walk is long, and goes on where it was. */
#define HIDDEN 3000u
static struct twz_id hidden[HIDDEN];

TEST(a_walk_past_many_that_may_not_be_known)
{
	struct twz_id seen;

	set_up(TWZ_READ, TWZ_READ);
	for (unsigned i = 0; i < HIDDEN; i++) {
		hidden[i] = made(0);
		CHECK_EQ(SYS(object_tie, ID(hidden[i]), ID(to), 0), 0);
	}
	seen = made(TWZ_READ);
	CHECK_EQ(SYS(object_tie, ID(seen), ID(to), 0), 0);
	CHECK_EQ(attack_as(&mallory, walk, &to), 2);
	CHECK_EQ(walk(&to), HIDDEN + 2);
	tear_down();
}

/* ---- who started one ------------------------------------------------------------------------------- */

static uint8_t stack[4096] __attribute__((aligned(16)));
static uint32_t never;

/* It may do everything to its own object. */
static void outlives(uint64_t unused)
{
	struct twz_sys_info info;
	struct twz_sys_tie walk = {0};

	(void)unused;
	SYS(info, &info);
	while (!SYS(object_ties, ID(info.thread), &walk) && !walk.in)
		SYS(object_untie, ID(info.thread), ID(walk.other),
		    TWZ_TIE_PLAIN | TWZ_TIE_HOLD | TWZ_TIE_SCOPED);
	SYS(object_tie, ID(info.thread), ID(info.view), 0);
	__atomic_store_n(&never, 1, __ATOMIC_RELEASE);
	for (;;)
		bare_wait(&never, 1, ~0ull);
}

static int64_t start_one(void *arg)
{
	never = 0;
	*(struct twz_id *)arg = bare_thread(outlives, stack + sizeof(stack), 0, TWZ_THREAD_SAME);
	bare_reaches(&never, 1);
	return 0;
}

TEST(a_thread_that_unties_itself_from_who_started_it)
{
	uint64_t threads = bare_usage().threads;
	struct twz_id id;

	user_make(&mallory);
	CHECK_EQ(attack_as(&mallory, start_one, &id), 0);
	bare_threads_are(threads);
	if (!attack_stat(&id)) /* its object is tied to our view */
		CHECK_EQ(SYS(object_untie, ID(id), ID(minimal.sys.view), 0), 0);
	CHECK_EQ(attack_stat(&id), TWZ_E_NOTFOUND);
	user_end(&mallory);
}
