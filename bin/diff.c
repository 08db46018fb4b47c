/*
 * diff.c - where two objects differ, and how much they share.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: diff [-q] PATH PATH\n"
	"\n"
	"Shows where two objects differ, as a copy does from what it was made of: each range of "
	"bytes, "
	"in\n"
	"their data, in the foreign object table (FOT) or in the meta page, and how many pages of "
	"4096 "
	"bytes\n"
	"they share. Shared pages are not read, so versions are compared in the time that their "
	"differences\n"
	"take.\n"
	"\n"
	"    -q  only how much\n"
	"\n"
	"exit status: 0 if nothing differs, 1 if something does, 2 usage error or no answer\n";

enum { STATUS_DIFFERENT = 1, STATUS_TROUBLE = 2 };

static bool quiet;

typedef unsigned long long ull;

static int show(uint64_t offset, uint64_t bytes, void *unused)
{
	const char *where = offset >= TWZ_OBJ_DATA  ? "data"
			    : offset >= TWZ_OBJ_FOT ? "FOT"
						    : "meta";
	const uint64_t start = offset >= TWZ_OBJ_DATA  ? TWZ_OBJ_DATA
			       : offset >= TWZ_OBJ_FOT ? TWZ_OBJ_FOT
						       : TWZ_OBJ_META;

	(void)unused;
	if (!quiet)
		twz_print("%-5s 0x%llx: %llu bytes\n", where, (ull)(offset - start), (ull)bytes);
	return 0;
}

/* Do they differ behind what a standard slot shows? */
static int differ_far(struct twz_id a, struct twz_id b, bool *far)
{
	const uint64_t first = TWZ_SLOT_SIZE / TWZ_PAGE, all = TWZ_OBJ_SIZE_MAX / TWZ_PAGE;
	struct twz_rt_shared shared;

	*far = false;
	for (uint64_t page = first; page < all && !*far; page += shared.pages) {
		int error = twz_rt_same(a, page, b, page, all - page, &shared);

		if (error)
			return error;
		*far = !shared.pages;
	}
	return 0;
}

static int open_one(const char *text, struct twz_id *id)
{
	struct path path;
	int error = path_set(&path, text);

	if (!error)
		error = twz_name_resolve(path.text, id);
	if (error) {
		fail_error(text, error);
		return STATUS_TROUBLE;
	}
	return need(text, *id, TWZ_READ) ? STATUS_TROUBLE : STATUS_OK;
}

static int diff(const char *second, struct twz_id a, struct twz_id b)
{
	struct twz_obj left, right;
	struct twz_diff found;
	bool far;
	int error = differ_far(a, b, &far);

	if (!error)
		error = far ? twz_obj_open_large(a, &left) : twz_obj_open(a, &left);
	if (!error)
		error = far ? twz_obj_open_large(b, &right) : twz_obj_open(b, &right);
	if (!error)
		error = twz_obj_diff(&left, &right, show, NULL, &found);
	if (error) {
		fail_error(second, error);
		return STATUS_TROUBLE;
	}
	twz_print("%llu bytes differ, in %llu ranges; %llu pages are shared\n", (ull)found.bytes,
		  (ull)found.ranges, (ull)found.shared);
	return found.ranges ? STATUS_DIFFERENT : STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{.name = "-q", .flag = &quiet}, {0}};
	struct twz_id a, b;
	int status;

	program_begin(help, options, 2, 2, &argc, argv);
	status = open_one(argv[0], &a);
	if (!status)
		status = open_one(argv[1], &b);
	program_end(status ? status : diff(argv[1], a, b));
}
