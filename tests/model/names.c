/* names.c - operations on names, pointers and views (ops.h). */
#include "tests/model/ops.h"

/* ---- names ------------------------------------------------------------------------------------------- */

static struct spot some_spot(struct doing *d)
{
	return (struct spot){.space = pick(d, 1u << SPACE), .name = (unsigned)draw(d, NAMES)};
}

static uint32_t uid_at(const struct doing *d, struct spot at)
{
	return d->w->object[at.space].name[at.name];
}

static unsigned depth(const struct world *w, unsigned space)
{
	unsigned n = 0;

	for (; space != ROOT; space = w->object[space].parent)
		n++;
	return n;
}

/* Flags for what would lose its name there. A namespace without a name would be lost. */
static uint32_t some_flags(struct doing *d, struct spot at)
{
	uint32_t flags =
		(one_in(d, 4) ? 0 : TWZ_NAME_REPLACE) | (one_in(d, 2) ? 0 : TWZ_NAME_DELETE);
	unsigned k = world_find(d->w, uid_at(d, at));

	return k != NOBODY && d->w->object[k].kind == SPACE ? flags | TWZ_NAME_DELETE : flags;
}

/* A change that may take the name from what is there. */
static void nameless(struct doing *d, struct spot at, uint32_t flags)
{
	d->leaves = NAMELESS;
	d->busy = flags & TWZ_NAME_DELETE ? world_find(d->w, uid_at(d, at)) : NOBODY;
	if (d->real && d->busy != NOBODY)
		real_open(d->busy); /* wherever it is mapped, so it can be given back */
	world_path(d->w, at, d->path);
}

static bool make_space(struct doing *d)
{
	struct spot at = some_spot(d);
	unsigned k = pick_free(d);
	struct twz_id id;
	int error;

	if (k == NOBODY || depth(d->w, at.space) > 2)
		return false;
	world_path(d->w, at, d->path);
	say(d, "make the namespace %s, object %u", d->path, k);
	d->leaves = NAMED;
	error = uid_at(d, at) ? TWZ_E_EXISTS : 0;
	if (error) {
		d->made = NOBODY;
	} else {
		d->w->object[k] = (struct object){.kind = SPACE, .uid = (uint32_t)d->n};
		(void)world_bind(d->w, at, k, 0);
	}
	if (!d->real)
		return true;
	expect(d, error, twz_ns_make(d->path, &id));
	if (!error)
		table_note_id(k, id);
	return true;
}

static bool bind(struct doing *d)
{
	struct spot at = some_spot(d);
	unsigned k = pick(d, ANY);
	uint32_t flags = some_flags(d, at);
	int error;

	if (k == NOBODY)
		return false;
	nameless(d, at, flags);
	say(d, "bind %s to object %u, flags %u", d->path, k, flags);
	error = world_bind(d->w, at, k, flags);
	if (d->real)
		expect(d, error, twz_name_bind(d->path, table->id[k], flags));
	return true;
}

static bool publish(struct doing *d)
{
	struct spot at = some_spot(d);
	unsigned k = pick_free(d);
	uint32_t flags = some_flags(d, at);
	struct object *o = &d->w->object[k];
	struct twz_id id;
	int error;

	if (k == NOBODY)
		return false;
	nameless(d, at, flags);
	d->leaves = NAMED;
	say(d, "publish a new object, %u, as %s, flags %u", k, d->path, flags);
	*o = (struct object){.kind = PLAIN, .uid = (uint32_t)d->n};
	error = world_bind(d->w, at, k, flags);
	if (error)
		world_kill(d->w, k);
	if (!d->real)
		return true;
	expect(d, 0, real_make(&(struct object){.kind = PLAIN}, NOBODY, &id));
	table_note_id(k, id);
	expect(d, error, twz_name_publish(d->path, id, flags));
	if (error)
		expect(d, 0, twz_obj_delete(id));
	return true;
}

static bool unbind(struct doing *d)
{
	struct spot at = some_spot(d);
	uint32_t flags = some_flags(d, at) & TWZ_NAME_DELETE;
	int error;

	nameless(d, at, flags);
	say(d, "unbind %s, flags %u", d->path, flags);
	error = world_unbind(d->w, at, flags);
	if (d->real)
		expect(d, error, twz_name_unbind(d->path, flags));
	return true;
}

static bool rename(struct doing *d)
{
	struct spot from = some_spot(d), to = some_spot(d);
	uint32_t flags = some_flags(d, to);
	char path[PATH_TEXT];
	int error;

	world_path(d->w, from, path);
	nameless(d, to, flags);
	say(d, "rename %s to %s, flags %u", path, d->path, flags);
	error = world_rename(d->w, from, to, flags);
	if (d->real)
		expect(d, error, twz_name_rename(path, d->path, flags));
	return true;
}

static bool exchange(struct doing *d)
{
	struct spot a = some_spot(d), b = some_spot(d);
	char path[2][PATH_TEXT];
	int error;

	world_path(d->w, a, path[0]);
	world_path(d->w, b, path[1]);
	say(d, "exchange %s and %s", path[0], path[1]);
	error = world_exchange(d->w, a, b);
	if (d->real)
		expect(d, error, twz_name_exchange(path[0], path[1]));
	return true;
}

