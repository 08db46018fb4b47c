/*
 * mv.c - gives objects other names.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: mv SOURCE... TARGET\n"
	"\n"
	"Renames SOURCE to TARGET, or moves each SOURCE into TARGET under its own name if that is "
	"a\n"
	"namespace. Each is one step: over a crash the object has the old name or the new one. An "
	"object\n"
	"that had the new name before is deleted; a namespace that had it must be empty.\n"
	"\n"
	"exit status: 0, 1 if something could not be renamed, 2 usage error\n";

static int move(const char *from, const char *to)
{
	struct twz_id id, old;
	uint32_t type, old_type;
	int error = twz_name_resolve(from, &id);

	if (error)
		return fail_error(from, error);
	if (!twz_name_resolve(to, &old)) {
		/* Or taking over the name would delete what is moved. */
		if (twz_id_equal(old, id))
			return fail(to, "is the source itself");
		if (!path_type(from, &id, &type) && !path_type(to, &old, &old_type) &&
		    type == TWZ_TYPE_NAMESPACE && old_type != type)
			return fail(to, "exists and is no namespace");
	}
	error = twz_name_rename(from, to, TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
	if (error == TWZ_E_ARG)
		return fail(to, "lies in the source");
	return error ? fail_error(to, error) : STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};
	int status = STATUS_OK;
	struct path from, to;

	program_begin(help, options, 2, INT32_MAX, &argc, argv);
	if (argc > 2 && !path_is_space(argv[argc - 1]))
		program_end(fail(argv[argc - 1], "is no namespace"));
	for (int i = 0; i < argc - 1; i++) {
		int error = path_set(&from, argv[i]);

		if (!error)
			error = path_set(&to, argv[argc - 1]);
		if (!error)
			error = path_into(&to, from.text);
		status |= error ? fail_error(argv[i], error) : move(from.text, to.text);
	}
	program_end(status);
}
