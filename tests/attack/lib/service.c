/* service.c - bob's service, which mallory is after (attack.h). */
#include "tests/attack/attack.h"

uint64_t *service_secret(const struct service *s)
{
	return (uint64_t *)(test_address(s->place.slot + GATE_SLOT_FREE) + TWZ_OBJ_DATA);
}

void service_make(struct service *s, uint32_t flags)
{
	const uint32_t rights = TWZ_VIEW_READ | TWZ_VIEW_WRITE;

	user_make(&s->bob);
	user_make(&s->mallory);
	gate_place_make(&s->place, s->bob.secret.id, SERVICE_SLOT, flags);
	s->hers = gate_context(s->mallory.secret.id);
	s->secret = user_object(&s->bob, TWZ_OBJECT_VOLATILE);
	gate_grant(s->secret, s->place.context, TWZ_READ | TWZ_WRITE);
	test_map(SERVICE_SLOT + GATE_SLOT_FREE, s->secret, rights);
	*service_secret(s) = SERVICE_SECRET;
	if (!(flags & TWZ_GATE_IN_PLACE))
		gate_show(&s->place, SERVICE_SLOT + GATE_SLOT_FREE, s->secret, rights);
}

void service_end(struct service *s)
{
	test_delete(s->secret);
	gate_context_end(s->hers);
	gate_place_end(&s->place);
	user_end(&s->mallory);
	user_end(&s->bob);
}

struct beside {
	const struct service *service;
	int64_t (*attack)(void *arg);
	void *arg;
};

static int64_t goes_beside(void *arg)
{
	const struct beside *b = arg;

	CHECK_EQ(SYS(context_attach, ID(b->service->hers), TWZ_ATTACH_ACTIVE), 0);
	return b->attack(b->arg);
}

int64_t service_beside(const struct service *s, int64_t (*attack)(void *arg), void *arg)
{
	struct beside b = {s, attack, arg};
	int64_t found;

	gate_grant(s->hers, s->place.context, TWZ_USE);
	found = test_run_as(s->place.context, goes_beside, &b);
	gate_grant(s->hers, s->place.context, 0);
	return found;
}
