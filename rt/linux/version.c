/*
 * version.c - before main: was everything in this program built for this runtime?
 *
 * Each file that includes <twz/obj.h> leaves the version that it was built with in the section
 * twz_built_with. The linker gathers them, those of libtwz and of the program.
 */
#include "rt/linux/home.h"

#define MAJOR(version) ((version) >> 16)
#define MINOR(version) ((version)&0xffff)

extern const struct twz_built_with __start_twz_built_with[] __attribute__((weak));
extern const struct twz_built_with __stop_twz_built_with[] __attribute__((weak));

uint32_t twz_rt_version(void)
{
	return TWZ_RT_VERSION;
}

static __attribute__((constructor)) void check_version(void)
{
	for (const struct twz_built_with *built = __start_twz_built_with;
	     built < __stop_twz_built_with; built++) {
		uint32_t version = (uint32_t)built->version;

		if (MAJOR(version) != MAJOR(TWZ_RT_VERSION) ||
		    MINOR(version) > MINOR(TWZ_RT_VERSION))
			die(126, "built for version %u.%u of the runtime ABI, but this is %u.%u",
			    MAJOR(version), MINOR(version), MAJOR(TWZ_RT_VERSION),
			    MINOR(TWZ_RT_VERSION));
	}
}
