/*
 * sctx.c - twz sctx: security contexts, made, shown, changed.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include <twz/name.h>

#include "core/gate.h"
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
		if (json) {
			json_object(NULL);
			json_text("kind", "capability");
			json_number("offset", off);
		} else {
			printf("capability at 0x%llx\n", (ull)off);
		}
		cap_print(o->store, chain, count);
		if (json)
			json_end();
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
	if (json) {
		json_object(NULL);
		json_text("kind", "mask");
		json_number("offset", e->off);
		json_id("target", m.target);
		json_perms("override", m.override);
		json_perms("mask", m.mask);
		json_end();
		return 0;
	}
	twz_id_text(m.target, id);
	twz_perms_text(m.override, override);
	twz_perms_text(m.mask, mask);
	printf("mask at 0x%llx\n  %-12s %s\n  %-12s %s\n  %-12s %s\n", (ull)e->off, "object", id,
	       "override", override, "mask", mask);
	return 0;
}

static void json_gate(const struct twz_gate *g)
{
	json_object(NULL);
	json_bool("sound", gate_sound(g));
	json_id("object", g->object);
	json_number("start", g->start);
	json_number("length", g->length);
	json_number("align", g->align);
	json_bool("in_place", g->flags & TWZ_GATE_IN_PLACE);
	json_bool("abortable", g->flags & TWZ_GATE_ABORTABLE);
	json_bool("public", g->flags & TWZ_GATE_PUBLIC);
	json_number("vector_in", g->vector_in);
	json_number("vector_out", g->vector_out);
	json_id("view", g->view);
	json_id("stacks", g->stacks);
	json_number("nstacks", g->nstacks);
	json_number("stack_size", g->stack_size);
	json_number("base", g->base);
	json_number("stack_base", g->stack_base);
	json_number("handler", g->handler);
	json_number("handler_bytes", g->handler_bytes);
	json_end();
}

static int show_gates(struct object *o, const struct twz_context *head)
{
	char text[TWZ_CAP_TEXT];
	struct twz_gate gate;
	uint64_t off = head->gates;

	if (!gates_placed(head))
		return object_damaged(o, "its gates are out of place");
	for (uint64_t i = 0; i < head->ngates; i++, off += sizeof(gate)) {
		int error = object_read(o, off, &gate, sizeof(gate));

		if (error)
			return error;
		if (json) {
			json_gate(&gate);
			continue;
		}
		twz_gate_text(&gate, "  ", text);
		printf("gate %llu at 0x%llx\n%s", (ull)i, (ull)off, text);
	}
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
	if (json) {
		json_object(NULL);
		json_id("context", o->id);
		json_id("key", o->record.identity.key);
		json_perms("global_mask", head->global_mask);
		json_bool("undetachable", head->flags & 1);
		json_number("published", head->serial);
		return 0;
	}
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

	if (!error && json)
		json_array("entries");
	for (uint64_t i = 0; !error && i < head.nentries; i++) {
		error = object_read(o, head.table + i * sizeof(e), &e, sizeof(e));
		if (!error && e.kind == TWZ_CONTEXT_CAP)
			error = show_run(o, &e);
		else if (!error && e.kind == TWZ_CONTEXT_MASK)
			error = show_mask(o, &e);
		else if (!error && e.kind)
			error = object_damaged(o, "entry %llu is of kind %u", (ull)i, e.kind);
	}
	if (error)
		return error;
	if (json) {
		json_end();
		json_array("gates");
	}
	return show_gates(o, &head);
}

static int sctx_show(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
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

/* What a new context is given, unless it is to be empty. */
struct making {
	const char *store, *name;
	const char *key, *sign; /* files: the owner's pair, or null; the system's */
	bool empty;
	struct twz_context_new new;
	struct twz_obj obj;
	struct twz_id root, root_key; /* the root namespace, and the key it was made under */
	struct twz_secret owner, system;
};

/* Whose context: the key of the file, or the store's. It signs unless nothing is to be signed. */
static int read_owner(struct making *m)
{
	int error, status;

	m->new.key = change_known(STORE_KEY);
	if (!m->key)
		return STATUS_OK;
	status = secret_load(m->key, &m->owner);
	if (!status && !m->empty)
		status = secret_read(m->key, &m->owner);
	if (status)
		return status;
	error = twz_key_make(m->owner.key, &m->new.key);
	return error ? fail(m->key, "%s", twz_error_text(error)) : STATUS_OK;
}

