/*
 * access.c - twz access: what a context may do to an object, or whether it may enter there, and why.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/explain.h"
#include "tools/twz/twz.h"

struct asked {
	const char *object, *context;
	const char *at, *entry; /* as they were given, or null: what follows from them */
	uint64_t now, offset;
};

/* The capability that the reason is about: who signed it, and its time. */
static void print_cap(struct object *context, uint64_t off)
{
	char signer[TWZ_ID_TEXT], when[TWZ_TIME_TEXT];
	struct twz_cap cap;

	if (object_read(context, off, &cap, sizeof(cap)))
		return; /* that it is damaged is the reason */
	twz_id_text(cap.signer, signer);
	printf(" (at 0x%llx, signed by %s", (unsigned long long)off, signer);
	if (cap.not_before) {
		twz_time_text(cap.not_before, when);
		printf(", from %s", when);
	}
	if (cap.expires) {
		twz_time_text(cap.expires, when);
		printf(", until %s", when);
	}
	putchar(')');
}

/* The object's mask; it stays as it is if there is none. */
static int find_mask(struct object *context, const struct twz_context *head, struct twz_id object,
		     struct twz_mask *mask)
{
	struct twz_context_entry e;
	int error = 0;

	for (uint64_t i = 0; !error && i < head->nentries; i++) {
		error = object_read(context, head->table + i * sizeof(e), &e, sizeof(e));
		if (!error && e.kind == TWZ_CONTEXT_MASK && twz_id_equal(e.target, object))
			return object_read(context, e.off, mask, sizeof(*mask));
	}
	return error;
}

/* Whose masks take it away, and what they are. */
static void print_masks(struct object *context, struct twz_id object)
{
	struct twz_mask mask = {.mask = TWZ_PERM_ALL};
	char id[TWZ_ID_TEXT], global[TWZ_PERMS_TEXT], override[TWZ_PERMS_TEXT],
		text[TWZ_PERMS_TEXT];
	struct twz_context head;

	twz_id_text(context->id, id);
	printf(" (context %s", id);
	if (!object_read(context, TWZ_OBJ_DATA, &head, sizeof(head)) &&
	    !find_mask(context, &head, object, &mask)) {
		twz_perms_text(head.global_mask, global);
		twz_perms_text(mask.override, override);
		twz_perms_text(mask.mask, text);
		printf(": global %s, override %s, mask %s", global, override, text);
	}
	putchar(')');
}

/* The same as a member: which masks. */
static void json_masks(struct object *context, struct twz_id object)
{
	struct twz_mask mask = {.mask = TWZ_PERM_ALL};
	struct twz_context head;

	json_object("masks");
	json_id("context", context->id);
	if (!object_read(context, TWZ_OBJ_DATA, &head, sizeof(head)) &&
	    !find_mask(context, &head, object, &mask)) {
		json_perms("global", head.global_mask);
		json_perms("override", mask.override);
		json_perms("mask", mask.mask);
	}
	json_end();
}

static void json_permission(const char *name, bool allowed, struct twz_id object,
			    struct object *context, const struct right_reason *reason)
{
	struct twz_cap cap;

	json_object(NULL);
	json_text("permission", name);
	json_bool("allowed", allowed);
	json_text("reason", twz_right_text(reason->why));
	if (reason->cap) {
		json_number("capability", reason->cap);
		if (!object_read(context, reason->cap, &cap, sizeof(cap))) {
			json_id("signer", cap.signer);
			json_number("from", cap.not_before);
			json_number("until", cap.expires);
		}
	}
	if (!twz_id_none(reason->by))
		json_masks(context, object);
	json_end();
}

static void print_permission(const char *name, unsigned bit, struct twz_id object,
			     struct object *context, const struct right_answer *answer)
{
	const struct right_reason *reason = &answer->reason[bit];

	if (json) {
		json_permission(name, answer->effective >> bit & 1, object, context, reason);
		return;
	}
	printf("%-8s %-3s  %s", name, answer->effective >> bit & 1 ? "yes" : "no",
	       twz_right_text(reason->why));
	if (reason->cap)
		print_cap(context, reason->cap);
	if (!twz_id_none(reason->by)) /* by itself: no other is looked at */
		print_masks(context, object);
	putchar('\n');
}

static void print_answer(const struct asked *asked, struct twz_id object, struct object *context,
			 const struct right_answer *answer)
{
	static const char *const names[] = {"read", "write", "execute", "use", "delete"};
	char text[TWZ_TIME_TEXT];

	if (json) {
		json_object(NULL);
		json_id("object", object);
		json_id("context", context->id);
		json_number("until", answer->until == RIGHT_NEVER ? 0 : answer->until);
		json_array("permissions");
	}
	if (asked->entry)
		print_permission("enter", 2, object, context, answer); /* it counts as execute */
	for (unsigned i = 0; i < RIGHT_PERMS && !asked->entry; i++)
		print_permission(names[i], i, object, context, answer);
	if (answer->until != RIGHT_NEVER && !json) {
		twz_time_text(answer->until, text);
		printf("until %s\n", text);
	}
}

static int decide(struct store *s, const struct asked *asked)
{
	struct object o, c = {.id = s->super->boot};
	struct right_answer answer;
	int error, status = object_named(s, asked->object, &o);

	if (!status && asked->context)
		status = object_named(s, asked->context, &c);
	else if (!status && !twz_id_none(c.id))
		status = object_named(s, "@boot", &c);
	if (status)
		return status;
	error = explain(s, o.id, c.id, asked->now, asked->entry ? &asked->offset : NULL, &answer);
	if (error == TWZ_E_TYPE)
		return fail(asked->context, "is no context");
	if (error)
		return fail(asked->object, "%s", twz_error_text(error));
	print_answer(asked, o.id, &c, &answer);
	return STATUS_OK;
}

int command_access(int argc, char **argv)
{
	struct asked asked = {.now = (uint64_t)time(NULL)};
	const struct option_spec spec[] = {{"--context", &asked.context, NULL},
					   {"--at", &asked.at, NULL},
					   {"--entry", &asked.entry, NULL},
					   {"--json", NULL, &json},
					   {NULL, NULL, NULL}};
	struct store s;
	char *end;
	int nrest, status = take_options(argc, argv, spec, 2, 2, &nrest);

	if (status)
		return status;
	if (asked.at && twz_time_parse(asked.at, asked.now, &asked.now))
		return usage("access", "a time is 2026-11-22, 2026-11-22T07:00:00 or +1h, not %s",
			     asked.at);
	if (asked.entry) {
		asked.offset = strtoull(asked.entry, &end, 0);
		if (*end || end == asked.entry)
			return usage("access", "an offset is a number, not %s", asked.entry);
	}
	status = store_open(argv[0], &s);
	if (status)
		return status;
	asked.object = argv[1];
	status = decide(&s, &asked);
	store_close(&s);
	return status;
}
