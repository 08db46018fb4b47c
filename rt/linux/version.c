/*
 * version.c - before main: was everything in this program built for this runtime?
 *
 * Each file that includes <twz/obj.h> asks, those of libtwz and of the program, whether they are
 * linked into one or libtwz is a shared library that was built at another time.
 */
#include "rt/linux/home.h"

#define MAJOR(version) ((version) >> 16)
#define MINOR(version) ((version)&0xffff)

uint32_t twz_rt_version(void)
{
	return TWZ_RT_VERSION;
}

void twz_rt_built_with(uint32_t version)
{
	if (MAJOR(version) != MAJOR(TWZ_RT_VERSION) || MINOR(version) > MINOR(TWZ_RT_VERSION))
		die(126, "built for version %u.%u of the runtime ABI, but this is %u.%u",
		    MAJOR(version), MINOR(version), MAJOR(TWZ_RT_VERSION), MINOR(TWZ_RT_VERSION));
}