/* Who can let the context read the root namespace; of one that everybody may read, nobody need. */
static int read_system(struct making *m)
{
	char *path = m->sign ? strdup(m->sign) : key_path(m->store);
	struct twz_rt_stat stat = {0};
	int status = STATUS_OK, error = twz_name_root(&m->root);

	if (!path)
		abort();
	if (!error)
		error = twz_obj_stat(m->root, &stat);
	m->root_key = stat.identity.key;
	if (error)
		status = fail(m->store, "%s", twz_error_text(error));
	else if (!twz_id_none(m->root_key))
		status = secret_load(path, &m->system);
	if (!status && !twz_id_equal(m->system.id, m->root_key))
		status = fail(path, "this key has no say over the root namespace");
	if (!status && !twz_id_none(m->root_key))
		status = secret_read(path, &m->system);
	free(path);
	return status;
}

int context_give(const struct twz_obj *to, struct twz_cap cap, const struct twz_secret *secret)
{
	int error;

	cap.accessor = to->id;
	error = twz_cap_sign(&cap, NULL, secret);
	if (!error)
		error = twz_context_add(to, &cap, 1);
	return error ? error : twz_context_publish(to);
}

/* To find names, and all that is made under its owner's key. */
static int fill(struct making *m)
{
	const struct twz_cap names = {.perms = TWZ_READ, .target = m->root},
			     own = {.perms = TWZ_PERM_ALL,
				    .flags = TWZ_CAP_KEY | TWZ_CAP_DELEGATE,
				    .target = m->new.key};
	int error = 0;

	if (!twz_id_none(m->root_key))
		error = context_give(&m->obj, names, &m->system);
	if (!error && m->key)
		error = context_give(&m->obj, own, &m->owner);
	return error;
}

/* The boot context may start programs in it: it has a say only over what is the system's. */
static int give_boot(struct making *m)
{
	const struct twz_cap use = {.perms = TWZ_READ | TWZ_USE, .target = m->obj.id};
	struct twz_id boot = change_known(STORE_BOOT);
	struct twz_obj obj;
	int error;

	if (!m->key || twz_id_none(boot) || twz_id_equal(m->new.key, change_known(STORE_KEY)))
		return 0;
	error = twz_context_open(boot, &obj);
	return error ? error : context_give(&obj, use, &m->owner);
}

static int make(struct making *m)
{
	int error = twz_context_make(&m->new, &m->obj);

	if (error)
		return error;
	if (!m->empty)
		error = fill(m);
	if (!error)
		error = twz_name_publish(m->name, m->obj.id, 0);
	if (error)
		twz_obj_delete(m->obj.id);
	else if (!m->empty)
		error = give_boot(m);
	return error;
}

static int sctx_new(int argc, char **argv)
{
	const char *perms = "-", *global = "rwxud";
	struct making m = {.new.ending = true};
	const struct option_spec spec[] = {
		{"--key", &m.key, NULL},     {"--sign", &m.sign, NULL},
		{"--empty", NULL, &m.empty}, {"--perms", &perms, NULL},
		{"--global", &global, NULL}, {"--undetachable", NULL, &m.new.undetachable},
		{NULL, NULL, NULL}};
	char text[TWZ_ID_TEXT];
	int error = 0, nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (!status)
		status = perms_read("sctx", perms, &m.new.perms);
	if (!status)
		status = perms_read("sctx", global, &m.new.global_mask);
	if (status)
		return status;
	m.store = argv[0];
	m.name = argv[2];
	status = change_open(m.store);
	if (!status)
		status = read_owner(&m);
	if (!status && !m.empty)
		status = read_system(&m);
	if (!status)
		error = make(&m);
	explicit_bzero(&m.owner, sizeof(m.owner));
	explicit_bzero(&m.system, sizeof(m.system));
	if (error)
		status = fail(m.name, "%s", twz_error_text(error));
	if (status)
		return status;
	twz_id_text(m.obj.id, text);
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
