/*
 * cap.c - twz cap and twz delegate: capabilities, signed here and nowhere else.
 *
 * What would give nothing is not made: the reason is said instead. The same chain can go into the
 * context that it is for, or into a file, from which twz sctx add takes it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/explain.h"
#include "tools/twz/twz.h"

#define CHAIN_MAX (TWZ_CAP_DEPTH_MAX + 1)

int perms_read(const char *command, const char *text, uint32_t *perms)
{
	if (twz_perms_parse(text, perms))
		return usage(command, "permissions are some of rwxud, or -, not %s", text);
	return STATUS_OK;
}

/* ---- chains in files ----------------------------------------------------------------------------- */

int cap_read(const char *path, struct twz_cap chain[static CHAIN_MAX], uint32_t *count)
{
	FILE *file = fopen(path, "re");
	size_t n;
	int extra;

	if (!file)
		return fail(path, "%s", strerror(errno));
	n = fread(chain, sizeof(*chain), CHAIN_MAX, file);
	extra = fgetc(file);
	fclose(file);
	if (!n || extra != EOF || chain->magic != TWZ_CAP_MAGIC || chain->depth != n - 1)
		return fail(path, "is no capability");
	*count = (uint32_t)n;
	return STATUS_OK;
}

static int cap_write(const char *path, const struct twz_cap *chain, uint32_t count)
{
	FILE *file = fopen(path, "wxe");
	bool written;

	if (!file)
		return fail(path, "%s", strerror(errno));
	written = fwrite(chain, sizeof(*chain), count, file) == count;
	if (fclose(file) || !written)
		return fail(path, "%s", strerror(errno));
	return STATUS_OK;
}

static const char *signature_text(struct store *s, const struct twz_cap *cap)
{
	switch (explain_signature(s, cap)) {
	case RIGHT_GOOD:
		return "right";
	case RIGHT_BAD:
		return "WRONG";
	default:
		return "not to be checked: the store does not have that key";
	}
}

static void json_cap(struct store *s, const struct twz_cap *cap)
{
	json_object(NULL);
	json_perms("perms", cap->perms);
	json_id("target", cap->target);
	json_bool("of_key", cap->flags & TWZ_CAP_KEY);
	json_bool("delegate", cap->flags & TWZ_CAP_DELEGATE);
	json_id("context", cap->accessor);
	json_id("signer", cap->signer);
	json_text("signature", signature_text(s, cap));
	json_number("from", cap->not_before);
	json_number("until", cap->expires);
	if (cap->flags & TWZ_CAP_GATE) {
		json_object("gate");
		json_number("offset", cap->gate_off);
		json_number("length", cap->gate_len);
		json_number("align", cap->gate_align);
		json_end();
	}
	json_end();
}

void cap_print(struct store *s, const struct twz_cap *chain, uint32_t count)
{
	char text[TWZ_CAP_TEXT];

	if (json) {
		json_array("chain");
		for (uint32_t i = 0; i < count; i++)
			json_cap(s, &chain[i]);
		json_end();
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		const char *indent = i ? "    " : "  ";

		if (i)
			puts("  from");
		twz_cap_text(&chain[i], indent, text);
		fputs(text, stdout);
		printf("%s%-12s %s\n", indent, "signature", signature_text(s, &chain[i]));
	}
}

/* ---- what is asked for --------------------------------------------------------------------------- */

struct asked {
	const char *command, *store, *to, *from, *until, *gate, *sign, *out;
	bool delegate, of_key;
	struct twz_cap cap;
	struct twz_obj context; /* it is for */
};

#define ASKED_OPTIONS(a)                                                                      \
	{"--for", &(a).to, NULL}, {"--from", &(a).from, NULL}, {"--until", &(a).until, NULL}, \
		{"--gate", &(a).gate, NULL}, {"--sign", &(a).sign, NULL},                     \
		{"--out", &(a).out, NULL}, {"--delegate", NULL, &(a).delegate},               \
		{"--of-key", NULL, &(a).of_key},                                              \
	{                                                                                     \
		NULL, NULL, NULL                                                              \
	}

static int read_time(const struct asked *a, const char *text, uint64_t *seconds)
{
	if (text && twz_time_parse(text, (uint64_t)time(NULL), seconds))
		return usage(a->command, "a time is 2026-11-22, 2026-11-22T07:00:00 or +1h, not %s",
			     text);
	return STATUS_OK;
}

/* All of the options, and the store is open. */
static int read_asked(struct asked *a, const char *target, const char *perms)
{
	int status = perms_read(a->command, perms, &a->cap.perms);

	if (!status && !a->to)
		status = usage(a->command, "--for CONTEXT is missing");
	if (!status)
		status = read_time(a, a->from, &a->cap.not_before);
	if (!status)
		status = read_time(a, a->until, &a->cap.expires);
	if (!status && a->gate && twz_gate_parse(a->gate, &a->cap))
		status = usage(a->command, "a gate is OFFSET,LENGTH,ALIGN, not %s", a->gate);
	if (!status && a->cap.expires && a->cap.expires <= a->cap.not_before)
		status = usage(a->command, "it would end before it begins");
	if (!status)
		status = change_open(a->store);
	if (!status)
		status = change_named(target, &a->cap.target);
	if (!status)
		status = change_context(a->to, &a->context);
	a->cap.accessor = a->context.id;
	a->cap.flags |= (a->delegate ? TWZ_CAP_DELEGATE : 0) | (a->of_key ? TWZ_CAP_KEY : 0);
	return status;
}

