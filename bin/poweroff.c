/*
 * poweroff.c - switches the machine off.
 */
#include "abi/syscall.h"
#include "bin/common/program.h"

static const char help[] =
	"usage: poweroff\n"
	"\n"
	"Ends all programs and switches the machine off. What was made durable is there at the "
	"next boot,\n"
	"and registered views are brought back. Hosted on Linux there is no machine to switch "
	"off.\n"
	"\n"
	"exit status: 1 if it could not be done, 2 usage error\n";

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};

	program_begin(help, options, 0, 0, &argc, argv);
	program_end(fail_error("the machine", twz_rt_power(TWZ_POWER_OFF, STATUS_OK)));
}
