/*
 * sctx.c - twz sctx: security contexts, made, shown, changed.
 */
#include <stdlib.h>
#include <string.h>

#include <twz/name.h>

#include "tools/twz/twz.h"

typedef unsigned long long ull;

/* ---- show ---------------------------------------------------------------------------------------- */

static int show_run(struct object *o, const struct twz_context_entry *e)
{
	struct twz_cap chain[TWZ_CAP_DEPTH_MAX + 1];
	uint64_t off = e->off;
	uint32_t count;
	int error;

	for (uint32_t i = 0; i < e->count; i += count, off += count * sizeof(*chain)) {
		error = object_read(o, off, chain, sizeof(*chain));
		if (error)
			return error;
		if (chain->depth > TWZ_CAP_DEPTH_MAX || chain->depth >= e->count - i)
			return object_damaged(o, "the capability at 0x%llx is damaged", (ull)off);
		count = chain->depth + 1;
		error = object_read(o, off, chain, count * sizeof(*chain));
		if (error)
			return error;
		printf("capability at 0x%llx\n", (ull)off);
		cap_print(o->store, chain, count);
	}
	return 0;
}

static int show_mask(struct object *o, const struct twz_context_entry *e)
{
	char id[TWZ_ID_TEXT], override[TWZ_PERMS_TEXT], mask[TWZ_PERMS_TEXT];
	struct twz_mask m;
	int error = object_read(o, e->off, &m, sizeof(m));

	if (error)
		return error;
	twz_id_text(m.target, id);
	twz_perms_text(m.override, override);
	twz_perms_text(m.mask, mask);
	printf("mask at 0x%llx\n  %-12s %s\n  %-12s %s\n  %-12s %s\n", (ull)e->off, "object", id,
	       "override", override, "mask", mask);
	return 0;
}

static int show_header(struct object *o, struct twz_context *head)
{
	char id[TWZ_ID_TEXT], perms[TWZ_PERMS_TEXT];
	int error = object_read(o, TWZ_OBJ_DATA, head, sizeof(*head));

	if (error)
		return error;
	if (o->record.identity.type != TWZ_TYPE_CONTEXT)
		return TWZ_E_TYPE;
	if (head->magic != TWZ_CONTEXT_MAGIC || head->version != 1)
		return object_damaged(o, "the header of the context is damaged");
	twz_id_text(o->id, id);
	printf("%-14s %s\n", "context", id);
	twz_id_text(o->record.identity.key, id);
	printf("%-14s %s\n", "key", id);
	twz_perms_text(head->global_mask, perms);
	printf("%-14s %s\n", "global mask", perms);
	printf("%-14s %s\n", "undetachable", head->flags & 1 ? "yes" : "no");
	printf("%-14s %llu\n", "published", (ull)head->serial);
	return 0;
}

static int show_all(struct object *o)
{
	struct twz_context head;
	struct twz_context_entry e;
	int error = show_header(o, &head);

	for (uint64_t i = 0; !error && i < head.nentries; i++) {
		error = object_read(o, head.table + i * sizeof(e), &e, sizeof(e));
		if (!error && e.kind == TWZ_CONTEXT_CAP)
			error = show_run(o, &e);
		else if (!error && e.kind == TWZ_CONTEXT_MASK)
			error = show_mask(o, &e);
		else if (!error && e.kind)
			error = object_damaged(o, "entry %llu is of kind %u", (ull)i, e.kind);
	}
	return error;
}

static int sctx_show(int argc, char **argv)
{
	const struct option_spec spec[] = {{NULL, NULL, NULL}};
	struct object o;
	struct store s;
	int error, nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (!status)
		status = store_open(argv[0], &s);
	if (status)
		return status;
	status = object_named(&s, argv[2], &o);
	if (!status) {
		error = show_all(&o);
		if (error)
			status = fail(argv[2], "%s", object_error(&o, error));
	}
	store_close(&s);
	return status;
}

/* ---- new ----------------------------------------------------------------------------------------- */

/* Whose context: the key of the file, or the store's. */
static int read_key(const char *file, struct twz_id *key)
{
	struct twz_secret secret;
	struct twz_id id;
	int error, status = STATUS_OK;

	*key = change_known(STORE_KEY);
	if (!file)
		return STATUS_OK;
	status = secret_load(file, &secret);
	if (status)
		return status;
	error = twz_key_make(secret.key, &id);
	*key = id;
	return error ? fail(file, "%s", twz_error_text(error)) : STATUS_OK;
}

