/* tie.c - lifetimes (twz/tie.h). */
#include "core/fot.h"
#include "lib/space.h"

#include <twz/tie.h>

int twz_tie(struct twz_id object, struct twz_id to, uint32_t flags)
{
	return twz_rt_tie(object, to, flags);
}

int twz_untie(struct twz_id object, struct twz_id to, uint32_t kinds)
{
	return twz_rt_untie(object, to, kinds);
}

int twz_ties(struct twz_id object, struct twz_rt_tie *tie)
{
	return twz_rt_ties(object, tie);
}

/* ---- pointers that hold --------------------------------------------------------------------------- */

/* A pointer into another object: whose it is, and which entry of the FOT it goes by. */
struct hold {
	struct twz_id holder, target;
	struct twz_fot_entry *entry;
	uint32_t index;
};

static int find(const uint64_t *where, struct hold *hold)
{
	uint64_t raw;
	uint32_t slot;

	if (!space_find(where, &slot))
		return TWZ_E_OUTSIDE;
	raw = __atomic_load_n(where, __ATOMIC_ACQUIRE);
	hold->holder = space_id(slot);
	hold->index = (uint32_t)ptr_index(raw);
	if (!hold->index)
		return TWZ_E_ARG;
	if (hold->index >= TWZ_FOT_ENTRIES)
		return TWZ_E_UNRESOLVED;
	hold->entry = fot_entry(where, hold->index);
	switch (__atomic_load_n(&hold->entry->kind, __ATOMIC_ACQUIRE)) {
	case TWZ_FOT_ID:
		hold->target = hold->entry->target;
		return 0;
	case TWZ_FOT_NAME:
		return TWZ_E_ARG;
	default:
		return TWZ_E_UNRESOLVED;
	}
}

static bool flagged(const struct hold *hold)
{
	return __atomic_load_n(&hold->entry->flags, __ATOMIC_RELAXED) & TWZ_FOT_HOLD;
}

int twz_ptr_hold(const uint64_t *where, uint32_t flags)
{
	struct hold hold;
	bool before;
	int error = find(where, &hold);

	if (error)
		return error;
	before = flagged(&hold);
	error = twz_rt_tie(hold.target, hold.holder, TWZ_TIE_HOLD | flags);
	if (error)
		return error;
	error = fot_hold(NULL, (void *)where, hold.index, true);
	if (error && !before)
		twz_rt_untie(hold.target, hold.holder, TWZ_TIE_HOLD);
	return error;
}

int twz_ptr_unhold(const uint64_t *where)
{
	struct hold hold;
	bool before;
	int error = find(where, &hold);

	if (error)
		return error;
	before = flagged(&hold);
	error = before ? fot_hold(NULL, (void *)where, hold.index, false) : 0;
	if (error)
		return error;
	error = twz_rt_untie(hold.target, hold.holder, TWZ_TIE_HOLD);
	/* In a copy of an object the flag was copied, and nothing was held. */
	return error == TWZ_E_NOTFOUND && before ? 0 : error;
}
