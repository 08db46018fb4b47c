/* signature.c - attacks on the verification of signatures: its time, and its verdicts that are kept. */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

#define FLOOD 28u /* capabilities that are verified for mallory */
#define TRIES 40u

/* ---- its time --------------------------------------------------------------------------------------- */

struct flood {
	struct user bob, mallory;
	struct twz_obj context;
	struct twz_id object[FLOOD]; /* mallory's */
	struct twz_id wanted;        /* bob's */
	uint64_t asleep;             /* threads before it begins */
	uint32_t done;
	uint32_t left; /* of mallory's, when bob's was wanted, */
	uint32_t last; /* and when it was had */
};
static struct flood flood;

/* The context may read the object, and nobody has looked at the signature yet. */
static void give(const struct user *owner, const struct twz_obj *context, struct twz_id object)
{
	struct twz_cap cap = cap_for(owner, object, context->id, TWZ_READ);

	cap_sign_by(&cap, NULL, owner);
	context_add(context, &cap, 1);
}

static void ask(uint64_t i)
{
	rights_of(flood.context.id, flood.object[i]);
	__atomic_add_fetch(&flood.done, 1, __ATOMIC_RELEASE);
}

/* When most of hers wait. */
static void ask_in_between(uint64_t arg)
{
	(void)arg;
	while (bare_usage().sleeping < flood.asleep + FLOOD * 3 / 4 &&
	       !__atomic_load_n(&flood.done, __ATOMIC_ACQUIRE))
		;
	flood.left = FLOOD - __atomic_load_n(&flood.done, __ATOMIC_ACQUIRE);
	CHECK_EQ(attack_load(&flood.wanted), 0);
	flood.last = FLOOD - __atomic_load_n(&flood.done, __ATOMIC_ACQUIRE);
}

static void flood_make(void)
{
	memset(&flood, 0, sizeof(flood));
	user_make(&flood.bob);
	user_make(&flood.mallory);
	user_context(&flood.mallory, &flood.context);
	for (unsigned i = 0; i < FLOOD; i++) {
		flood.object[i] = user_object(&flood.mallory, TWZ_OBJECT_VOLATILE);
		give(&flood.mallory, &flood.context, flood.object[i]);
	}
	flood.wanted = user_object(&flood.bob, TWZ_OBJECT_VOLATILE);
	give(&flood.bob, &flood.bob.context, flood.wanted);
	context_publish(&flood.bob.context);
}

static void flood_end(void)
{
	test_delete(flood.wanted);
	for (unsigned i = 0; i < FLOOD; i++)
		test_delete(flood.object[i]);
	context_end(&flood.context);
	user_end(&flood.mallory);
	user_end(&flood.bob);
}

/* Does bob have his while mallory still waits for some of hers? */
static bool bob_is_first(void)
{
	struct test_thread *thread[FLOOD], *between;

	flood_make();
	/* What they have by their keys is verified now. */
	CHECK_EQ(attack_as(&flood.mallory, attack_stat, &flood.object[0]), 0);
	CHECK_EQ(attack_as(&flood.bob, attack_stat, &flood.bob.context.id), 0);
	flood.asleep = bare_usage().sleeping;
	between = test_thread_as(flood.bob.context.id, ask_in_between, 0);
	for (unsigned i = 0; i < FLOOD; i++)
		thread[i] = test_thread_as(flood.mallory.context.id, ask, i);
	CHECK_EQ(test_join(between), 0);
	for (unsigned i = 0; i < FLOOD; i++)
		CHECK_EQ(test_join(thread[i]), 0);
	flood_end();
	return flood.left > FLOOD / 2 && flood.last > flood.left / 2;
}

/* Keys take turns: he waits for what is under way, and not for all that she wants. */
TEST(all_the_time_of_the_verifiers_taken)
{
	bool first = false;

	for (unsigned i = 0; i < TRIES && !first; i++) /* she may be done before he begins */
		first = bob_is_first();
	CHECK(first);
}

/* ---- its verdicts ----------------------------------------------------------------------------------- */

/* In the place of one that was found good, one that is not. */
TEST(a_forged_one_in_the_place_of_a_good_one)
{
	struct twz_cap good, forged;
	struct scene s;

	scene_make(&s);
	good = scene_cap(&s, TWZ_READ);
	forged = good;
	forged.perms = TWZ_PERM_ALL;
	for (unsigned i = 0; i < 16; i++) {
		hand_hold(&s.context, s.object, &good, 1);
		CHECK_EQ(SYS(context_publish, ID(s.context.id)), 0);
		CHECK_EQ(rights_of(s.context.id, s.object), TWZ_READ);
		forged.serial = i;
		hand_hold(&s.context, s.object, &forged, 1);
		CHECK_EQ(SYS(context_publish, ID(s.context.id)), 0);
		CHECK_EQ(rights_of(s.context.id, s.object), 0);
	}
	check_refused(&s, RIGHT_FORGED);
	scene_end(&s);
}

/* A wrong signature is wrong for the record, not for the key: a good one of the same key counts after it. */
TEST(verdicts_of_another_record)
{
	struct twz_cap good, forged;
	struct scene s;

	scene_make(&s);
	good = scene_cap(&s, TWZ_READ);
	forged = good;
	forged.sig[0] ^= 1;
	hand_hold(&s.context, s.object, &forged, 1);
	check_refused(&s, RIGHT_FORGED);
	hand_hold(&s.context, s.object, &good, 1);
	check_given(&s);
	/* The key's name on a record of mallory's, under which hers was found good. */
	good = cap_for(&s.mallory, s.object, s.context.id, TWZ_READ);
	cap_sign_by(&good, NULL, &s.mallory);
	hand_hold(&s.context, s.object, &good, 1);
	check_refused(&s, RIGHT_SIGNER);
	good.signer = s.bob.secret.id;
	hand_hold(&s.context, s.object, &good, 1);
	check_refused(&s, RIGHT_FORGED);
	scene_end(&s);
}
