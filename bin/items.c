/*
 * items.c - the items of objects: lines, names.
 *
 * It brings an interface of its own, a sequence, which objects have by their type, or by an extension with
 * the tag of "twizzler.sequence" and one of these implementations. libtwz knows nothing of it.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: items [--item N] PATH...\n"
	"\n"
	"Prints how many items each object has: lines of data, or names of a namespace.\n"
	"\n"
	"    --item N  prints item N instead, from 1 on; names are sorted\n"
	"\n"
	"exit status: 0, 1 if a PATH has no items or too few, 2 usage error\n";

#define ITEM_MAX 4096u

/* The interface. Errors are negative enum twz_error. */
struct sequence_methods {
	int (*count)(const struct twz_face *face, uint64_t *count);
	/* Item n, from 0 on, terminated, cut to ITEM_MAX; TWZ_E_RANGE: there are less. */
	int (*get)(const struct twz_face *face, uint64_t n, char out[static ITEM_MAX + 1]);
};

/* ---- lines --------------------------------------------------------------------------------------- */

/* Counts the lines; `out`, if not null, gets the wanted one. */
static int walk_lines(const struct twz_face *face, uint64_t wanted, char *out, uint64_t *lines)
{
	static char data[TWZ_IO_ATOMIC];
	uint64_t length = 0;
	bool within = false;
	struct twz_io io;
	int64_t n;
	int error = twz_io_open(&face->obj, 0, &io);

	*lines = 0;
	if (!error && !twz_id_equal(io.face.impl->implementation, TWZ_TAG_BYTES))
		error = TWZ_E_TYPE; /* a queue would have to be emptied */
	if (error)
		return error;
	while ((n = twz_io_read(&io, data, sizeof(data))) > 0) {
		for (int64_t i = 0; i < n; i++) {
			within = data[i] != '\n';
			if (out && *lines == wanted && within && length < ITEM_MAX)
				out[length++] = data[i];
			*lines += !within;
		}
	}
	*lines += within; /* one without its end */
	if (out)
		out[length] = 0;
	return (int)n;
}

static int lines_count(const struct twz_face *face, uint64_t *count)
{
	return walk_lines(face, 0, NULL, count);
}

static int lines_get(const struct twz_face *face, uint64_t n, char out[static ITEM_MAX + 1])
{
	uint64_t count;
	int error = walk_lines(face, n, out, &count);

	return error ? error : n < count ? 0 : TWZ_E_RANGE;
}

/* ---- names --------------------------------------------------------------------------------------- */

struct names {
	uint64_t wanted, count;
	char *out;
};

static int one_name(const struct twz_name_entry *entry, void *arg)
{
	struct names *names = arg;

	if (names->out && names->count == names->wanted)
		memcpy(names->out, entry->name, entry->length + 1);
	names->count++;
	return 0;
}

static int names_count(const struct twz_face *face, uint64_t *count)
{
	struct names names = {0};
	int error = twz_name_list_in(face->obj.id, one_name, &names);

	*count = names.count;
	return error;
}

static int names_get(const struct twz_face *face, uint64_t n, char out[static ITEM_MAX + 1])
{
	struct names names = {.wanted = n, .out = out};
	int error = twz_name_list_in(face->obj.id, one_name, &names);

	return error ? error : n < names.count ? 0 : TWZ_E_RANGE;
}

/* ---- the program --------------------------------------------------------------------------------- */

static struct twz_id sequence;

static void implement(void)
{
	static const struct sequence_methods lines_methods = {lines_count, lines_get},
					     names_methods = {names_count, names_get};
	static struct twz_impl lines = {.name = "lines",
					.methods = &lines_methods,
					.types = 1u << TWZ_TYPE_DATA},
			       names = {.name = "names",
					.methods = &names_methods,
					.types = 1u << TWZ_TYPE_NAMESPACE};

	sequence = twz_tag("twizzler.sequence");
	lines.interface = names.interface = sequence;
	lines.implementation = twz_tag("twizzler.lines");
	names.implementation = twz_tag("twizzler.names");
	twz_implement(&lines);
	twz_implement(&names);
}

static int show(const char *path, uint64_t item)
{
	static char text[ITEM_MAX + 1];
	const struct sequence_methods *methods;
	struct twz_face face;
	struct twz_obj obj;
	uint64_t count;
	int error = twz_name_open(path, &obj);

	if (!error && need(path, obj.id, TWZ_READ))
		return STATUS_FAILED;
	if (!error)
		error = twz_face(&obj, sequence, &face);
	if (!error) {
		methods = face.impl->methods;
		error = item ? methods->get(&face, item - 1, text) : methods->count(&face, &count);
	}
	if (error == TWZ_E_TYPE)
		return fail(path, "has no items");
	if (error == TWZ_E_RANGE)
		return fail(path, "has fewer items");
	if (error)
		return fail_error(path, error);
	if (item)
		twz_print("%s\n", text);
	else
		twz_print("%8llu %s of %s\n", (unsigned long long)count, face.impl->name, path);
	twz_obj_recycle(&obj);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const char *item = NULL;
	const struct option options[] = {{.name = "--item", .value = &item}, {0}};
	int64_t n = 0;
	int status = STATUS_OK;

	program_begin(help, options, 1, INT32_MAX, &argc, argv);
	if (item)
		n = parse_number(item, INT64_MAX);
	if (item && n < 1)
		fail_usage("an item is a number from 1 on, not ", item);
	implement();
	for (int i = 0; i < argc; i++)
		status |= show(argv[i], (uint64_t)n);
	program_end(status);
}
