/* ties.c - operations on ties, and pointers that hold (ops.h). */
#include "tests/model/ops.h"

/*
 * Can this tie be, as far as the model goes? What lasts and is tied to what ends has no other tie, and ends by
 * that: when the system takes it for ending, now or later, is the home's. And what is tied to the program has
 * no other: it cannot be said whether that one would hold it.
 */
static bool foreseen(const struct doing *d, unsigned a, unsigned to, uint32_t flags)
{
	const struct world *w = d->w;

	if (w->object[a].scoped)
		return false;
	if (w->object[a].life != LASTING)
		return true;
	if (world_ends(w, to) && w->object[to].life == LASTING && !(flags & TWZ_TIE_ENDING))
		return false;
	return !world_ends(w, a) && (!world_ends(w, to) || !world_tied(w, a));
}

static bool tie(struct doing *d)
{
	unsigned a = pick(d, ANY), to = one_in(d, 16) ? a : pick(d, ANY);
	uint32_t flags = one_in(d, 2) ? 0 : TWZ_TIE_ENDING;
	int error;

	if (a == NOBODY || !foreseen(d, a, to, flags))
		return false;
	say(d, "tie object %u to %u, flags %u", a, to, flags);
	error = world_tie(d->w, a, to, flags);
	if (d->real)
		expect(d, error, twz_tie(table->id[a], table->id[to], flags));
	return true;
}

/* One that is there, if the object has any. */
static unsigned some_tie(struct doing *d, unsigned a)
{
	unsigned from = (unsigned)draw(d, OBJECTS);

	for (unsigned i = 0; a != NOBODY && i < OBJECTS; i++)
		if (d->w->tie[a][(from + i) % OBJECTS])
			return (from + i) % OBJECTS;
	return pick(d, ANY);
}

static bool untie(struct doing *d)
{
	unsigned a = pick(d, ANY), to = some_tie(d, a);
	uint32_t kinds = one_in(d, 4) ? TWZ_TIE_PLAIN | TWZ_TIE_HOLD : 0;
	int error;

	if (a == NOBODY || to == NOBODY || !foreseen(d, a, to, TWZ_TIE_ENDING))
		return false;
	say(d, "untie object %u from %u, kinds %u", a, to, kinds);
	error = world_untie(d->w, a, to, kinds);
	if (d->real)
		expect(d, error, twz_untie(table->id[a], table->id[to], kinds));
	return true;
}

/* A pointer to another object, which may be gone. */
static bool some_pointer(struct doing *d, unsigned *holder, unsigned *i, unsigned *target)
{
	const struct link *link;

	*holder = pick(d, 1u << HOLDER);
	*i = (unsigned)draw(d, LINKS);
	if (*holder == NOBODY)
		return false;
	link = &d->w->object[*holder].link[*i];
	*target = world_find(d->w, link->uid);
	return link->how == LINK_OBJECT && *target != *holder;
}

static bool hold(struct doing *d)
{
	const uint32_t flags = one_in(d, 2) ? TWZ_TIE_ENDING : 0;
	unsigned holder, i, target;
	uint64_t *where;
	int error;

	if (!some_pointer(d, &holder, &i, &target) ||
	    (target != NOBODY && !foreseen(d, target, holder, flags)))
		return false;
	say(d, "pointer %u of object %u holds what it leads to, flags %u", i, holder, flags);
	error = target == NOBODY ? TWZ_E_NOTFOUND
				 : world_tie(d->w, target, holder, TWZ_TIE_HOLD | flags);
	if (!d->real)
		return true;
	where = &real_holder(holder)->link[i].raw;
	expect(d, error, twz_ptr_hold(where, flags));
	return true;
}

/* Where nothing is held, a flag may say so all the same: in a copy, and of what is gone. */
static bool unhold(struct doing *d)
{
	unsigned holder, i, target;
	int error, found;

	if (!some_pointer(d, &holder, &i, &target) ||
	    (target != NOBODY && !foreseen(d, target, holder, TWZ_TIE_ENDING)))
		return false;
	say(d, "pointer %u of object %u holds nothing", i, holder);
	error = target == NOBODY ? TWZ_E_NOTFOUND : world_untie(d->w, target, holder, TWZ_TIE_HOLD);
	if (!d->real)
		return true;
	found = twz_ptr_unhold(&real_holder(holder)->link[i].raw);
	expect(d, error, error && !found ? error : found);
	return true;
}

const struct op ops_ties[] = {{tie, 8}, {untie, 5}, {hold, 4}, {unhold, 2}, {0}};
