/*
 * cat.c - prints what can be read from objects, whatever they are (twz/stream.h).
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: cat PATH...\n"
	"\n"
	"Prints what can be read from each object, in this order: the data of one, the messages "
	"that a\n"
	"queue has now, which are gone then; of - the console's input until it ends.\n"
	"\n"
	"exit status: 0, 1 if a PATH could not be printed, 2 usage error\n";

/* A status. */
static int open(const char *path, struct twz_obj *obj, struct twz_io *io)
{
	struct twz_id id;
	uint32_t type;
	int error;

	if (!strcmp(path, "-")) {
		twz_io_console(0, io);
		return STATUS_OK;
	}
	error = path_type(path, &id, &type);
	if (!error && type == TWZ_TYPE_NAMESPACE)
		return fail(path, "is a namespace");
	if (!error && need(path, id, TWZ_READ))
		return STATUS_FAILED;
	if (!error)
		error = twz_obj_open(id, obj);
	if (!error)
		error = twz_io_open(obj, TWZ_IO_NOWAIT, io);
	if (error == TWZ_E_ABSENT)
		return fail(path, "is read in a way that this program does not know; see stat");
	return error ? fail_error(path, error) : STATUS_OK;
}

static int print(const char *path)
{
	static char data[TWZ_QUEUE_MESSAGE_MAX];
	struct twz_obj obj = {0};
	struct twz_io io;
	int64_t n;
	int error;

	if (open(path, &obj, &io))
		return STATUS_FAILED;
	while ((n = twz_io_read(&io, data, sizeof(data))) > 0) {
		error = twz_put(data, (uint64_t)n);
		if (error) /* nobody reads on */
			program_end(fail_error("output", error));
	}
	twz_obj_recycle(&io.face.obj); /* what was large was mapped anew */
	twz_obj_recycle(&obj);
	return n && n != TWZ_E_BUSY ? fail_error(path, (int)n) : STATUS_OK;
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
