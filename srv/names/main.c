/*
 * main.c - names: the service that changes names in namespaces which its callers may not write (twz/names.h).
 */
#include <twz/twz.h>

#include <twz/names.h>

#define STACKS 16u

/* Has the caller the right to change names there? */
static int check(const struct twz_name_change *c)
{
	const bool two = c->kind == TWZ_NAME_RENAME || c->kind == TWZ_NAME_EXCHANGE;
	int error = 0;

	if (c->kind < TWZ_NAME_BIND || c->kind > TWZ_NAME_EXCHANGE ||
	    c->flags & ~(uint32_t)TWZ_NAME_REPLACE)
		return TWZ_E_ARG;
	for (int i = 0; !error && i <= two; i++) {
		error = c->at[i].length > TWZ_NAME_MAX ? TWZ_E_NAME : 0;
		if (!error)
			error = twz_rt_gate_may(c->at[i].space, TWZ_USE);
		/* Told apart from what the caller has no right to: that the service has none. */
		if (!error && twz_rt_may(c->at[i].space, TWZ_READ | TWZ_WRITE))
			error = TWZ_E_RIGHT;
	}
	return error;
}

static int64_t names_change(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off)
{
	const struct twz_id buffer = {lo, hi};
	struct twz_name_change change;
	int error = twz_gate_read(buffer, off, sizeof(change), &change);

	(void)caller;
	if (!error)
		error = check(&change);
	if (!error)
		error = twz_name_make(&change, twz_rt_gate_may);
	if (error)
		return error;
	return twz_gate_write(buffer, off + offsetof(struct twz_name_change, lost),
			      sizeof(change.lost), &change.lost);
}

TWZ_SERVICE(names, NAMES_VERSION, NAMES_CALLS)

int main(void)
{
	struct twz_id context;
	int error = twz_name_resolve(TWZ_NAMES, &context);

	if (!error)
		error = twz_serve(&names_service, context, STACKS, TWZ_GATE_PUBLIC);
	if (!error)
		twz_serve_on();
	twz_warn("names: %s: %s\n", TWZ_NAMES, twz_error_text(error));
	return 1;
}
