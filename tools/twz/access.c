/*
 * access.c - twz access: what a context may do to an object, and why.
 */
#include <string.h>
#include <time.h>

#include "core/explain.h"
#include "tools/twz/twz.h"

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

static void print_answer(struct twz_id object, struct object *context,
			 const struct right_answer *answer)
{
	static const char *const names[] = {"read", "write", "execute", "use", "delete"};
	char text[TWZ_ID_TEXT];

	for (unsigned i = 0; i < RIGHT_PERMS; i++) {
		const struct right_reason *reason = &answer->reason[i];

		printf("%-8s %-3s  %s", names[i], answer->effective >> i & 1 ? "yes" : "no",
		       twz_right_text(reason->why));
		if (reason->cap)
			print_cap(context, reason->cap);
		if (!twz_id_none(reason->by)) /* by itself: no other is looked at */
			print_masks(context, object);
		putchar('\n');
	}
	if (answer->until != RIGHT_NEVER) {
		twz_time_text(answer->until, text);
		printf("until %s\n", text);
	}
}

static int decide(struct store *s, const char *object, const char *context, uint64_t now)
{
	struct object o, c = {.id = s->super->boot};
	struct right_answer answer;
	int error, status = object_named(s, object, &o);

	if (!status && context)
		status = object_named(s, context, &c);
	else if (!status && !twz_id_none(c.id))
		status = object_named(s, "@boot", &c);
	if (status)
		return status;
	error = explain(s, o.id, c.id, now, &answer);
	if (error == TWZ_E_TYPE)
		return fail(context, "is no context");
	if (error)
		return fail(object, "%s", twz_error_text(error));
	print_answer(o.id, &c, &answer);
	return STATUS_OK;
}

int command_access(int argc, char **argv)
{
	const char *context = NULL, *when = NULL;
	const struct option_spec spec[] = {
		{"--context", &context, NULL}, {"--at", &when, NULL}, {NULL, NULL, NULL}};
	uint64_t now = (uint64_t)time(NULL);
	struct store s;
	int nrest, status = take_options(argc, argv, spec, 2, 2, &nrest);

	if (status)
		return status;
	if (when && twz_time_parse(when, now, &now))
		return usage("access", "a time is 2026-11-22, 2026-11-22T07:00:00 or +1h, not %s",
			     when);
	status = store_open(argv[0], &s);
	if (status)
		return status;
	status = decide(&s, argv[1], context, now);
	store_close(&s);
	return status;
}
