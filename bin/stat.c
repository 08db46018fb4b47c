/*
 * stat.c - shows what an object is.
 */
#include "bin/common/tie.h"

#define TIES_SHOWN 16

static const char help[] = "usage: stat [PATH|ID...]\n"
			   "\n"
			   "Shows the identity, rights, size, pages and ties of each object; "
			   "without PATH or ID, the use of\n"
			   "the store.\n"
			   "\n"
			   "exit status: 0, 1 if one could not be looked at, 2 usage error\n";

static void print_perms(uint32_t perms)
{
	static const char *const names[] = {"read", "write", "execute", "use", "delete"};

	twz_print("permissions ");
	for (uint32_t i = 0; i < 5; i++)
		if (perms >> i & 1)
			twz_print(" %s", names[i]);
	twz_print("%s\n", perms & TWZ_PERM_ALL ? "" : " none");
}

static void print_id(const char *what, struct twz_id id)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(id, text);
	twz_print("%-12s %s\n", what, twz_id_none(id) ? "none" : text);
}

/* "interface    twz.io, by queue". */
static void print_extensions(const struct twz_obj *obj)
{
	struct twz_ext_info info;
	uint32_t place = 0;
	int error;

	while (!(error = twz_ext_next(obj, &place, &info))) {
		char id[TWZ_ID_TEXT];
		const char *tag = twz_tag_name(info.tag);

		twz_id_text(info.tag, id);
		twz_print("%-12s %s", "interface", tag ? tag : id);
		if (info.error)
			twz_print(": %s", twz_error_text(info.error));
		else if (info.has_table)
			twz_print(", by %s", info.table.name);
		twz_print("\n");
	}
	if (error != TWZ_E_NOTFOUND)
		twz_print("%-12s %s\n", "interfaces", twz_error_text(error));
}

static int show(const char *name)
{
	static const char *const types[] = {"data",   "namespace", "view",  "context",
					    "thread", "key",       "device"};
	struct twz_rt_stat stat;
	struct twz_obj obj;
	struct path path;
	struct twz_id id = {0, 0};
	int error = path_set(&path, name);

	if (!error && twz_id_parse(path.text, &id))
		error = twz_name_resolve(path.text, &id);
	if (!error)
		error = twz_obj_stat(id, &stat);
	if (!error)
		error = twz_obj_open(id, &obj);
	if (error)
		return fail_error(name, error);
	twz_print("%-12s %s\n", "path", name);
	print_id("id", stat.id);
	twz_print("%-12s %s\n", "type",
		  stat.identity.type < sizeof(types) / sizeof(types[0]) ? types[stat.identity.type]
									: "unknown");
	print_perms(stat.identity.perms);
	print_id("key", stat.identity.key);
	twz_print("%-12s %s\n", "sealed", stat.identity.flags & TWZ_ID_SEALED ? "yes" : "no");
	if (stat.end_epoch)
		twz_print("%-12s with epoch %llu\n", "ends", (unsigned long long)stat.end_epoch);
	if (!twz_rt_may(id, TWZ_READ)) { /* it stands in the object */
		twz_print("%-12s %llu bytes of data\n", "size",
			  (unsigned long long)twz_obj_size(&obj));
		print_extensions(&obj);
	}
	twz_print("%-12s %llu present, %llu bytes\n", "pages", (unsigned long long)stat.npages,
		  (unsigned long long)(stat.npages * TWZ_PAGE));
	twz_obj_recycle(&obj);
	return print_ties(name, id, TIES_SHOWN);
}

static int show_store(void)
{
	struct twz_rt_usage u;
	int error = twz_rt_usage(&u);

	if (error)
		return fail_error("the store", error);
	twz_print("%-12s %llu pages, %llu bytes\n", "size", (unsigned long long)u.pages,
		  (unsigned long long)(u.pages * TWZ_PAGE));
	twz_print("%-12s %llu pages, %llu bytes\n", "used", (unsigned long long)u.used,
		  (unsigned long long)(u.used * TWZ_PAGE));
	twz_print("%-12s %llu\n", "objects", (unsigned long long)u.objects);
	twz_print("%-12s %llu\n", "epoch", (unsigned long long)u.epoch);
	print_id("root", twz_rt_info()->root);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};
	int status = STATUS_OK;

	program_begin(help, options, 0, INT32_MAX, &argc, argv);
	if (!argc)
		status = show_store();
	for (int i = 0; i < argc; i++) {
		if (i)
			twz_print("\n");
		status |= show(argv[i]);
	}
	program_end(status);
}
