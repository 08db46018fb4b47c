/* right.c - the decision (right.h). */
#include "kernel/object.h"
#include "kernel/right.h"

uint32_t right_of(const struct thread *thread, const struct object *object)
{
	(void)thread; /* by defaults all threads are alike */
	return object->identity.perms;
}

int right_check(const struct thread *thread, const struct object *object, uint32_t want)
{
	uint32_t have = right_of(thread, object);

	if (!have)
		return TWZ_E_NOTFOUND;
	return want & ~have ? TWZ_E_RIGHT : 0;
}
