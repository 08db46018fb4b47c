/*
 * tie.c - lets an object live as long as another.
 */
#include "bin/common/right.h"
#include "bin/common/tie.h"

static const char help[] =
	"usage: tie [--ending] OBJECT TO\n"
	"       tie OBJECT\n"
	"\n"
	"Ties OBJECT to TO: it is not deleted before TO, and is deleted with the last of all those "
	"that it\n"
	"is tied to. Each is a PATH or an ID; a thread's ID is in ps -l. With OBJECT alone, lists "
	"what it\n"
	"is tied to and what is tied to it; \"hold\" is a tie that a pointer made.\n"
	"\n"
	"    --ending  OBJECT lasts, TO is a thread or ends with the boot epoch: OBJECT may end "
	"with it\n"
	"\n"
	"exit status: 0, 1 if it could not be done, 2 usage error\n";

static int refused(const char *name, int error, bool itself)
{
	switch (error) {
	case TWZ_E_ARG:
		return fail(name, itself ? "cannot be tied to itself"
					 : "lasts, and would end with what does not (--ending)");
	case TWZ_E_BUSY:
		return fail(name, "is one of the store's own objects, which are tied to nothing");
	default:
		return fail_error(name, error);
	}
}

int main(int argc, char **argv)
{
	bool ending = false;
	const struct option options[] = {{.name = "--ending", .flag = &ending}, {0}};
	struct twz_id object, to;
	int error, status;

	program_begin(help, options, 1, 2, &argc, argv);
	if (argc == 1 && ending)
		fail_usage("--ending is about a tie that is made, with a TO", "");
	status = named(argv[0], &object);
	if (status == STATUS_OK && argc == 1)
		program_end(print_ties(argv[0], object, UINT32_MAX));
	if (status != STATUS_OK || named(argv[1], &to))
		program_end(STATUS_FAILED);
	error = twz_tie(object, to, ending ? TWZ_TIE_ENDING : 0);
	if (error)
		status = refused(argv[0], error, twz_id_equal(object, to));
	program_end(status);
}
