/* scene.c - contexts by hand; bob, mallory and what she is after (attack.h). */
#include "tests/attack/attack.h"

/* ---- contexts by hand ------------------------------------------------------------------------------- */

struct by_hand *hand_clear(const struct twz_obj *context)
{
	struct by_hand *hand = twz_obj_data(context);

	memset(hand, 0, sizeof(*hand));
	hand->header = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
					    .version = 1,
					    .global_mask = TWZ_PERM_ALL,
					    .table = TWZ_OBJ_DATA + offsetof(struct by_hand, entry),
					    .nentries = HAND_ENTRIES};
	return hand;
}

struct twz_context_entry *hand_enter(struct by_hand *hand, struct twz_id target, uint32_t kind,
				     uint32_t count, uint64_t off)
{
	uint64_t i = target.lo ^ target.hi;

	while (hand->entry[i % HAND_ENTRIES].kind)
		i++;
	hand->entry[i % HAND_ENTRIES] = (struct twz_context_entry){
		.target = target, .kind = kind, .count = count, .off = off};
	return &hand->entry[i % HAND_ENTRIES];
}

struct by_hand *hand_hold(const struct twz_obj *context, struct twz_id target,
			  const struct twz_cap *chain, uint32_t count)
{
	struct by_hand *hand = hand_clear(context);

	hand_enter(hand, target, TWZ_CONTEXT_CAP, count, HAND_CAP_OFF);
	memcpy(hand->cap, chain, count * sizeof(*chain));
	return hand;
}

/* ---- the scene -------------------------------------------------------------------------------------- */

void scene_make(struct scene *s)
{
	user_make(&s->bob);
	user_make(&s->mallory);
	user_context(&s->mallory, &s->context);
	test_program(s->context.id, true);
	hand_clear(&s->context);
	s->object = user_object(&s->bob, TWZ_OBJECT_VOLATILE);
}

void scene_end(struct scene *s)
{
	test_delete(s->object);
	test_program(s->context.id, false);
	context_end(&s->context);
	user_end(&s->mallory);
	user_end(&s->bob);
}

struct twz_cap scene_cap(const struct scene *s, uint32_t perms)
{
	struct twz_cap cap = cap_for(&s->bob, s->object, s->context.id, perms);

	cap_sign_by(&cap, NULL, &s->bob);
	return cap;
}

void check_refused(const struct scene *s, enum right_why why)
{
	struct twz_id id = s->object;

	CHECK_EQ(why_of(s->context.id, id), why);
	CHECK_EQ(rights_of(s->context.id, id), 0);
	CHECK_EQ(test_run_as(s->context.id, attack_stat, &id), TWZ_E_NOTFOUND);
	CHECK_EQ(test_run_as(s->context.id, attack_load, &id), TWZ_E_NOTFOUND);
}

void check_every_bit(const struct scene *s, uint8_t *bytes, uint64_t size)
{
	CHECK_EQ(rights_of(s->context.id, s->object), TWZ_READ);
	for (unsigned bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= 1u << bit % 8;
		if (!CHECK_EQ(rights_of(s->context.id, s->object), 0))
			test_say("bit %u", bit);
		bytes[bit / 8] ^= 1u << bit % 8;
	}
	CHECK_EQ(rights_of(s->context.id, s->object), TWZ_READ);
}

void check_given(const struct scene *s)
{
	struct twz_id id = s->object;

	CHECK_EQ(rights_of(s->context.id, id) & TWZ_READ, TWZ_READ);
	CHECK_EQ(test_run_as(s->context.id, attack_stat, &id), 0);
	CHECK_EQ(test_run_as(s->context.id, attack_load, &id), 0);
}
