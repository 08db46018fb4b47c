/*
 * untie.c - takes a tie away.
 */
#include "bin/common/right.h"

static const char help[] =
	"usage: untie [--hold] OBJECT TO\n"
	"\n"
	"OBJECT is not tied to TO any more. It stays, also if that was its last tie, unless it was "
	"deleted\n"
	"meanwhile (rm): then it goes now. Each is a PATH or an ID.\n"
	"\n"
	"    --hold  the tie that a pointer in TO made, which so loses its hold\n"
	"\n"
	"exit status: 0, 1 if it could not be done, 2 usage error\n";

int main(int argc, char **argv)
{
	bool hold = false;
	const struct option options[] = {{.name = "--hold", .flag = &hold}, {0}};
	struct twz_id object, to;
	int error, status = STATUS_OK;

	program_begin(help, options, 2, 2, &argc, argv);
	if (named(argv[0], &object) || named(argv[1], &to))
		program_end(STATUS_FAILED);
	error = twz_untie(object, to, hold ? TWZ_TIE_HOLD : TWZ_TIE_PLAIN);
	if (error == TWZ_E_NOTFOUND)
		status = fail(argv[0], hold ? "is not held by a pointer there"
					    : "is not so tied to it (tie shows the ties)");
	else if (error)
		status = fail_error(argv[0], error);
	program_end(status);
}
