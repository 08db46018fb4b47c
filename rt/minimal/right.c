/* right.c - rights: the kernel of this version has no calls for them yet (docs/absent.md). */
#include "rt/minimal/minimal.h"

int twz_rt_publish(struct twz_id context)
{
	(void)context;
	return TWZ_E_ABSENT;
}

int twz_rt_explain(struct twz_id object, struct twz_id context, struct twz_rt_answer *answer)
{
	(void)object;
	(void)context;
	(void)answer;
	return TWZ_E_ABSENT;
}
