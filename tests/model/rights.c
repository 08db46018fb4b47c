/* rights.c - operations on contexts, capabilities, masks and gates (ops.h). */
#include <twz/right.h>

#include "tests/model/ops.h"

static bool make_guarded(struct doing *d)
{
	const bool context = one_in(d, 3);
	unsigned k = pick_free(d);
	struct object *o = &d->w->object[k];
	struct twz_id id;

	if (k == NOBODY)
		return false;
	*o = (struct object){.kind = context ? CONTEXT : GUARDED,
			     .life = one_in(d, 2) ? ENDING : LASTING,
			     .uid = (uint32_t)d->n};
	o->user = (uint8_t)draw(d, USERS);
	o->perms = context ? TWZ_PERM_ALL : (uint8_t)draw(d, TWZ_PERM_ALL + 1);
	o->global = one_in(d, 2) ? TWZ_PERM_ALL : (uint8_t)draw(d, TWZ_PERM_ALL + 1);
	say(d, "make %s of user %u, object %u that %s, everybody may 0x%x",
	    context ? "a context" : "an object", o->user, k, o->life == ENDING ? "ends" : "lasts",
	    o->perms);
	if (d->real) {
		expect(d, 0, real_make(o, NOBODY, &id));
		note(d, k, id);
	}
	return true;
}

/* An object that there are rights to, or (k is NOBODY) all that are a user's. */
struct whose {
	unsigned k, user;
	uint32_t uid;
};

static bool some_target(struct doing *d, struct whose *t)
{
	const bool user = one_in(d, 6);

	t->k = pick(d, 1u << GUARDED | 1u << CONTEXT);
	if (t->k == NOBODY)
		return false;
	t->user = d->w->object[t->k].user;
	t->uid = user ? USER_UID(t->user) : d->w->object[t->k].uid;
	t->k = user ? NOBODY : t->k;
	return true;
}

static struct twz_id id_of(const struct whose *t)
{
	return t->k == NOBODY ? table->user[t->user].id : table->id[t->k];
}

/* After each edit the system is told. */
static void expect_edit(struct doing *d, int expected, int found, unsigned context)
{
	expect(d, expected, found);
	expect(d, 0, twz_context_publish(real_open(context)));
}

static int add_cap(struct doing *d, unsigned context, const struct whose *t,
		   const struct cap *model)
{
	struct twz_cap cap = {.perms = model->perms,
			      .flags = t->k == NOBODY ? TWZ_CAP_KEY : 0,
			      .target = id_of(t),
			      .accessor = table->id[context],
			      .expires = model->expired ? 1 : 0,
			      .serial = d->n};
	int error = twz_cap_sign(&cap, NULL, &table->user[model->signer]);

	return error ? error : twz_context_add(real_open(context), &cap, 1);
}

static bool give(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT), i = 0;
	struct cap cap;
	struct whose t;

	if (context == NOBODY || !some_target(d, &t))
		return false;
	while (i < CAPS && d->w->object[context].cap[i].target)
		i++;
	if (i == CAPS)
		return false;
	cap = (struct cap){.target = t.uid,
			   .perms = (uint8_t)(1 + draw(d, TWZ_PERM_ALL)),
			   .signer = (uint8_t)(one_in(d, 6) ? draw(d, USERS) : t.user),
			   .expired = one_in(d, 6)};
	say(d, "give context %u 0x%x on %s %u, signed by user %u%s", context, cap.perms,
	    t.k == NOBODY ? "all of user" : "object", t.k == NOBODY ? t.user : t.k, cap.signer,
	    cap.expired ? ", expired" : "");
	d->w->object[context].cap[i] = cap;
	if (d->real)
		expect_edit(d, 0, add_cap(d, context, &t, &cap), context);
	return true;
}

static bool take(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT);
	int error = TWZ_E_NOTFOUND;
	struct whose t;

	if (context == NOBODY || !some_target(d, &t))
		return false;
	say(d, "take from context %u what it has on %s %u", context,
	    t.k == NOBODY ? "all of user" : "object", t.k == NOBODY ? t.user : t.k);
	for (unsigned i = 0; i < CAPS; i++) {
		struct cap *cap = &d->w->object[context].cap[i];

		if (cap->target != t.uid)
			continue;
		*cap = (struct cap){0};
		error = 0;
	}
	if (d->real)
		expect_edit(d, error, twz_context_remove(real_open(context), id_of(&t)), context);
	return true;
}

