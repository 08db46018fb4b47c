/*
 * program.c - options, messages, paths.
 */
#include "bin/common/program.h"

static const char *usage_line; /* "usage: NAME ..." */

/* The program's name, from its usage line. */
static int name_length(void)
{
	return (int)strcspn(usage_line + strlen("usage: "), " \n");
}

static const char *name_text(void)
{
	return usage_line + strlen("usage: ");
}

void program_end(int status)
{
	int error = twz_flush();

	if (error && status == STATUS_OK)
		status = fail("output", twz_error_text(error));
	twz_rt_exit(status);
}

/*
 * How much of a text of the user's a message shows: the reason behind it must fit, too. What is left
 * out is at the end, where "..." stands for it; a character of UTF-8 is shown whole or not.
 */
enum { SHOWN = 600 };

static int shown(const char *text)
{
	size_t length = strnlen(text, SHOWN + 1);

	if (length <= SHOWN)
		return (int)length;
	for (length = SHOWN; length > SHOWN - 4 && (text[length] & 0xc0) == 0x80;)
		length--;
	return (int)length;
}

static const char *dots(const char *text)
{
	return text[shown(text)] ? "..." : "";
}

int fail(const char *where, const char *reason)
{
	if (where)
		twz_warn("%.*s: %.*s%s: %s\n", name_length(), name_text(), shown(where), where,
			 dots(where), reason);
	else
		twz_warn("%.*s: %s\n", name_length(), name_text(), reason);
	return STATUS_FAILED;
}

/* "r----": what the program may do to what the path leads to; false if that cannot be told. */
static bool rights_of(const char *path, char out[static TWZ_PERMS_TEXT])
{
	struct twz_rt_answer answer;
	struct twz_id id;

	if (twz_name_resolve(path, &id) || twz_right_explain(id, (struct twz_id){0, 0}, &answer))
		return false;
	twz_perms_text(answer.effective, out);
	return true;
}

/* A call on what the path leads to, or on the namespace that its name is in, was refused. */
static int fail_right(const char *where)
{
	char own[TWZ_PERMS_TEXT] = "", above[TWZ_PERMS_TEXT] = "", reason[160];
	const char *text = twz_error_text(TWZ_E_RIGHT);
	struct path path;
	size_t end;

	if (!strchr(where, '/') || path_set(&path, where))
		return fail(where, text);
	rights_of(path.text, own);
	end = (size_t)(path_last(path.text) - path.text);
	path_cut(&path, end > 1 ? end - 1 : end);
	if (!rights_of(path.text, above))
		return fail(where, text);
	twz_format(reason, sizeof(reason), "%s (%s%s%s on its namespace; access says why)", text,
		   own, own[0] ? " on it, " : "", above);
	return fail(where, reason);
}

int fail_error(const char *where, int error)
{
	struct twz_id id;

	if (where && error == TWZ_E_RIGHT)
		return fail_right(where);
	if (where && error == TWZ_E_NOTFOUND && !twz_name_resolve(where, &id))
		return fail(where, "the object of that name is gone, or there is no right to it");
	return fail(where, twz_error_text(error));
}

int need(const char *where, struct twz_id id, uint32_t perms)
{
	static const char *const names[] = {"read", "write", "execute", "use", "delete"};
	struct twz_rt_answer answer = {0};
	char reason[160];
	int error = twz_rt_may(id, perms);

	if (error == TWZ_E_RIGHT)
		error = twz_right_explain(id, (struct twz_id){0, 0}, &answer);
	else if (!error)
		return STATUS_OK;
	if (error)
		return fail_error(where, error);
	for (unsigned i = 0; i < 5; i++) {
		if (!(perms & ~answer.effective & 1u << i))
			continue;
		twz_format(reason, sizeof(reason), "no right to %s it: %s", names[i],
			   twz_right_text(answer.reason[i].why));
		return fail(where, reason);
	}
	return STATUS_OK; /* it has been given meanwhile */
}

void fail_usage(const char *reason, const char *what)
{
	twz_warn("%.*s: %s%.*s%s (%.*s --help)\n", name_length(), name_text(), reason, shown(what),
		 what, dots(what), name_length(), name_text());
	program_end(STATUS_USAGE);
}

void program_begin(const char *help, const struct option *options, int min, int max, int *argc,
		   char **argv)
{
	int rest = 0;

	usage_line = help;
	for (int i = 1; i < *argc; i++) {
		char *arg = argv[i];
		const struct option *o = options;
		size_t length = strcspn(arg, "=");
		const char **value;

		if (!strcmp(arg, "--")) {
			while (++i < *argc)
				argv[rest++] = argv[i];
			break;
		}
		if (arg[0] != '-' || !arg[1]) {
			argv[rest++] = arg;
			continue;
		}
		if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
			twz_print("%s", help);
			program_end(STATUS_OK);
		}
		while (o->name && (strlen(o->name) != length || memcmp(o->name, arg, length)))
			o++;
		if (!o->name || (o->flag && arg[length]))
			fail_usage("there is no option ", arg);
		if (o->flag) {
			*o->flag = true;
			continue;
		}
		if (!arg[length] && i + 1 == *argc)
			fail_usage("a value is missing behind ", arg);
		value = o->value;
		if (o->nvalues && *o->nvalues == OPTION_VALUES)
			fail_usage("given too often: ", arg);
		if (o->nvalues)
			value += (*o->nvalues)++;
		*value = arg[length] ? arg + length + 1 : argv[++i];
	}
	if (rest < min)
		fail_usage("an argument is missing", "");
	if (rest > max)
		fail_usage("one argument too many: ", argv[max]);
	*argc = rest;
}

int64_t parse_number(const char *text, int64_t limit)
{
	int64_t n = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (*text - '0');
		if (n >= limit)
			return -1;
	}
	return n;
}

/* ---- paths -------------------------------------------------------------------------------------- */

int path_set(struct path *path, const char *text)
{
	size_t length = strlen(text);

	while (length > 1 && text[length - 1] == '/')
		length--;
	if (length >= sizeof(path->text))
		return TWZ_E_NAME;
	memcpy(path->text, text, length);
	path->text[length] = 0;
	return 0;
}

int path_append(struct path *path, const char *name, size_t *length)
{
	size_t at = strlen(path->text), bytes = strlen(name);

	*length = at;
	if (at + 1 + bytes >= sizeof(path->text))
		return TWZ_E_NAME;
	if (at && path->text[at - 1] != '/')
		path->text[at++] = '/';
	memcpy(path->text + at, name, bytes + 1);
	return 0;
}

void path_cut(struct path *path, size_t length)
{
	path->text[length] = 0;
}

const char *path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int path_type(const char *path, struct twz_id *id, uint32_t *type)
{
	struct twz_rt_stat stat;
	int error = twz_name_resolve(path, id);

	if (!error)
		error = twz_obj_stat(*id, &stat);
	if (!error)
		*type = stat.identity.type;
	return error;
}

bool path_is_space(const char *text)
{
	struct path path;
	struct twz_id id;
	uint32_t type;

	return !path_set(&path, text) && !path_type(path.text, &id, &type) &&
	       type == TWZ_TYPE_NAMESPACE;
}

int path_into(struct path *path, const char *from)
{
	size_t length;

	return path_is_space(path->text) ? path_append(path, path_last(from), &length) : 0;
}
