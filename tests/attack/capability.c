/* capability.c - attacks with capabilities that are not what they say, or not for whom has them. */
#include "tests/attack/attack.h"

#define HOUR 3600u

static uint64_t now_s(void)
{
	return twz_rt_time_ns() / 1000000000;
}

/* The scene's context holds this one capability, as it is, for the object. */
static void check_cap(const struct scene *s, const struct twz_cap *cap, enum right_why why)
{
	hand_hold(&s->context, s->object, cap, 1);
	check_refused(s, why);
}

/* What bob signs for the context, after it was changed; whatever it says. */
static void check_signed(const struct scene *s, struct twz_cap cap, enum right_why why)
{
	cap_sign_blind(&cap, &s->bob);
	check_cap(s, &cap, why);
}

/* No attack: what was given does count, else what follows would show nothing. */
TEST(what_was_given_can_be_had)
{
	struct twz_cap cap;
	struct scene s;

	scene_make(&s);
	check_refused(&s, RIGHT_NONE);
	cap = scene_cap(&s, TWZ_READ);
	hand_hold(&s.context, s.object, &cap, 1);
	check_given(&s);
	CHECK_EQ(test_run_as(s.context.id, attack_store, &s.object), TWZ_E_RIGHT);
	cap = scene_cap(&s, TWZ_READ | TWZ_WRITE);
	hand_hold(&s.context, s.object, &cap, 1);
	CHECK_EQ(test_run_as(s.context.id, attack_store, &s.object), 0);
	scene_end(&s);
}

TEST(any_bit_of_a_capability_flipped)
{
	struct twz_cap cap;
	struct scene s;
	uint8_t *bytes;

	scene_make(&s);
	cap = scene_cap(&s, TWZ_READ);
	bytes = (uint8_t *)hand_hold(&s.context, s.object, &cap, 1)->cap;
	check_every_bit(&s, bytes, sizeof(cap));
	scene_end(&s);
}

TEST(stolen_from_another_context)
{
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	/* Made for mallory's first context; she copies it into another of hers. */
	cap = cap_for(&s.bob, s.object, s.mallory.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.bob);
	check_cap(&s, &cap, RIGHT_STOLEN);
	/* All of the other's bytes. */
	context_add(&s.mallory.context, &cap, 1);
	memcpy(twz_obj_data(&s.context), twz_obj_data(&s.mallory.context), TWZ_PAGE);
	check_refused(&s, RIGHT_STOLEN);
	scene_end(&s);
}

TEST(replayed_for_another_object)
{
	struct scene s;
	struct twz_cap cap;
	struct twz_id other;

	scene_make(&s);
	other = user_object(&s.bob, TWZ_OBJECT_VOLATILE);
	cap = cap_for(&s.bob, other, s.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.bob);
	check_cap(&s, &cap, RIGHT_BROKEN);
	/* Under the key of both. */
	hand_hold(&s.context, s.bob.secret.id, &cap, 1);
	check_refused(&s, RIGHT_BROKEN);
	test_delete(other);
	scene_end(&s);
}

TEST(expired_or_early)
{
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	cap = cap_for(&s.bob, s.object, s.context.id, TWZ_READ);
	cap.expires = now_s();
	cap_sign_by(&cap, NULL, &s.bob);
	check_cap(&s, &cap, RIGHT_EXPIRED);
	cap.expires = 1;
	cap_sign_by(&cap, NULL, &s.bob);
	check_cap(&s, &cap, RIGHT_EXPIRED);
	cap.expires = 0;
	cap.not_before = now_s() + HOUR;
	cap_sign_by(&cap, NULL, &s.bob);
	check_cap(&s, &cap, RIGHT_EARLY);
	cap.not_before = ~0ull;
	cap_sign_by(&cap, NULL, &s.bob);
	check_cap(&s, &cap, RIGHT_EARLY);
	scene_end(&s);
}

