/*
 * tie.c - the runtime's calls on ties: core/store.h under the store's lock.
 *
 * The store knows no ties of the kind SCOPED, which let the object be deleted before. Here they lead to
 * processes' objects only, which have no pointers of their own: so a tie of the kind HOLD to one of those
 * is a SCOPED one.
 */
#include "rt/linux/home.h"

static bool is_thread(uint64_t ref)
{
	return store_record(&home.store, ref)->identity.type == TWZ_TYPE_THREAD;
}

/* The flags for the store. */
static int to_store(uint64_t to, uint32_t *flags)
{
	if (!(*flags & TWZ_TIE_SCOPED))
		return 0;
	*flags = (*flags & ~(uint32_t)TWZ_TIE_SCOPED) | TWZ_TIE_HOLD;
	return is_thread(to) ? 0 : TWZ_E_ARG;
}

static int find_both(struct twz_id object, struct twz_id to, uint32_t *flags, uint64_t ref[2])
{
	int error = store_find(&home.store, object, &ref[0]);

	if (!error)
		error = store_find(&home.store, to, &ref[1]);
	return error ? error : to_store(ref[1], flags);
}

int twz_rt_tie(struct twz_id object, struct twz_id to, uint32_t flags)
{
	uint64_t ref[2];
	int error;

	home_lock();
	error = find_both(object, to, &flags, ref);
	if (!error)
		error = store_tie(&home.store, ref[0], ref[1], flags);
	home_unlock();
	return error;
}

int twz_rt_untie(struct twz_id object, struct twz_id to, uint32_t kinds)
{
	uint64_t ref[2];
	int error;

	home_lock();
	error = find_both(object, to, &kinds, ref);
	if (!error)
		error = store_untie(&home.store, ref[0], ref[1], kinds);
	home_unlock();
	return error;
}

/* The next one out of or into the object. */
static int next(uint64_t ref, struct twz_rt_tie *tie)
{
	uint64_t at = 0;
	int error = 0;

	if (tie->other.lo | tie->other.hi)
		error = store_find(&home.store, tie->other, &at);
	if (error)
		return error == TWZ_E_NOTFOUND ? TWZ_E_BUSY : error;
	error = store_tie_next(&home.store, ref, tie->in, &at, &tie->kinds);
	if (error)
		return error;
	tie->other = store_record(&home.store, at)->id;
	if (tie->kinds & TWZ_TIE_HOLD && is_thread(tie->in ? ref : at))
		tie->kinds ^= TWZ_TIE_HOLD | TWZ_TIE_SCOPED;
	if (!tie->in && store_record(&home.store, ref)->flags & TWZ_RECORD_MARKED)
		tie->kinds |= TWZ_TIE_MARKED;
	return 0;
}

int twz_rt_ties(struct twz_id object, struct twz_rt_tie *tie)
{
	uint64_t ref;
	int error;

	if (tie->in > 1)
		return TWZ_E_ARG;
	home_lock();
	error = store_find(&home.store, object, &ref);
	if (error)
		goto unlock;
	error = next(ref, tie);
	if (error == TWZ_E_NOTFOUND && !tie->in) {
		*tie = (struct twz_rt_tie){.in = 1};
		error = next(ref, tie);
	}
unlock:
	home_unlock();
	return error;
}

int tie_end_scope(uint64_t ref)
{
	uint64_t to = 0;
	uint32_t kinds;
	int error;

	while (!(error = store_tie_next(&home.store, ref, false, &to, &kinds))) {
		if (!(kinds & TWZ_TIE_HOLD) || !is_thread(to))
			continue;
		error = store_untie(&home.store, ref, to, TWZ_TIE_HOLD);
		if (error)
			return error;
		if (kinds == TWZ_TIE_HOLD)
			to = 0; /* this tie is gone: from the start */
	}
	return error == TWZ_E_NOTFOUND ? 0 : error;
}
