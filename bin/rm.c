/*
 * rm.c - removes names and deletes their objects.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: rm [-r] PATH...\n"
	"\n"
	"Removes each name and deletes its object. What still points to the object faults when it "
	"is\n"
	"followed. An object that is tied to others (tie) stays until the last of them is gone; a "
	"message\n"
	"says so, with its ID.\n"
	"\n"
	"    -r  remove namespaces too, with all that is in them\n"
	"\n"
	"exit status: 0, 1 if something could not be removed, 2 usage error\n";

static bool recursive;

static int remove(struct path *path);

struct space {
	struct path *path;
	int status;
};

static int remove_entry(const struct twz_name_entry *entry, void *arg)
{
	struct space *space = arg;
	size_t length;

	if (path_append(space->path, entry->name, &length))
		space->status = fail_error(entry->name, TWZ_E_NAME);
	else
		space->status |= remove(space->path);
	path_cut(space->path, length);
	return 0;
}

/* The object was deleted: if it is still there, its ties keep it. */
static void say_if_tied(const char *path, struct twz_id id)
{
	char text[TWZ_ID_TEXT], reason[160];
	struct twz_rt_stat stat;

	if (twz_id_none(id) || twz_obj_stat(id, &stat))
		return;
	twz_id_text(id, text);
	twz_format(reason, sizeof(reason),
		   "has no name any more, and stays until what it is tied to is gone, as %s", text);
	fail(path, reason);
}

static int remove(struct path *path)
{
	struct space space = {path, STATUS_OK};
	struct twz_id id = {0, 0};
	uint32_t type;
	int error = path_type(path->text, &id, &type);

	if (!error && type == TWZ_TYPE_NAMESPACE) {
		if (!recursive)
			return fail(path->text, "is a namespace; -r removes it");
		error = twz_name_list(path->text, remove_entry, &space);
		if (error)
			return fail_error(path->text, error);
		if (space.status)
			return space.status;
	}
	/* Also a name whose object is gone, or damaged. */
	error = twz_name_unbind(path->text, TWZ_NAME_DELETE);
	if (error)
		return fail_error(path->text, error);
	say_if_tied(path->text, id);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{.name = "-r", .flag = &recursive}, {0}};
	int status = STATUS_OK;
	struct twz_id root, id;

	program_begin(help, options, 1, INT32_MAX, &argc, argv);
	for (int i = 0; i < argc; i++) {
		struct path path;
		int error = path_set(&path, argv[i]);

		if (error)
			status = fail_error(argv[i], error);
		else if (!twz_name_resolve(path.text, &id) && !twz_name_resolve("/", &root) &&
			 twz_id_equal(root, id))
			status = fail(argv[i], "is the root");
		else
			status |= remove(&path);
	}
	program_end(status);
}
