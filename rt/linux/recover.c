/* recover.c - programs that are brought back at boot: hosted, there is none. */
#include "abi/rt.h"

int twz_rt_register(void (*entry)(uint64_t arg), uint64_t arg)
{
	(void)entry, (void)arg;
	return TWZ_E_ABSENT;
}

int twz_rt_unregister(void)
{
	return TWZ_E_ABSENT;
}

bool twz_rt_recovered(void)
{
	return false;
}
