/*
 * as.c - runs a program in another context.
 */
#include "bin/common/right.h"

static const char help[] =
	"usage: as [--undetachable] [--no-console] CONTEXT PROGRAM [ARGUMENT...]\n"
	"\n"
	"Runs PROGRAM in the security context CONTEXT, a path or an ID: with the rights that are\n"
	"given to that, and none of the caller's. What PROGRAM makes is made under the key of\n"
	"CONTEXT's owner. It takes the right to use CONTEXT. While PROGRAM runs, CONTEXT may use "
	"the\n"
	"console.\n"
	"\n"
	"    --undetachable  PROGRAM, and all that it runs, stays within the masks of CONTEXT, in\n"
	"                    whatever other contexts it acts\n"
	"    --no-console    without the console: PROGRAM reads and says nothing\n"
	"\n"
	"exit status: that of PROGRAM; 2 usage error, 126 CONTEXT cannot be used, 127 no such "
	"program\n";

enum { STATUS_REFUSED = 126, STATUS_UNKNOWN = 127 };

static bool is_program(const char *name)
{
	for (const char *const *known = twz_rt_programs(); *known; known++)
		if (!strcmp(*known, name))
			return true;
	return false;
}

/* The program was not run. */
static int refuse(const char *context, struct twz_id id, int error)
{
	if (error == TWZ_E_TYPE)
		fail(context, "is no context");
	else if (error == TWZ_E_ABSENT)
		fail(context,
		     "programs act in contexts on the machine only, in a store with a boot "
		     "context");
	else if (error != TWZ_E_RIGHT)
		fail_error(context, error);
	else if (!need(context, id, TWZ_USE))
		fail(context,
		     "its masks leave a program nothing to run in: to read and execute its "
		     "text, to read and write its memory");
	return STATUS_REFUSED;
}

static int run(const char *context, struct twz_rt_program *program)
{
	int status = STATUS_REFUSED, error;

	if (named(context, &program->context))
		return STATUS_REFUSED;
	if (!is_program(program->argv[0])) {
		fail(program->argv[0], "there is no such program");
		return STATUS_UNKNOWN;
	}
	error = twz_run_as(program, &status);
	return error ? refuse(context, program->context, error) : status;
}

int main(int argc, char **argv)
{
	bool undetachable = false, no_console = false;
	const struct option options[] = {{.name = "--undetachable", .flag = &undetachable},
					 {.name = "--no-console", .flag = &no_console},
					 {0}};
	struct twz_rt_program program = {.timeout_ns = ~0ull};
	int own = 1; /* options; those behind the context are the program's */
	char **rest;

	while (own < argc && argv[own][0] == '-')
		own++;
	rest = argv + own;
	argc -= own;
	program_begin(help, options, 0, 0, &own, argv);
	if (argc < 2)
		fail_usage("an argument is missing", "");
	program.argv = (const char *const *)rest + 1;
	program.flags =
		(undetachable ? TWZ_RUN_UNDETACHABLE : 0) | (no_console ? TWZ_RUN_NO_CONSOLE : 0);
	program_end(run(rest[0], &program));
}
