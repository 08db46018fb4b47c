/*
 * snapshot.c - keeps an object as it is now, under another name.
 */
#include "bin/common/program.h"

#define NUMBERS 100000u /* of snapshots of one object, without names of their own */

static const char help[] =
	"usage: snapshot [--seal] PATH [NAME]\n"
	"\n"
	"Makes a version of the object PATH, under NAME, or under PATH with the first number "
	"behind "
	"it that\n"
	"is free (PATH.1, PATH.2, ...), and prints the name. It is as the object was at one "
	"moment, also\n"
	"while other programs store to it, and shares its pages until one of the two changes. "
	"What has a\n"
	"name already is never replaced. diff shows what changed since.\n"
	"\n"
	"    --seal  the version can never change: its ID follows from what it holds, and verify "
	"proves it.\n"
	"            It is nobody's, and everybody may read and delete it\n"
	"\n"
	"exit status: 0, 1 if there could be no version, 2 usage error\n";

static bool sealed;

static int make(struct twz_id id, struct twz_id *version)
{
	struct twz_id copy;
	struct twz_obj obj;
	int error = twz_obj_copy(id, true, &copy);

	*version = copy;
	if (error || !sealed)
		return error;
	error = twz_obj_open(copy, &obj);
	if (!error)
		error = twz_obj_seal(copy, twz_obj_size(&obj), TWZ_READ | TWZ_DELETE, version);
	twz_obj_delete(copy);
	return error;
}

/* The text with ".N" behind it. */
static int numbered(struct path *path, const char *text, unsigned n)
{
	char number[12];
	size_t length = strlen(text), digits = sizeof(number);

	for (; n; n /= 10)
		number[--digits] = (char)('0' + n % 10);
	number[--digits] = '.';
	if (length + sizeof(number) - digits > TWZ_PATH_MAX)
		return TWZ_E_NAME;
	memcpy(path->text, text, length);
	memcpy(path->text + length, number + digits, sizeof(number) - digits);
	path->text[length + sizeof(number) - digits] = 0;
	return 0;
}

/* Under the first number that is free; another program may take it at the same time. */
static int publish_numbered(const char *text, struct twz_id version, struct path *to)
{
	int error = TWZ_E_EXISTS;

	for (unsigned n = 1; (error == TWZ_E_EXISTS || error == TWZ_E_BUSY) && n < NUMBERS; n++) {
		error = numbered(to, text, n);
		if (!error)
			error = twz_name_publish(to->text, version, 0);
	}
	return error;
}

static int publish(const char *from, const char *name, struct twz_id version, struct path *to)
{
	int error = name ? path_set(to, name) : 0;

	if (!error)
		error = name ? twz_name_publish(to->text, version, 0)
			     : publish_numbered(from, version, to);
	if (error)
		twz_obj_delete(version);
	return error;
}

static int snapshot(const struct path *from, const char *name)
{
	struct twz_id id, version;
	struct path to;
	uint32_t type;
	int error = path_type(from->text, &id, &type);

	if (error)
		return fail_error(from->text, error);
	if (type == TWZ_TYPE_NAMESPACE)
		return fail(from->text, "is a namespace; a version is of one object");
	if (need(from->text, id, TWZ_READ))
		return STATUS_FAILED;
	error = make(id, &version);
	if (error)
		return fail_error(from->text, error);
	error = publish(from->text, name, version, &to);
	if (error)
		return fail_error(name ? name : from->text, error);
	twz_print("%s\n", to.text);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{.name = "--seal", .flag = &sealed}, {0}};
	struct path from;
	int error;

	program_begin(help, options, 1, 2, &argc, argv);
	error = path_set(&from, argv[0]);
	if (error)
		program_end(fail_error(argv[0], error));
	program_end(snapshot(&from, argc > 1 ? argv[1] : NULL));
}
