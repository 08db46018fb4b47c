/*
 * delegation.c - attacks with what was passed on: chains that give more than what they come from.
 *
 * Bob gives mallory's own context something, and she passes it on, signed with her key, to another of
 * hers, the scene's: whatever she writes there, she must have no more than bob gave and let her pass on.
 */
#include "tests/attack/attack.h"

#define HOUR 3600u

static uint64_t now_s(void)
{
	return twz_rt_time_ns() / 1000000000;
}

/* What bob gives to mallory's own context, not signed. */
static struct twz_cap root_for(const struct scene *s, uint32_t perms)
{
	struct twz_cap root = cap_for(&s->bob, s->object, s->mallory.context.id, perms);

	root.flags |= TWZ_CAP_DELEGATE;
	return root;
}

/* chain[1], complete, passed on to the scene's context. */
static void pass_on(const struct scene *s, struct twz_cap chain[2], uint32_t perms)
{
	chain[0] = cap_for(&s->bob, s->object, s->context.id, perms);
	chain[0].not_before = chain[1].not_before;
	chain[0].expires = chain[1].expires;
	cap_sign_by(&chain[0], &chain[1], &s->mallory);
}

/* A chain that is in order: what is wrong with it comes then. */
static void chain_make(const struct scene *s, struct twz_cap chain[2], uint32_t perms)
{
	chain[1] = root_for(s, perms);
	cap_sign_by(&chain[1], NULL, &s->bob);
	pass_on(s, chain, perms);
}

static void check_chain(const struct scene *s, const struct twz_cap *chain, uint32_t count,
			enum right_why why)
{
	hand_hold(&s->context, s->object, chain, count);
	check_refused(s, why);
}

/* Mallory signs what the link says now, and as a delegation of what the parent is now. */
static void check_link(const struct scene *s, struct twz_cap chain[2], enum right_why why)
{
	cap_sign_by(&chain[0], &chain[1], &s->mallory);
	check_chain(s, chain, 2, why);
}

/* No attack. */
TEST(what_may_be_passed_on_can_be_had)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain_make(&s, chain, TWZ_READ);
	hand_hold(&s.context, s.object, chain, 2);
	check_given(&s);
	scene_end(&s);
}

TEST(any_bit_of_a_delegation_or_its_parent_flipped)
{
	struct twz_cap chain[2];
	struct scene s;
	uint8_t *bytes;

	scene_make(&s);
	chain_make(&s, chain, TWZ_READ);
	bytes = (uint8_t *)hand_hold(&s.context, s.object, chain, 2)->cap;
	check_every_bit(&s, bytes, sizeof(chain));
	scene_end(&s);
}

TEST(a_link_under_another_parent)
{
	struct twz_cap chain[2], other[2];
	struct scene s;

	scene_make(&s);
	chain_make(&s, chain, TWZ_READ);
	chain_make(&s, other, TWZ_READ | TWZ_WRITE);
	other[0] = chain[0];
	check_chain(&s, other, 2, RIGHT_BROKEN);
	/* Under none. */
	check_chain(&s, chain, 1, RIGHT_MALFORMED);
	scene_end(&s);
}

/* What bob gave is there, but not where the run says that it is. */
TEST(a_chain_that_leads_out_of_its_run)
{
	struct twz_cap chain[2];
	struct by_hand *hand;
	struct scene s;

	scene_make(&s);
	chain_make(&s, chain, TWZ_READ);
	hand = hand_hold(&s.context, s.object, chain, 1);
	hand->cap[1] = chain[1];
	check_refused(&s, RIGHT_MALFORMED);
	scene_end(&s);
}

TEST(more_permissions_than_the_parent)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain_make(&s, chain, TWZ_WRITE);
	chain[0].perms = TWZ_READ | TWZ_WRITE;
	check_link(&s, chain, RIGHT_WIDENED);
	scene_end(&s);
}