/* Signs chain[0] with the key file, which must be that of `key`. */
static int sign(const struct asked *a, struct twz_cap *chain, uint32_t count, struct twz_id key)
{
	struct twz_secret secret;
	char *path = a->sign ? strdup(a->sign) : key_path(a->store), id[TWZ_ID_TEXT];
	int error, status;

	if (!path)
		abort();
	twz_id_text(key, id);
	if (twz_id_none(key)) {
		free(path);
		return fail(a->store, "it was made under no key, so nobody can sign for it");
	}
	status = secret_load(path, &secret);
	if (!status && !twz_id_equal(secret.id, key))
		status = fail(path, "this key has no say here, but that of %s", id);
	if (!status)
		status = secret_read(path, &secret);
	error = status ? 0 : twz_cap_sign(chain, count > 1 ? &chain[1] : NULL, &secret);
	explicit_bzero(&secret, sizeof(secret));
	if (error)
		status = fail(path, "%s",
			      error == TWZ_E_LIMIT ? "the chain is as long as one can be"
						   : twz_error_text(error));
	free(path);
	return status;
}

/* Into the file, or else the context that it is for. */
static int deliver(const struct asked *a, const struct twz_cap *chain, uint32_t count)
{
	int error;

	if (a->out)
		return cap_write(a->out, chain, count);
	error = twz_context_add(&a->context, chain, count);
	if (!error)
		error = twz_context_publish(&a->context);
	return error ? fail(a->to, "%s", twz_error_text(error)) : STATUS_OK;
}

/* ---- twz cap make -------------------------------------------------------------------------------- */

static int cap_make(int argc, char **argv)
{
	struct asked a = {.command = "cap"};
	const struct option_spec spec[] = {ASKED_OPTIONS(a)};
	struct twz_rt_stat stat;
	struct twz_id key;
	int error, nrest, status = take_options(argc, argv, spec, 4, 4, &nrest);

	if (status)
		return status;
	a.store = argv[0];
	status = read_asked(&a, argv[2], argv[3]);
	if (status)
		return status;
	error = twz_obj_stat(a.cap.target, &stat);
	if (error)
		return fail(argv[2], "%s", twz_error_text(error));
	if (a.of_key && stat.identity.type != TWZ_TYPE_KEY)
		return fail(argv[2], "is no key");
	key = a.of_key ? a.cap.target : stat.identity.key;
	status = sign(&a, &a.cap, 1, key);
	return status ? status : deliver(&a, &a.cap, 1);
}

static int cap_show(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct twz_cap chain[CHAIN_MAX];
	struct store s;
	uint32_t count;
	int nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (!status)
		status = cap_read(argv[2], chain, &count);
	if (!status)
		status = store_open(argv[0], &s);
	if (status)
		return status;
	if (json)
		json_object(NULL);
	cap_print(&s, chain, count);
	store_close(&s);
	return STATUS_OK;
}

int command_cap(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[2], "make"))
		return cap_make(argc, argv);
	if (argc > 2 && !strcmp(argv[2], "show"))
		return cap_show(argc, argv);
	return usage("cap", "make or show comes behind the store");
}

/* ---- twz delegate -------------------------------------------------------------------------------- */

/* The chain of a context that the new link can come of. */
struct parent {
	const struct asked *a;
	struct twz_id key;     /* that the target was made under */
	struct twz_cap *chain; /* room for CHAIN_MAX; the parent from chain[1] on */
	uint32_t count;        /* with the link; 0: none found */
	const char *refused;   /* why the one that was looked at last does not do */
};

static int look_at(const struct twz_context_item *item, void *arg)
{
	struct parent *p = arg;
	bool of_key = item->chain && item->chain->flags & TWZ_CAP_KEY;

	if (!item->chain || !twz_id_equal(item->target, of_key ? p->key : p->a->cap.target))
		return 0;
	p->refused = twz_cap_refused(&p->a->cap, item->chain);
	if (!p->refused && item->count == CHAIN_MAX)
		p->refused = "the chain is as long as one can be";
	if (p->refused)
		return 0;
	memcpy(p->chain + 1, item->chain, item->count * sizeof(*p->chain));
	p->count = item->count + 1;
	return 1;
}

int command_delegate(int argc, char **argv)
{
	struct asked a = {.command = "delegate"};
	const struct option_spec spec[] = {ASKED_OPTIONS(a)};
	struct twz_cap chain[CHAIN_MAX];
	struct parent parent = {.a = &a, .chain = chain};
	struct twz_rt_stat target, giver;
	struct twz_obj from;
	int nrest, error, status = take_options(argc, argv, spec, 4, 4, &nrest);

	if (status)
		return status;
	a.store = argv[0];
	status = read_asked(&a, argv[2], argv[3]);
	if (!status)
		status = change_context(argv[1], &from);
	if (status)
		return status;
	error = twz_obj_stat(a.cap.target, &target);
	if (!error)
		error = twz_obj_stat(from.id, &giver);
	if (error)
		return fail(a.store, "%s", twz_error_text(error));
	parent.key = a.of_key ? a.cap.target : target.identity.key;
	error = twz_context_each(&from, look_at, &parent);
	if (error < 0)
		return fail(argv[1], "%s", twz_error_text(error));
	if (!parent.count)
		return fail(argv[2], "%s",
			    parent.refused ? parent.refused
					   : "the context has no capability for it to delegate");
	chain[0] = a.cap;
	status = sign(&a, chain, parent.count, giver.identity.key);
	return status ? status : deliver(&a, chain, parent.count);
}
