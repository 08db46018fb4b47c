/*
 * ls.c - twz ls and twz tree: the names in a store.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/twz/twz.h"

/* "data 35149 bytes" for a name's object, or what is wrong with it. Returns whether it is there. */
static bool print_object(struct store *s, struct twz_id id)
{
	struct object o;
	struct twz_meta meta;
	char text[TWZ_ID_TEXT];
	int error = object_find(s, id, &o);

	twz_id_text(id, text);
	if (!error)
		error = object_meta(&o, &meta);
	if (error == TWZ_E_NOTFOUND)
		printf("%-9s %12s  %s  ", "dangling", "-", text);
	else if (error)
		printf("%-9s %12s  %s  ", "damaged", "-", text);
	else
		printf("%-9s %12llu  %s  ", type_name(o.record.identity.type),
		       (unsigned long long)meta.size, text);
	return !error;
}

/* The same as members. */
static void json_details(struct store *s, struct twz_id id)
{
	struct object o;
	struct twz_meta meta;
	int error = object_find(s, id, &o);

	if (!error)
		error = object_meta(&o, &meta);
	json_id("id", id);
	json_text("is", error == TWZ_E_NOTFOUND ? "dangling" : error ? "damaged" : "there");
	if (!error) {
		json_text("type", type_name(o.record.identity.type));
		json_number("size", meta.size);
	}
}

static void print_name(struct store *s, struct name *name, bool details)
{
	if (json) {
		json_object(NULL);
		json_text("name", name->text);
		json_details(s, name->id);
		json_end();
		return;
	}
	if (details)
		print_object(s, name->id);
	printf("%s%s\n", printable(name->text), name->type == TWZ_TYPE_NAMESPACE ? "/" : "");
}

int command_ls(int argc, char **argv)
{
	bool details = false;
	const struct option_spec spec[] = {
		{"-l", NULL, &details}, {"--json", NULL, &json}, {NULL, NULL, NULL}};
	const char *path;
	struct store s;
	struct object o;
	struct names names;
	struct name *list = NULL;
	uint64_t count = 0;
	int nrest, error, status = take_options(argc, argv, spec, 1, 2, &nrest);

	if (status)
		return status;
	path = nrest > 1 ? argv[1] : "/";
	status = store_open(argv[0], &s);
	if (status)
		return status;
	status = object_named(&s, path, &o);
	if (status)
		goto out;
	if (json) {
		json_object(NULL);
		json_text("path", path);
		json_array("names");
	}
	error = names_open(&s, o.id, &names);
	if (error == TWZ_E_TYPE) { /* as the host's ls: a file is its own list */
		if (json) {
			json_object(NULL);
			json_text("name", path);
			json_details(&s, o.id);
			json_end();
			goto out;
		}
		if (details)
			print_object(&s, o.id);
		puts(path);
		goto out;
	}
	if (!error)
		error = names_list(&names, &list, &count);
	for (uint64_t i = 0; i < count; i++)
		print_name(&s, &list[i], details);
	if (error)
		status = fail(path, "%s", object_error(&names.object, error));
	free(list);
out:
	store_close(&s);
	return status;
}

/* ---- tree --------------------------------------------------------------------------------------- */

struct level {
	const struct level *up;
	struct twz_id id;
	const char *name; /* as it was come to */
	bool last;        /* nothing follows it in its namespace */
	unsigned depth;
};

static void print_indent(const struct level *level)
{
	if (!level->up)
		return;
	print_indent(level->up);
	fputs(level->last ? "    " : "|   ", stdout);
}

static void print_level(const struct level *level, uint32_t type, bool loop)
{
	char name[TWZ_NAME_MAX + 1];

	print_indent(level->up);
	printf("%s %s%s%s\n", level->last ? "`--" : "|--", printable(strcpy(name, level->name)),
	       type == TWZ_TYPE_NAMESPACE ? "/" : "",
	       loop ? " (leads back to a namespace above)" : "");
}

/* The path from what was asked for, in `text`: DEPTH_MAX names and no more. */
static uint64_t path_below(const struct level *level, char *text)
{
	uint64_t n = level->up ? path_below(level->up, text) : 0;

	return n + (uint64_t)sprintf(text + n, "%s%s", n > 0 && text[n - 1] != '/' ? "/" : "",
				     level->name);
}

static void json_level(const struct level *level, uint32_t type, bool loop)
{
	char *text = malloc((uint64_t)(level->depth + 2) * (TWZ_NAME_MAX + 2) + TWZ_PATH_MAX);

	if (!text)
		abort();
	path_below(level, text);
	json_object(NULL);
	json_text("path", text);
	json_id("id", level->id);
	json_text("type", type_name(type));
	if (loop)
		json_bool("loop", true);
	json_end();
	free(text);
}

/* Prints what is below the namespace. A status: damage is printed where it is and the rest goes on. */
static int print_tree(struct store *s, const struct level *level)
{
	struct names names;
	struct name *list = NULL;
	uint64_t count = 0;
	int status = STATUS_OK, error = names_open(s, level->id, &names);

	if (!error && level->depth == DEPTH_MAX)
		error = object_damaged(&names.object, "no path reaches as deep as this namespace");
	if (!error)
		error = names_list(&names, &list, &count);
	for (uint64_t i = 0; i < count; i++) {
		struct name *name = &list[i];
		struct level down = {level, name->id, name->text, i + 1 == count, level->depth + 1};
		bool loop = false;

		for (const struct level *l = level; l; l = l->up)
			loop |= twz_id_equal(l->id, name->id);
		if (json)
			json_level(&down, name->type, loop);
		else
			print_level(&down, name->type, loop);
		if (name->type == TWZ_TYPE_NAMESPACE && !loop)
			status |= print_tree(s, &down);
	}
	free(list);
	if (error) {
		char text[TWZ_ID_TEXT];

		twz_id_text(level->id, text);
		status = fail(text, "%s", object_error(&names.object, error));
	}
	return status;
}

int command_tree(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	const char *path;
	struct store s;
	struct object o;
	int nrest, status = take_options(argc, argv, spec, 1, 2, &nrest);

	if (status)
		return status;
	path = nrest > 1 ? argv[1] : "/";
	status = store_open(argv[0], &s);
	if (status)
		return status;
	status = object_named(&s, path, &o);
	if (!status) {
		if (json) {
			json_object(NULL);
			json_text("path", path);
			json_array("names");
		} else {
			puts(path);
		}
		if (o.record.identity.type == TWZ_TYPE_NAMESPACE)
			status = print_tree(
				&s, &(struct level){.id = o.id, .name = path, .last = true});
	}
	store_close(&s);
	return status;
}
