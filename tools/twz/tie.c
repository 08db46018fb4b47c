/*
 * tie.c - twz tie and twz untie: objects that live as long as others.
 */
#include <string.h>

#include <twz/tie.h>

#include "tools/twz/twz.h"

static const char *kinds_text(uint32_t kinds)
{
	switch (kinds & TWZ_TIE_KINDS) {
	case TWZ_TIE_HOLD:
		return "  hold";
	case TWZ_TIE_KINDS:
		return "  plain, hold";
	default:
		return "";
	}
}

static void print(bool in, const struct twz_record *other, uint32_t kinds)
{
	const char *what = in ? "tied to it" : "tied to";
	char text[TWZ_ID_TEXT];

	if (json) {
		json_object(NULL);
		json_text("direction", in ? "in" : "out");
		json_id("id", other->id);
		json_bool("plain", kinds & TWZ_TIE_PLAIN);
		json_bool("hold", kinds & TWZ_TIE_HOLD);
		json_end();
		return;
	}
	twz_id_text(other->id, text);
	printf("%-12s %s%s\n", what, text, kinds_text(kinds));
}

static int print_direction(struct object *o, bool in, uint64_t *left)
{
	uint64_t other = 0;
	uint32_t kinds;
	int error;

	while (!(error = store_tie_next(o->store, o->ref, in, &other, &kinds))) {
		const struct twz_record *record = store_record(o->store, other);

		if (!record)
			return object_damaged(o, "a tie leads to no record");
		if (!*left && !json) {
			printf("%-12s more (twz tie lists them)\n", "ties");
			return 0;
		}
		*left -= *left > 0;
		print(in, record, kinds);
	}
	if (error == TWZ_E_DAMAGED)
		return object_damaged(o, "its ties are damaged");
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

int ties_print(struct object *o, uint64_t max)
{
	uint64_t left = max;
	int error;

	if (json)
		json_array("ties");
	error = print_direction(o, false, &left);
	if (!error && (left || json))
		error = print_direction(o, true, &left);
	if (json)
		json_end();
	return error;
}

static int list(const char *path, const char *name)
{
	struct store s;
	struct object o;
	int error, status = store_open(path, &s);

	if (status)
		return status;
	status = object_named(&s, name, &o);
	if (!status) {
		if (json) {
			json_object(NULL);
			json_id("object", o.id);
		}
		error = ties_print(&o, UINT64_MAX);
		if (error)
			status = fail(name, "%s", object_error(&o, error));
	}
	store_close(&s);
	return status;
}

/* The store, opened to be changed, and two objects in it. A status, printed. */
static int both_named(char **argv, struct twz_id *object, struct twz_id *to)
{
	int status = change_open(argv[0]);

	if (!status)
		status = change_named(argv[1], object);
	return status ? status : change_named(argv[2], to);
}

static int refused(const char *name, int error, bool itself)
{
	switch (error) {
	case TWZ_E_ARG:
		return fail(name, itself ? "cannot be tied to itself"
					 : "lasts, and would end with what does not (--ending)");
	case TWZ_E_BUSY:
		return fail(name, "is one of the store's own objects, which are tied to nothing");
	default:
		return fail(name, "%s", twz_error_text(error));
	}
}

int command_tie(int argc, char **argv)
{
	bool ending = false;
	const struct option_spec spec[] = {
		{"--ending", NULL, &ending}, {"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct twz_id object, to;
	int nrest, error, status = take_options(argc, argv, spec, 2, 3, &nrest);

	if (status)
		return status;
	if (nrest == 2 && ending)
		return usage("tie", "--ending is about a tie that is made, with a TO");
	if (nrest == 3 && json)
		return usage("tie", "--json is for the list of ties, without a TO");
	if (nrest == 2)
		return list(argv[0], argv[1]);
	status = both_named(argv, &object, &to);
	if (status)
		return status;
	error = twz_tie(object, to, ending ? TWZ_TIE_ENDING : 0);
	return error ? refused(argv[1], error, twz_id_equal(object, to)) : STATUS_OK;
}

int command_untie(int argc, char **argv)
{
	bool hold = false;
	const struct option_spec spec[] = {{"--hold", NULL, &hold}, {NULL, NULL, NULL}};
	struct twz_id object, to;
	int nrest, error, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (!status)
		status = both_named(argv, &object, &to);
	if (status)
		return status;
	error = twz_untie(object, to, hold ? TWZ_TIE_HOLD : TWZ_TIE_PLAIN);
	if (error == TWZ_E_NOTFOUND)
		return fail(argv[1], hold ? "is not held by a pointer there"
					  : "is not so tied to it (twz tie shows the ties)");
	return error ? fail(argv[1], "%s", twz_error_text(error)) : STATUS_OK;
}
