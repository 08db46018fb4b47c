/* doing.c - one operation: drawn, done, mended after a crash; what is said of one that fails (model.h). */
#include "tests/model/ops.h"

static const struct op *const lists[] = {ops_objects, ops_names, ops_rights, ops_ties};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static const struct op *draw_op(struct doing *d)
{
	uint64_t all = 0, at;

	for (unsigned i = 0; i < LISTS; i++)
		for (const struct op *op = lists[i]; op->weight; op++)
			all += op->weight;
	at = draw(d, all);
	for (unsigned i = 0; i < LISTS; i++)
		for (const struct op *op = lists[i]; op->weight; op++) {
			if (at < op->weight)
				return op;
			at -= op->weight;
		}
	return NULL; /* never: at is below the sum */
}

/*
 * What is gone is not mapped any more: its slot is for others. What was tied to it goes in the background:
 * that is waited for.
 */
static void await_dead(const struct doing *d, const bool *lived)
{
	char text[TEXT_MAX];

	for (unsigned k = 0; k < OBJECTS; k++)
		if (lived[k] && !world_lives(d->w, k))
			real_forget(k);
	real_patience = PATIENCE;
	for (unsigned k = 0; k < OBJECTS; k++) {
		if (!lived[k] || world_lives(d->w, k) || real_await_end(d->w, k))
			continue;
		twz_format(text, sizeof(text), "object %u is there still", k);
		op_fails(d, "what was tied to nothing else is deleted", text);
	}
}

void op_do(struct doing *d)
{
	bool lived[OBJECTS];

	for (unsigned k = 0; k < OBJECTS; k++)
		lived[k] = world_lives(d->w, k);
	d->n = d->w->done + 1;
	d->random = d->seed * 0x2545f4914f6cdd1dull + d->n * 0x9e6c63d0876a9a47ull;
	do {
		d->leaves = ALL_OR_NOTHING;
		d->busy = d->made = NOBODY;
		d->said[0] = 0;
	} while (!draw_op(d)->run(d));
	d->w->done = d->n;
	if (d->real)
		await_dead(d, lived);
}

/* ---- after a crash ------------------------------------------------------------------------------------ */

static bool resolves(const char *path, struct twz_id *id, bool *there)
{
	struct twz_rt_stat stat;

	if (twz_name_resolve(path, id))
		return false;
	*there = !twz_obj_stat(*id, &stat);
	return true;
}

/* The name leads to what was bound and not kept, or to the namespace that is not in the table yet. */
static void mend_named(const struct doing *d)
{
	const bool space = d->made != NOBODY && d->w->object[d->made].kind == SPACE;
	char new[sizeof(d->path) + sizeof(TWZ_NAME_NEW)];
	struct twz_id id;
	bool there;

	twz_format(new, sizeof(new), "%s" TWZ_NAME_NEW, d->path);
	if (resolves(new, &id, &there))
		NEED(twz_name_unbind(new, TWZ_NAME_DELETE));
	if (d->made == NOBODY || !resolves(d->path, &id, &there))
		return;
	if (!there && (space || twz_id_equal(id, table->id[d->made])))
		NEED(twz_name_unbind(d->path, 0));
	else if (there && space)
		table_note_id(d->made, id);
}

/*
 * What lost its name is deleted by the next change in that namespace; a sealed object, which cannot be
 * noted there, by whoever knows it.
 */
static void mend_nameless(const struct doing *d)
{
	struct twz_obj obj;
	struct twz_id id;
	char path[sizeof(d->path)];
	bool there;
	int error;

	memcpy(path, d->path, sizeof(path));
	path[strlen(path) - 1] = 't';
	NEED(twz_obj_at(table, &obj));
	NEED(twz_name_bind(path, obj.id, 0));
	NEED(twz_name_unbind(path, 0));
	if (d->busy == NOBODY || !(d->w->object[d->busy].uid >> 31) || world_lives(d->w, d->busy) ||
	    (resolves(d->path, &id, &there) && twz_id_equal(id, table->id[d->busy])))
		return;
	error = twz_obj_delete(table->id[d->busy]);
	NEED(error == TWZ_E_NOTFOUND ? 0 : error);
}

void op_mend(struct doing *d)
{
	if (d->leaves == NAMED)
		mend_named(d);
	if (d->leaves == NAMED || d->leaves == NAMELESS)
		mend_nameless(d);
}

/* ---- what is said -------------------------------------------------------------------------------------- */

void op_fails(const struct doing *d, const char *expected, const char *found)
{
	typedef unsigned long long ull;

	twz_flush();
	twz_warn("model: seed %llu, operation %llu: %s\n"
		 "    expected: %s\n    found:    %s\n"
		 "    again, in an empty store, each in an epoch of its own:",
		 (ull)d->seed, (ull)d->n, d->said, expected, found);
	for (uint64_t i = 0; i < table->nends; i++)
		twz_warn(" model %llu %llu;", (ull)d->seed, (ull)table->end[i]);
	twz_warn(" model %llu %llu\n", (ull)d->seed, (ull)d->n);
	twz_rt_exit(1);
}
