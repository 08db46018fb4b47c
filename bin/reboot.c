/*
 * reboot.c - starts the machine anew.
 */
#include "abi/syscall.h"
#include "bin/common/program.h"

static const char help[] =
	"usage: reboot\n"
	"\n"
	"Ends all programs and starts the machine anew. What was made durable is there then, and "
	"registered\n"
	"views are brought back. Hosted on Linux there is no machine to start.\n"
	"\n"
	"exit status: 1 if it could not be done, 2 usage error\n";

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};

	program_begin(help, options, 0, 0, &argc, argv);
	program_end(fail_error("the machine", twz_rt_power(TWZ_POWER_RESET, STATUS_OK)));
}