TEST(longer_than_the_parent)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain[1] = root_for(&s, TWZ_READ);
	chain[1].expires = now_s() + HOUR;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	hand_hold(&s.context, s.object, chain, 2);
	CHECK_EQ(rights_of(s.context.id, s.object), TWZ_READ);
	chain[0].expires++;
	check_link(&s, chain, RIGHT_WIDENED);
	chain[0].expires = 0;
	check_link(&s, chain, RIGHT_WIDENED);
	/* An expired parent, under a link that is not. */
	chain[1].expires = now_s();
	cap_sign_by(&chain[1], NULL, &s.bob);
	check_link(&s, chain, RIGHT_WIDENED);
	chain[0].expires = chain[1].expires;
	check_link(&s, chain, RIGHT_EXPIRED);
	scene_end(&s);
}

TEST(earlier_than_the_parent)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain[1] = root_for(&s, TWZ_READ);
	chain[1].not_before = now_s() + HOUR;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	check_link(&s, chain, RIGHT_EARLY);
	chain[0].not_before = 0;
	check_link(&s, chain, RIGHT_WIDENED);
	scene_end(&s);
}

TEST(a_key_from_an_object)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain_make(&s, chain, TWZ_READ);
	chain[0].flags |= TWZ_CAP_KEY;
	chain[0].target = s.bob.secret.id;
	check_link(&s, chain, RIGHT_BROKEN);
	scene_end(&s);
}

TEST(another_object_of_the_same_key)
{
	struct twz_cap chain[2];
	struct twz_id other;
	struct scene s;

	scene_make(&s);
	other = user_object(&s.bob, TWZ_OBJECT_VOLATILE);
	chain[1] = root_for(&s, TWZ_READ);
	chain[1].target = other;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	check_link(&s, chain, RIGHT_BROKEN);
	test_delete(other);
	scene_end(&s);
}

/* She may pass on all of bob's, and did so with one of his objects: the link is used for another one. */
TEST(a_link_for_another_object)
{
	struct twz_cap chain[2];
	struct twz_id other;
	struct scene s;

	scene_make(&s);
	other = user_object(&s.bob, TWZ_OBJECT_VOLATILE);
	chain[1] = cap_for(&s.bob, s.bob.secret.id, s.mallory.context.id, TWZ_READ);
	chain[1].flags |= TWZ_CAP_DELEGATE;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	hand_hold(&s.context, s.object, chain, 2);
	CHECK_EQ(rights_of(s.context.id, s.object), TWZ_READ);
	chain[0].target = other;
	check_link(&s, chain, RIGHT_BROKEN);
	test_delete(other);
	scene_end(&s);
}

TEST(what_may_not_be_passed_on)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain[1] = root_for(&s, TWZ_READ);
	chain[1].flags = 0;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	check_link(&s, chain, RIGHT_UNDELEGABLE);
	/* She says of her own link that it may. */
	chain[0].flags |= TWZ_CAP_DELEGATE;
	check_link(&s, chain, RIGHT_UNDELEGABLE);
	/* She writes it into bob's. */
	chain[1].flags = TWZ_CAP_DELEGATE;
	check_link(&s, chain, RIGHT_FORGED);
	scene_end(&s);
}

TEST(a_permission_from_a_gate)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain[1] = root_for(&s, TWZ_READ);
	chain[1].flags |= TWZ_CAP_GATE;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	check_link(&s, chain, RIGHT_WIDENED);
	scene_end(&s);
}

/* Passed on by who does not have it: the parent is for another's context. */
TEST(what_is_anothers_passed_on)
{
	struct twz_cap chain[2];
	struct twz_obj context;
	struct scene s;

	scene_make(&s);
	user_context(&s.bob, &context);
	chain[1] = root_for(&s, TWZ_READ);
	chain[1].accessor = context.id;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	check_link(&s, chain, RIGHT_SIGNER);
	context_end(&context);
	scene_end(&s);
}