TEST(signed_with_a_key_of_ones_own)
{
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	cap = cap_for(&s.bob, s.object, s.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.mallory);
	check_cap(&s, &cap, RIGHT_SIGNER);
	/* With bob's name on it. */
	cap.signer = s.bob.secret.id;
	check_cap(&s, &cap, RIGHT_FORGED);
	/* For everything of the key's. */
	cap = cap_for(&s.bob, s.bob.secret.id, s.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.mallory);
	hand_hold(&s.context, s.bob.secret.id, &cap, 1);
	check_refused(&s, RIGHT_SIGNER);
	/* Her own key named as the object's. */
	cap = cap_for(&s.mallory, s.mallory.secret.id, s.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.mallory);
	check_cap(&s, &cap, RIGHT_BROKEN);
	scene_end(&s);
}

TEST(what_has_no_key_signed_for)
{
	struct twz_id object = test_object_of(TWZ_TYPE_DATA, TWZ_DELETE, TWZ_OBJECT_VOLATILE);
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	cap = cap_for(&s.mallory, object, s.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.mallory);
	hand_hold(&s.context, object, &cap, 1);
	CHECK_EQ(rights_of(s.context.id, object), TWZ_DELETE);
	cap.signer = (struct twz_id){0};
	hand_hold(&s.context, object, &cap, 1);
	CHECK_EQ(rights_of(s.context.id, object), TWZ_DELETE);
	test_delete(object);
	scene_end(&s);
}

/* Bob himself signed what no version of the format means. */
TEST(of_another_format)
{
	struct scene s;
	struct twz_cap cap, c;

	scene_make(&s);
	cap = scene_cap(&s, TWZ_READ);
	c = cap, c.magic++;
	check_signed(&s, c, RIGHT_MALFORMED);
	c = cap, c.version++;
	check_signed(&s, c, RIGHT_MALFORMED);
	c = cap, c.alg++;
	check_signed(&s, c, RIGHT_MALFORMED);
	c = cap, c.perms |= TWZ_PERM_ALL + 1;
	check_signed(&s, c, RIGHT_MALFORMED);
	c = cap, c.flags |= 8;
	check_signed(&s, c, RIGHT_MALFORMED);
	c = cap, c.reserved[47] = 1;
	check_signed(&s, c, RIGHT_MALFORMED);
	c = cap, c.parent[0] = 1;
	check_signed(&s, c, RIGHT_MALFORMED);
	c = cap, c.depth = 1;
	check_signed(&s, c, RIGHT_MALFORMED);
	scene_end(&s);
}

TEST(a_gate_taken_for_a_permission)
{
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	cap = scene_cap(&s, TWZ_READ);
	cap.flags |= TWZ_CAP_GATE;
	check_signed(&s, cap, RIGHT_NONE);
	scene_end(&s);
}

TEST(more_candidates_than_are_looked_at)
{
	struct twz_cap cap[RIGHT_CANDIDATES + 1];
	struct scene s;

	scene_make(&s);
	for (unsigned i = 0; i <= RIGHT_CANDIDATES; i++) {
		cap[i] = scene_cap(&s, TWZ_READ);
		if (i < RIGHT_CANDIDATES)
			cap[i].accessor = s.bob.context.id;
	}
	hand_hold(&s.context, s.object, cap, RIGHT_CANDIDATES + 1);
	check_refused(&s, RIGHT_STOLEN);
	scene_end(&s);
}

/*
 * Decisions are kept for objects that are alike. One of bob's objects she may read, by a capability that
 * stands under their key; of the other one nothing was said.
 */
struct alike {
	struct twz_id given, other;
};

static int64_t one_after_the_other(void *arg)
{
	struct alike *a = arg;

	CHECK_EQ(attack_load(&a->given), 0);
	CHECK_EQ(attack_load(&a->other), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_load(&a->given), 0);
	CHECK_EQ(attack_stat(&a->other), TWZ_E_NOTFOUND);
	return 0;
}

TEST(an_object_taken_for_one_that_is_alike)
{
	struct twz_cap cap;
	struct scene s;
	struct alike a;

	scene_make(&s);
	a = (struct alike){.given = user_object(&s.bob, TWZ_OBJECT_VOLATILE), .other = s.object};
	cap = cap_for(&s.bob, a.given, s.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.bob);
	hand_hold(&s.context, s.bob.secret.id, &cap, 1);
	CHECK_EQ(rights_of(s.context.id, a.given),
		 TWZ_READ); /* its signature is known to be right */
	test_run_as(s.context.id, one_after_the_other, &a);
	test_delete(a.given);
	scene_end(&s);
}