static bool mask(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT), k = pick(d, 1u << GUARDED | 1u << CONTEXT),
		 i = 0;
	uint8_t override = one_in(d, 2) ? 0 : (uint8_t)draw(d, TWZ_PERM_ALL + 1);
	uint8_t bits = one_in(d, 3) ? TWZ_PERM_ALL : (uint8_t)draw(d, TWZ_PERM_ALL + 1);
	struct mask *masks;

	if (context == NOBODY || k == NOBODY)
		return false;
	masks = d->w->object[context].mask;
	while (i < MASKS && masks[i].target != d->w->object[k].uid)
		i++;
	for (unsigned j = 0; i == MASKS && j < MASKS; j++)
		if (!masks[j].target)
			i = j;
	if (i == MASKS)
		return false;
	say(d, "mask object %u in context %u: override 0x%x, mask 0x%x", k, context, override,
	    bits);
	masks[i] = (struct mask){d->w->object[k].uid, override, bits};
	if (!override && bits == TWZ_PERM_ALL)
		masks[i] = (struct mask){0};
	if (d->real)
		expect_edit(d, 0,
			    twz_context_mask(real_open(context), table->id[k], override, bits),
			    context);
	return true;
}

static bool mask_all(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT);
	uint8_t bits = one_in(d, 2) ? TWZ_PERM_ALL : (uint8_t)draw(d, TWZ_PERM_ALL + 1);

	if (context == NOBODY)
		return false;
	say(d, "the mask of context %u is 0x%x", context, bits);
	d->w->object[context].global = bits;
	if (d->real)
		expect_edit(d, 0, twz_context_global(real_open(context), bits), context);
	return true;
}

static bool set_gate(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT), i = (unsigned)draw(d, GATES + 1);
	const uint8_t number = (uint8_t)(1 + draw(d, 255));
	const struct twz_gate gate = real_gate(number);
	int error = TWZ_E_NOTFOUND;
	struct object *o;

	if (context == NOBODY)
		return false;
	o = &d->w->object[context];
	if (i == GATES && o->ngates == GATES)
		return false;
	say(d, "gate %u of context %u is %u", i, context, number);
	if (i <= o->ngates) {
		o->ngates += i == o->ngates;
		o->gate[i] = number;
		error = 0;
	}
	if (d->real)
		expect_edit(d, error, twz_context_gate_set(real_open(context), i, &gate), context);
	return true;
}

static bool clear_gates(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT);

	if (context == NOBODY || !one_in(d, 3))
		return false;
	say(d, "context %u has no gates", context);
	d->w->object[context].ngates = 0;
	if (d->real)
		expect_edit(d, 0, twz_context_gates_clear(real_open(context)), context);
	return true;
}

static bool explain(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT);

	if (context == NOBODY)
		return false;
	say(d, "what may context %u do?", context);
	if (d->real)
		compare_one(d, context);
	return true;
}

/* A program that runs in the context may do what the model says, and nothing else. */
static bool run_there(struct doing *d)
{
	unsigned context = pick(d, 1u << CONTEXT), k = pick(d, 1u << GUARDED);
	char id[TWZ_ID_TEXT], text[32], found[32];
	const char *const argv[] = {"model", "may", id, NULL};
	struct twz_rt_program program = {.argv = argv, .timeout_ns = ~0ull};
	int error, status;

	if (context == NOBODY || k == NOBODY || !one_in(d, 8) ||
	    d->w->object[context].global != TWZ_PERM_ALL)
		return false;
	say(d, "run a program in context %u that tries object %u", context, k);
	if (!d->real)
		return true;
	twz_id_text(table->id[k], id);
	program.context = table->id[context];
	error = twz_run_as(&program, &status);
	if (error == TWZ_E_ABSENT) /* hosted, there are no contexts to run in */
		return true;
	expect(d, 0, error);
	if ((uint32_t)status == world_effective(d->w, k, context))
		return true;
	twz_format(text, sizeof(text), "rights 0x%x", world_effective(d->w, k, context));
	twz_format(found, sizeof(found), "0x%x", (unsigned)status);
	op_fails(d, text, found);
}

const struct op ops_rights[] = {
	{make_guarded, 4}, {give, 3},        {take, 2},    {mask, 3},      {mask_all, 1},
	{set_gate, 2},     {clear_gates, 1}, {explain, 2}, {run_there, 1}, {0},
};
