/*
 * ls.c - lists namespaces.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: ls [-l] [PATH...]\n"
	"\n"
	"Lists the names in each namespace PATH, by default the root, sorted. Namespaces end in "
	"'/'. A\n"
	"PATH that is no namespace is listed itself.\n"
	"\n"
	"    -l  with type, bytes of data (- if they may not be read) and ID; \"dangling\" for a "
	"name whose\n"
	"        object is gone, or to which there is no right\n"
	"\n"
	"exit status: 0, 1 if a PATH could not be listed, 2 usage error\n";

static bool details;

static void print(const char *name, struct twz_id id, uint32_t type)
{
	static const char *const types[] = {"data",   "namespace", "view",  "context",
					    "thread", "key",       "device"};
	const char *what = type < sizeof(types) / sizeof(types[0]) ? types[type] : "unknown";
	char text[TWZ_ID_TEXT];
	struct twz_obj obj;
	int error;

	if (details) {
		twz_id_text(id, text);
		error = twz_obj_open(id, &obj);
		if (error) {
			twz_print("%-9s %12s  %s  ",
				  error == TWZ_E_NOTFOUND ? "dangling" : twz_error_name(error), "-",
				  text);
		} else if (twz_rt_may(id, TWZ_READ)) {
			twz_print("%-9s %12s  %s  ", what, "-", text);
			twz_obj_recycle(&obj);
		} else {
			twz_print("%-9s %12llu  %s  ", what, (unsigned long long)twz_obj_size(&obj),
				  text);
			twz_obj_recycle(&obj);
		}
	}
	twz_print("%s%s\n", name, type == TWZ_TYPE_NAMESPACE ? "/" : "");
}

static int print_entry(const struct twz_name_entry *entry, void *arg)
{
	(void)arg;
	print(entry->name, entry->id, entry->type);
	return 0;
}

static int list(const char *name, bool title)
{
	struct path path;
	struct twz_id id;
	uint32_t type;
	int error = path_set(&path, name);

	if (!error)
		error = path_type(path.text, &id, &type);
	if (error)
		return fail_error(name, error);
	if (type != TWZ_TYPE_NAMESPACE) {
		print(path.text, id, type);
		return STATUS_OK;
	}
	if (title)
		twz_print("%s:\n", name);
	error = twz_name_list(path.text, print_entry, NULL);
	return error ? fail_error(name, error) : STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{.name = "-l", .flag = &details}, {0}};
	int status = STATUS_OK;

	program_begin(help, options, 0, INT32_MAX, &argc, argv);
	if (!argc)
		status = list("/", false);
	for (int i = 0; i < argc; i++) {
		if (i)
			twz_print("\n");
		status |= list(argv[i], argc > 1);
	}
	program_end(status);
}
