/*
 * cp.c - copies objects, copy-on-write.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: cp [-r] SOURCE... TARGET\n"
	"\n"
	"Copies each object SOURCE to TARGET, or into it under its own name if TARGET is a "
	"namespace. The\n"
	"copy shares its pages with the source until one of them changes, so it takes next to no "
	"time\n"
	"and space. What had the name before is there until the whole copy takes its place.\n"
	"\n"
	"    -r  copy namespaces too, with all that is in them; into one that exists, what it "
	"holds\n"
	"        already stays\n"
	"\n"
	"exit status: 0, 1 if something could not be copied, 2 usage error\n";

static bool recursive;

static int copy(struct path *from, struct path *to);

/* A namespace that is being copied. */
struct space {
	struct path *from, *to;
	int status;
};

static int copy_entry(const struct twz_name_entry *entry, void *arg)
{
	struct space *space = arg;
	size_t from, to;

	/* Both, so that both can be cut. */
	if (path_append(space->from, entry->name, &from) | path_append(space->to, entry->name, &to))
		space->status = fail_error(entry->name, TWZ_E_NAME);
	else
		space->status |= copy(space->from, space->to);
	path_cut(space->from, from);
	path_cut(space->to, to);
	return 0;
}

static int copy_space(struct path *from, struct path *to)
{
	struct space space = {from, to, STATUS_OK};
	struct twz_id id;
	uint32_t type;
	int error = path_type(to->text, &id, &type);

	if (error == TWZ_E_NOTFOUND)
		error = twz_ns_make(to->text, &id);
	else if (!error && type != TWZ_TYPE_NAMESPACE)
		error = TWZ_E_EXISTS;
	if (error)
		return fail_error(to->text, error);
	error = twz_name_list(from->text, copy_entry, &space);
	return error ? fail_error(from->text, error) : space.status;
}

static int copy(struct path *from, struct path *to)
{
	struct twz_id id, old, new;
	uint32_t type;
	int error = path_type(from->text, &id, &type);

	if (error)
		return fail_error(from->text, error);
	if (!twz_name_resolve(to->text, &old) && twz_id_equal(old, id))
		return fail(to->text, "is the source itself");
	if (need(from->text, id, TWZ_READ))
		return STATUS_FAILED;
	if (type == TWZ_TYPE_NAMESPACE)
		return copy_space(from, to);
	error = twz_obj_copy(id, true, &new);
	if (error)
		return fail_error(from->text, error);
	error = twz_name_publish(to->text, new, TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
	return error ? fail_error(to->text, error) : STATUS_OK;
}

/* Is the object on the way to `to`? The copy of a namespace into itself would have no end. */
static bool above(struct twz_id source, const char *to)
{
	struct path path;
	struct twz_id id;
	char *slash;

	if (path_set(&path, to))
		return false;
	do {
		slash = strrchr(path.text, '/');
		path_cut(&path, slash ? (size_t)(slash - path.text) : 0);
		if (!twz_name_resolve(path.text, &id) && twz_id_equal(id, source))
			return true;
	} while (path.text[0]);
	return false;
}

/* What the user asked for. */
static int copy_named(const char *source, const char *target)
{
	struct path from, to;
	struct twz_id id;
	uint32_t type;
	int error = path_set(&from, source);

	if (!error)
		error = path_type(from.text, &id, &type);
	if (!error)
		error = path_set(&to, target);
	if (!error)
		error = path_into(&to, from.text);
	if (error)
		return fail_error(source, error);
	if (type == TWZ_TYPE_NAMESPACE && !recursive)
		return fail(source, "is a namespace; -r copies it");
	if (type == TWZ_TYPE_NAMESPACE && above(id, to.text))
		return fail(to.text, "lies in the source");
	return copy(&from, &to);
}

int main(int argc, char **argv)
{
	const struct option options[] = {{.name = "-r", .flag = &recursive}, {0}};
	int status = STATUS_OK;

	program_begin(help, options, 2, INT32_MAX, &argc, argv);
	if (argc > 2 && !path_is_space(argv[argc - 1]))
		program_end(fail(argv[argc - 1], "is no namespace"));
	for (int i = 0; i < argc - 1; i++)
		status |= copy_named(argv[i], argv[argc - 1]);
	program_end(status);
}
