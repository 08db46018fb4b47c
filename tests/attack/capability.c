/* capability.c - attacks on capabilities: what is in a context, and was not given to it. */
#include "tests/attack/attack.h"

/* What bob owns and mallory is after. */
struct scene {
	struct user bob, mallory;
	struct twz_id object;
};

static void scene_make(struct scene *s)
{
	user_make(&s->bob);
	user_make(&s->mallory);
	s->object = user_object(&s->bob, TWZ_OBJECT_VOLATILE);
}

static void scene_end(struct scene *s)
{
	test_delete(s->object);
	user_end(&s->mallory);
	user_end(&s->bob);
}

/* Nothing at all was given: the object is not there. */
static void check_nothing(struct scene *s)
{
	CHECK_EQ(attack_as(&s->mallory, attack_stat, &s->object), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_as(&s->mallory, attack_load, &s->object), TWZ_E_NOTFOUND);
	CHECK_EQ(rights_of(s->mallory.context.id, s->object), 0);
}

/* Not an attack: what was given does count, so what follows shows something. */
TEST(what_was_given_can_be_had)
{
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	check_nothing(&s);
	cap = cap_for(&s.bob, s.object, s.mallory.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.bob);
	context_add(&s.mallory.context, &cap, 1);
	context_publish(&s.mallory.context);
	CHECK_EQ(attack_as(&s.mallory, attack_stat, &s.object), 0);
	CHECK_EQ(attack_as(&s.mallory, attack_load, &s.object), 0);
	CHECK_EQ(attack_as(&s.mallory, attack_store, &s.object), TWZ_E_RIGHT);
	CHECK_EQ(rights_of(s.mallory.context.id, s.object), TWZ_READ);
	scene_end(&s);
}