static int sctx_new(int argc, char **argv)
{
	const char *file = NULL, *perms = "-", *global = "rwxud";
	struct twz_context_new new = {.ending = true};
	const struct option_spec spec[] = {{"--key", &file, NULL},
					   {"--perms", &perms, NULL},
					   {"--global", &global, NULL},
					   {"--undetachable", NULL, &new.undetachable},
					   {NULL, NULL, NULL}};
	char text[TWZ_ID_TEXT];
	struct twz_obj obj;
	int error, nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (!status)
		status = perms_read("sctx", perms, &new.perms);
	if (!status)
		status = perms_read("sctx", global, &new.global_mask);
	if (!status)
		status = change_open(argv[0]);
	if (!status)
		status = read_key(file, &new.key);
	if (status)
		return status;
	error = twz_context_make(&new, &obj);
	if (error)
		return fail(argv[2], "%s", twz_error_text(error));
	error = twz_name_publish(argv[2], obj.id, 0);
	if (error) {
		twz_obj_delete(obj.id);
		return fail(argv[2], "%s", twz_error_text(error));
	}
	twz_id_text(obj.id, text);
	puts(text);
	return STATUS_OK;
}

/* ---- changes ------------------------------------------------------------------------------------- */

static int done(const char *where, const struct twz_obj *obj, int error)
{
	if (!error)
		error = twz_context_publish(obj);
	return error ? fail(where, "%s", twz_error_text(error)) : STATUS_OK;
}

static int sctx_add(int argc, char **argv)
{
	const struct option_spec spec[] = {{NULL, NULL, NULL}};
	struct twz_cap chain[TWZ_CAP_DEPTH_MAX + 1];
	struct twz_obj obj;
	uint32_t count;
	int nrest, status = take_options(argc, argv, spec, 4, 4, &nrest);

	if (!status)
		status = cap_read(argv[3], chain, &count);
	if (!status)
		status = change_open(argv[0]);
	if (!status)
		status = change_context(argv[2], &obj);
	if (status)
		return status;
	if (!twz_id_equal(chain->accessor, obj.id))
		return fail(argv[3], "the capability is for another context");
	return done(argv[3], &obj, twz_context_add(&obj, chain, count));
}

static int sctx_remove(int argc, char **argv)
{
	const struct option_spec spec[] = {{NULL, NULL, NULL}};
	struct twz_obj obj;
	struct twz_id target;
	int error, nrest, status = take_options(argc, argv, spec, 4, 4, &nrest);

	if (!status)
		status = change_open(argv[0]);
	if (!status)
		status = change_context(argv[2], &obj);
	if (status)
		return status;
	/* The object may be gone, and its capabilities not. */
	if (twz_id_parse(argv[3], &target)) {
		status = change_named(argv[3], &target);
		if (status)
			return status;
	}
	error = twz_context_remove(&obj, target);
	if (error == TWZ_E_NOTFOUND)
		return fail(argv[3], "the context has no capability for it");
	return done(argv[2], &obj, error);
}

static int sctx_mask(int argc, char **argv)
{
	const char *global = NULL, *override = "-", *mask = "rwxud";
	const struct option_spec spec[] = {{"--global", &global, NULL},
					   {"--override", &override, NULL},
					   {"--mask", &mask, NULL},
					   {NULL, NULL, NULL}};
	uint32_t bits[3] = {0, 0, 0};
	struct twz_obj obj;
	struct twz_id target;
	int error = 0, nrest, status = take_options(argc, argv, spec, 3, 4, &nrest);

	if (status)
		return status;
	if (nrest == 3 && !global)
		return usage("sctx", "mask needs an object, or --global PERMS");
	status = global ? perms_read("sctx", global, &bits[0]) : STATUS_OK;
	if (!status)
		status = perms_read("sctx", override, &bits[1]);
	if (!status)
		status = perms_read("sctx", mask, &bits[2]);
	if (!status)
		status = change_open(argv[0]);
	if (!status)
		status = change_context(argv[2], &obj);
	if (!status && nrest == 4)
		status = change_named(argv[3], &target);
	if (status)
		return status;
	if (global)
		error = twz_context_global(&obj, bits[0]);
	if (!error && nrest == 4)
		error = twz_context_mask(&obj, target, bits[1], bits[2]);
	return done(argv[2], &obj, error);
}

int command_sctx(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {{"show", sctx_show},
		     {"new", sctx_new},
		     {"add", sctx_add},
		     {"remove", sctx_remove},
		     {"mask", sctx_mask}};

	for (size_t i = 0; argc > 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[2], verbs[i].name))
			return verbs[i].run(argc, argv);
	return usage("sctx", "show, new, add, remove or mask comes behind the store");
}