/* Some path, which may lead nowhere. */
static void some_path(struct doing *d, char path[static 24])
{
	char *c = path + 2;

	memcpy(path, "/m", 3);
	do {
		*c++ = '/';
		*c++ = (char)('a' + draw(d, NAMES));
	} while (one_in(d, 2) && c < path + 10);
	*c = 0;
}

static bool resolve(struct doing *d)
{
	char path[24];
	struct twz_id id;
	uint32_t uid;
	unsigned k;
	int error;

	some_path(d, path);
	uid = world_resolve(d->w, path);
	k = world_find(d->w, uid);
	say(d, "resolve %s", path);
	if (!d->real)
		return true;
	error = twz_name_resolve(path, &id);
	if (!error != !!uid)
		op_fails(d, uid ? "an ID" : "an error", error ? twz_error_text(error) : "an ID");
	if (k != NOBODY && !twz_id_equal(id, table->id[k]))
		op_fails(d, "the object's ID", "another one");
	return true;
}

/* ---- pointers ---------------------------------------------------------------------------------------- */

static bool point_nowhere(struct doing *d, unsigned k, unsigned i)
{
	say(d, "pointer %u of object %u is null", i, k);
	d->w->object[k].link[i] = (struct link){.how = LINK_NULL};
	if (d->real)
		expect(d, 0, twz_set(&real_holder(k)->link[i], NULL));
	return true;
}

static bool point_to_name(struct doing *d, unsigned k, unsigned i)
{
	struct link link = {.how = LINK_NAME};

	some_path(d, link.path);
	say(d, "pointer %u of object %u leads to %s", i, k, link.path);
	d->w->object[k].link[i] = link;
	if (d->real)
		expect(d, 0, twz_set_name(NULL, &real_holder(k)->link[i], link.path));
	return true;
}

static int set_link(struct doing *d, unsigned k, unsigned i, struct target t, bool ending,
		    bool in_tx)
{
	struct holder *holder = real_holder(k);
	uint64_t *target = system_word(d, t);
	struct twz_tx tx;

	if (!in_tx)
		return ending ? twz_set_ending(NULL, &holder->link[i], target)
			      : twz_set(&holder->link[i], target);
	twz_tx_begin(&tx);
	if (ending)
		twz_set_ending(&tx, &holder->link[i], target);
	else
		twz_set_tx(&tx, &holder->link[i], target);
	return twz_tx_commit(&tx);
}

static bool ends_by_ties(const struct doing *d, unsigned k)
{
	return d->w->object[k].life == LASTING && world_ends(d->w, k);
}

static bool point(struct doing *d)
{
	unsigned k = pick(d, 1u << HOLDER), i = (unsigned)draw(d, LINKS);
	struct target t = some_word(d, one_in(d, 6) ? k : pick(d, PAGED | 1u << HOLDER));
	const bool ending = one_in(d, 2), in_tx = one_in(d, 2);
	int error;

	if (k == NOBODY)
		return false;
	/* What is only tied to what ends: the system may have taken note of that already, or not. */
	if (!ending && (ends_by_ties(d, k) || ends_by_ties(d, t.k)))
		return false;
	if (one_in(d, 8))
		return point_nowhere(d, k, i);
	if (one_in(d, 4))
		return point_to_name(d, k, i);
	say(d, "pointer %u of object %u leads to object %u, place %u, word %u%s", i, k, t.k,
	    t.place, t.word, ending ? ", may it end or not" : "");
	error = !ending && t.k != k && d->w->object[k].life == LASTING && world_ends(d->w, t.k)
			? TWZ_E_ARG
			: 0;
	if (!error)
		d->w->object[k].link[i] = (struct link){.how = LINK_OBJECT,
							.place = (uint8_t)t.place,
							.word = (uint8_t)t.word,
							.uid = d->w->object[t.k].uid};
	if (d->real)
		expect(d, error, set_link(d, k, i, t, ending, in_tx));
	return true;
}

/* ---- views, and looking ------------------------------------------------------------------------------ */

static bool recycle(struct doing *d)
{
	unsigned k = pick(d, PAGED | 1u << HOLDER), what = (unsigned)draw(d, 4);

	if (k == NOBODY)
		return false;
	say(d, what == 3 ? "map all anew" : "map object %u anew", k);
	if (!d->real)
		return true;
	switch (what) {
	case 0:
		real_recycle_large(k);
		break;
	case 1:
		real_recycle(k);
		break;
	case 2:
		expect(d, 0, twz_rt_invalidate(real_open(k)->slot, 1));
		break;
	default:
		for (k = 0; k < OBJECTS; k++)
			real_recycle(k);
	}
	return true;
}

static bool look(struct doing *d)
{
	unsigned k = (unsigned)draw(d, OBJECTS);

	say(d, "look at object %u", k);
	if (d->real)
		compare_one(d, k);
	return true;
}

const struct op ops_names[] = {
	{make_space, 2}, {bind, 4},  {publish, 3}, {unbind, 3}, {rename, 4}, {exchange, 2},
	{resolve, 6},    {point, 8}, {recycle, 2}, {look, 4},   {0},
};
