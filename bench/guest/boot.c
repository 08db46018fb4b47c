/*
 * boot.c - how long the machine took to get here: the prompt had read its arguments, and started this
 * program, so it was ready for the console before.
 */
#include "bench/guest/lib/measure.h"

int main(void)
{
	uint64_t here = now();
	struct twz_sys_usage usage = usage_now();

	figure("firmware", usage.entry_cycles);
	figure("boot_init", usage.boot_cycles - usage.entry_cycles);
	figure("boot_prompt", here - usage.entry_cycles);
	figure("longest_stretch", usage.longest_stretch);
	return 0;
}
