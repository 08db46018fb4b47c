/*
 * cat.c - prints objects' data.
 */
#include "bin/common/program.h"

static const char help[] = "usage: cat PATH...\n"
			   "\n"
			   "Prints the data of each object, in this order.\n"
			   "\n"
			   "exit status: 0, 1 if a PATH could not be printed, 2 usage error\n";

static int print(const char *path)
{
	struct twz_id id;
	struct twz_obj obj;
	uint64_t size;
	uint32_t type;
	int error = path_type(path, &id, &type);

	if (!error && type == TWZ_TYPE_NAMESPACE)
		return fail(path, "is a namespace");
	if (!error && need(path, id, TWZ_READ))
		return STATUS_FAILED;
	if (!error)
		error = twz_obj_open(id, &obj);
	if (error)
		return fail_error(path, error);
	size = twz_obj_size(&obj);
	if (size > TWZ_SLOT_SIZE - TWZ_OBJ_DATA)
		error = twz_obj_open_large(id, &obj);
	if (!error && size > TWZ_PLACE_SIZE - TWZ_OBJ_DATA)
		error = TWZ_E_DAMAGED;
	if (error)
		return fail_error(path, error);
	error = twz_put(twz_obj_data(&obj), size);
	if (error) /* nobody reads on */
		program_end(fail_error("output", error));
	twz_obj_recycle(&obj);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};
	int status = STATUS_OK;

	program_begin(help, options, 1, INT32_MAX, &argc, argv);
	for (int i = 0; i < argc; i++)
		status |= print(argv[i]);
	program_end(status);
}