/* An object of mallory's that is no context: who can pass on is whom a context belongs to. */
TEST(passed_on_by_what_is_no_context)
{
	struct twz_cap chain[2];
	struct twz_id data;
	struct scene s;

	scene_make(&s);
	data = user_object(&s.mallory, TWZ_OBJECT_VOLATILE);
	chain[1] = root_for(&s, TWZ_READ);
	chain[1].accessor = data;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ);
	check_link(&s, chain, RIGHT_SIGNER);
	test_delete(data);
	scene_end(&s);
}

/* To the context itself: it has the same then, and after the root's end nothing. */
TEST(passed_on_to_oneself)
{
	struct twz_cap chain[2];
	struct scene s;

	scene_make(&s);
	chain[1] = scene_cap(&s, TWZ_READ);
	pass_on(&s, chain, TWZ_READ);
	check_link(&s, chain, RIGHT_UNDELEGABLE);
	chain[1].flags = TWZ_CAP_DELEGATE;
	cap_sign_by(&chain[1], NULL, &s.bob);
	pass_on(&s, chain, TWZ_READ | TWZ_WRITE);
	check_link(&s, chain, RIGHT_WIDENED);
	pass_on(&s, chain, TWZ_READ);
	hand_hold(&s.context, s.object, chain, 2);
	CHECK_EQ(rights_of(s.context.id, s.object), TWZ_READ);
	/* Of nothing but what she signed herself. */
	cap_sign_by(&chain[1], NULL, &s.mallory);
	check_link(&s, chain, RIGHT_SIGNER);
	scene_end(&s);
}

TEST(parents_in_a_circle)
{
	struct twz_cap chain[4];
	struct scene s;

	scene_make(&s);
	chain_make(&s, chain, TWZ_READ);
	/* Each says that the other is its parent, and how deep it is. */
	cap_sign_by(&chain[1], &chain[0], &s.mallory);
	cap_sign_by(&chain[0], &chain[1], &s.mallory);
	for (uint32_t depth = 0; depth < 4; depth++) {
		chain[0].depth = depth;
		chain[1].depth = depth + 1;
		chain[2] = chain[0];
		chain[3] = chain[1];
		check_chain(&s, chain, 4, RIGHT_MALFORMED);
	}
	scene_end(&s);
}

/* chain[0] .. chain[depth], each of mallory's links passed on by the one behind it. */
static void deep_chain(const struct scene *s, struct twz_cap *chain, uint32_t depth)
{
	chain[depth] = root_for(s, TWZ_READ);
	cap_sign_by(&chain[depth], NULL, &s->bob);
	for (uint32_t i = depth; i-- > 0;) {
		struct twz_cap *cap = &chain[i];

		*cap = cap_for(&s->bob, s->object, i ? s->mallory.context.id : s->context.id,
			       TWZ_READ);
		cap->flags = TWZ_CAP_DELEGATE;
		cap_sign_deep(cap, &chain[i + 1], &s->mallory);
	}
}

TEST(deeper_than_may_be)
{
	struct twz_cap chain[TWZ_CAP_DEPTH_MAX + 2];
	struct by_hand *hand;
	struct scene s;

	scene_make(&s);
	deep_chain(&s, chain, TWZ_CAP_DEPTH_MAX);
	hand_hold(&s.context, s.object, chain, TWZ_CAP_DEPTH_MAX + 1);
	check_given(&s);
	deep_chain(&s, chain, TWZ_CAP_DEPTH_MAX + 1);
	check_chain(&s, chain, TWZ_CAP_DEPTH_MAX + 2, RIGHT_MALFORMED);
	/* With as many records behind it, and more than can be. */
	hand = hand_clear(&s.context);
	for (uint32_t i = 1; i < 8; i++)
		memset((uint8_t *)hand + i * TWZ_PAGE, 0, 1);
	hand->cap[0] = chain[0];
	hand->cap[0].depth = 100;
	hand_enter(hand, s.object, TWZ_CONTEXT_CAP, ~0u, HAND_CAP_OFF);
	check_refused(&s, RIGHT_MALFORMED);
	hand->cap[0].depth = ~0u;
	check_refused(&s, RIGHT_MALFORMED);
	scene_end(&s);
}
