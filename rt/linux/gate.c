/* gate.c - gates: nothing is enforced when hosted, so there is no other context to enter. */
#include "abi/rt.h"
#include "abi/security.h"

int64_t twz_rt_gate_call(const struct twz_rt_gate *gate, const uint64_t argument[5])
{
	(void)gate, (void)argument;
	return TWZ_E_ABSENT;
}

int twz_rt_gate_caller(struct twz_rt_caller *caller)
{
	(void)caller;
	return TWZ_E_ABSENT;
}

int twz_rt_gate_may(struct twz_id object, uint32_t perms)
{
	(void)object, (void)perms;
	return TWZ_E_ABSENT;
}

int twz_rt_gate_return(int64_t result)
{
	(void)result;
	return TWZ_E_ABSENT;
}

int twz_rt_serve(const struct twz_rt_service *service, struct twz_gate *gate)
{
	(void)service, (void)gate;
	return TWZ_E_ABSENT;
}
