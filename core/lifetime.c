/*
 * lifetime.c - how long objects live: epochs, registered views, deleting, draining (store.h).
 *
 * A delete is one update: the object leaves the index and joins the dying list. All that follows, pages
 * and ties, is done by drain_step, a bounded piece at a time, in whatever order crashes leave it.
 *
 * What is tied to something dying can so be deleted by any operation that makes room. An operation
 * that goes on with an object after that looks whether it is there (record_there).
 */
#include "core/store_int.h"

/* The ending list goes before the dying one. */
int lifetime_end_epoch(struct store *s)
{
	struct twz_list ending = s->super->ending, dying = s->super->dying;
	struct twz_record *last, *first;

	if (!ending.head)
		return 0;
	last = record_at(s, ending.tail);
	first = dying.head ? record_at(s, dying.head) : NULL;
	if (!last || (dying.head && !first))
		return TWZ_E_DAMAGED;
	UPDATE_PUT(&s->update, last, list_next, dying.head);
	if (first)
		UPDATE_PUT(&s->update, first, list_prev, ending.tail);
	else
		SUPER_PUT(s, dying.tail, ending.tail);
	SUPER_PUT(s, dying.head, ending.head);
	SUPER_PUT(s, ending.head, 0);
	SUPER_PUT(s, ending.tail, 0);
	return 0;
}

bool record_alive(const struct store *s, const struct twz_record *rec)
{
	return (rec->state == TWZ_STATE_LIVE || rec->state == TWZ_STATE_ENDING ||
		rec->state == TWZ_STATE_VIEW) &&
	       !(rec->end_epoch && rec->end_epoch < s->super->epoch) &&
	       !(rec->flags & TWZ_RECORD_GONE);
}

bool record_named(const struct store *s, const struct twz_record *rec)
{
	return !id_none(rec->id) &&
	       (id_equal(rec->id, s->super->root) || id_equal(rec->id, s->super->key) ||
		id_equal(rec->id, s->super->boot));
}

/* ---- lasting and ending ------------------------------------------------------------------------ */

/* Stages that the record is not on the list any more that its state says. */
static int unlist(struct store *s, uint64_t ref)
{
	const struct twz_record *rec = record_at(s, ref);

	if (rec->state == TWZ_STATE_VIEW)
		return list_remove(s, &s->super->views, ref);
	if (rec->state != TWZ_STATE_ENDING)
		return 0;
	return list_remove(
		s, rec->end_epoch == s->super->epoch ? &s->super->ending : &s->super->dying, ref);
}

/* Stages that an ending object lasts. */
static int last(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error = unlist(s, ref);

	UPDATE_PUT(&s->update, rec, state, TWZ_STATE_LIVE);
	UPDATE_PUT(&s->update, rec, end_epoch, 0);
	return error;
}

/* Stages that the object ends with this epoch. */
static int end(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error;

	if (rec->state == TWZ_STATE_ENDING)
		return 0;
	error = unlist(s, ref);
	if (!error)
		error = list_add(s, &s->super->ending, ref);
	UPDATE_PUT(&s->update, rec, state, TWZ_STATE_ENDING);
	UPDATE_PUT(&s->update, rec, end_epoch, s->super->epoch);
	return error;
}

int store_keep(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error;

	if (!rec || !record_alive(s, rec))
		return TWZ_E_NOTFOUND;
	if (rec->state != TWZ_STATE_ENDING)
		return 0;
	error = tie_check_keep(s, ref);
	return error ? error : update_end(&s->update, last(s, ref));
}

int store_end(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);

	if (!rec || !record_alive(s, rec))
		return TWZ_E_NOTFOUND;
	if (rec->identity.type == TWZ_TYPE_KEY)
		return TWZ_E_TYPE;
	return update_end(&s->update, end(s, ref));
}

int lifetime_revive(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error = rec->state == TWZ_STATE_ENDING ? last(s, ref) : 0;

	UPDATE_PUT(&s->update, rec, flags, 0);
	return update_end(&s->update, error);
}

/* ---- registered views -------------------------------------------------------------------------- */

int store_view_register(struct store *s, uint64_t ref, bool on)
{
	struct twz_record *rec = record_at(s, ref);
	int error;

	if (!rec || !record_alive(s, rec))
		return TWZ_E_NOTFOUND;
	if (rec->identity.type != TWZ_TYPE_VIEW)
		return TWZ_E_TYPE;
	if (rec->state == TWZ_STATE_ENDING)
		return TWZ_E_ARG;
	if (on == (rec->state == TWZ_STATE_VIEW))
		return 0;
	error = on ? list_add(s, &s->super->views, ref) : list_remove(s, &s->super->views, ref);
	UPDATE_PUT(&s->update, rec, state, on ? TWZ_STATE_VIEW : TWZ_STATE_LIVE);
	return update_end(&s->update, error);
}

/* A record that is met twice would have two before it: a list whose links agree has an end. */
int store_view_next(const struct store *s, uint64_t *ref)
{
	const struct twz_list *views = &s->super->views;
	const struct twz_record *rec = *ref ? record_at(s, *ref) : NULL;
	uint64_t before = *ref;

	if (before && (!rec || rec->state != TWZ_STATE_VIEW))
		return TWZ_E_DAMAGED;
	*ref = before ? rec->list_next : views->head;
	if (!*ref)
		return before == views->tail ? TWZ_E_NOTFOUND : TWZ_E_DAMAGED;
	rec = record_at(s, *ref);
	if (!rec || rec->state != TWZ_STATE_VIEW || rec->identity.type != TWZ_TYPE_VIEW)
		return TWZ_E_DAMAGED;
	if (STEP("check", "views: link") && rec->list_prev != before)
		return TWZ_E_DAMAGED;
	return STEP("sum", "views: record") && rec->sum != record_sum(rec) ? TWZ_E_DAMAGED : 0;
}

/* ---- deleting ---------------------------------------------------------------------------------- */

/* Stages: nobody finds the object any more. */
static int unindex(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);

	SUPER_PUT(s, nobjects, s->super->nobjects - 1);
	return index_remove(s, &s->super->objects, index_tag(s, rec->id), ref);
}

/* A key lives while there are objects under it, until the last one is freed. */
static int key_unused(struct store *s, const struct twz_record *rec)
{
	struct twz_account account;
	int error = rec->identity.type == TWZ_TYPE_KEY ? store_account(s, rec->id, &account)
						       : TWZ_E_NOTFOUND;

	if (error)
		return error == TWZ_E_NOTFOUND ? 0 : error;
	return STEP("check", "delete: key in use") && account.objects ? TWZ_E_BUSY : 0;
}

/* Draining can be what frees the last object under a key. */
static int key_wait(struct store *s, const struct twz_record *rec)
{
	int error;

	do
		error = key_unused(s, rec);
	while (store_make_room(s, error));
	return error;
}

/* Stages that the object is deleted: it is settled, and tied to nothing. */
static int die(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error = STEP("check", "recall: delete") ? recall(s, ref, TWZ_LEASE_ALL) : 0;

	if (!error)
		error = unlist(s, ref);
	if (!error)
		error = unindex(s, ref);
	if (!error)
		error = list_add(s, &s->super->dying, ref);
	UPDATE_PUT(&s->update, rec, state, TWZ_STATE_DYING);
	return error;
}

/* Stages that it is deleted, but for its pages, until the epoch ends. */
static int leave(struct store *s, uint64_t ref)
{
	UPDATE_PUT(&s->update, record_at(s, ref), flags, TWZ_RECORD_GONE);
	return end(s, ref);
}

int store_delete(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error;

	if (!rec || !record_alive(s, rec))
		return TWZ_E_NOTFOUND;
	error = !rec->nties && store_unsettled(s, ref) ? store_settle(s, ref) : 0;
	if (!error)
		error = key_wait(s, rec);
	if (error || !record_alive(s, rec)) /* both may have drained, and this was tied to that */
		return error;
	if (rec->nties)
		UPDATE_PUT(&s->update, rec, flags, TWZ_RECORD_MARKED);
	else
		error = die(s, ref);
	return update_end(&s->update, error);
}

int store_leave(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error;

	if (!rec || !record_alive(s, rec))
		return TWZ_E_NOTFOUND;
	error = key_wait(s, rec);
	if (error || !record_alive(s, rec))
		return error;
	if (rec->nties)
		UPDATE_PUT(&s->update, rec, flags, TWZ_RECORD_MARKED);
	else
		error = leave(s, ref);
	return update_end(&s->update, error);
}

int store_delete_gone(struct store *s, uint64_t ref)
{
	const struct twz_record *rec = record_at(s, ref);
	int error;

	if (!rec)
		return TWZ_E_NOTFOUND;
	if (!(rec->flags & TWZ_RECORD_GONE) || rec->end_epoch != s->super->epoch)
		return 0;
	error = store_unsettled(s, ref) ? store_settle(s, ref) : 0;
	return update_end(&s->update, error ? error : die(s, ref));
}

/* What is never deleted for want of ties is only untied. */
int lifetime_untied(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	enum store_held held = STORE_FREE;
	int error = record_named(s, rec) ? TWZ_E_BUSY : key_unused(s, rec);

	if (!error && s->held)
		held = s->held(rec->id);
	if (error == TWZ_E_BUSY || (held == STORE_TIED && rec->identity.type == TWZ_TYPE_KEY)) {
		UPDATE_PUT(&s->update, rec, flags, 0);
		return 0;
	}
	if (error)
		return error;
	switch (held) {
	case STORE_MAPPED:
		return leave(s, ref);
	case STORE_TIED: /* the mark stays: the home sees it */
		return end(s, ref);
	case STORE_FREE:
		break;
	}
	return die(s, ref);
}

/* ---- draining ---------------------------------------------------------------------------------- */

/* Stages that there is no such record any more. */
static int record_free(struct store *s, uint64_t ref)
{
	const struct twz_record *rec = record_at(s, ref);
	int error = list_remove(s, &s->super->dying, ref);

	if (!error && rec->account)
		error = account_leave(s, rec);
	if (!error)
		slab_give(s, &slab_records, ref);
	return error;
}

/* It came to the dying list with the end of its epoch. */
static int drain_ended(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	int error;

	if (store_unsettled(s, ref))
		return store_settle(s, ref);
	error = unindex(s, ref);
	UPDATE_PUT(&s->update, rec, state, TWZ_STATE_DYING);
	return update_end(&s->update, error);
}

/* Cuts the first tie into the object; what was tied by no other is deleted, settled a step before. */
static int drain_tie_in(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	uint64_t at = rec->tie_in;
	const struct twz_tie *tie = tie_at(s, at);
	struct twz_record *tied = tie ? record_at(s, tie->a) : NULL;
	bool goes;
	int error;

	if (!tied || (STEP("check", "drain: tie in") && tie->b != ref))
		return TWZ_E_DAMAGED;
	goes = tied->nties == 1 && record_alive(s, tied);
	if (goes && STEP("log", "drain: settle") && store_unsettled(s, tie->a))
		return store_settle(s, tie->a);
	error = tie_cut(s, at, tied, rec);
	if (!error && goes)
		error = lifetime_untied(s, tie->a);
	return update_end(&s->update, error);
}

/* Only what ended with its epoch has ties out when it dies. */
static int drain_tie_out(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	uint64_t at = rec->tie_out;
	const struct twz_tie *tie = tie_at(s, at);
	struct twz_record *to = tie ? record_at(s, tie->b) : NULL;

	if (!to || (STEP("check", "drain: tie out") && tie->a != ref))
		return TWZ_E_DAMAGED;
	return update_end(&s->update, tie_cut(s, at, rec, to));
}

/* Pages go first: to settle what is tied can take some. */
static int drain_pages(struct store *s, uint64_t ref)
{
	struct twz_record *rec = record_at(s, ref);
	bool ties = rec->tie_in || rec->tie_out;
	uint64_t next;
	int error = tree_free_step(s, rec, 0, ~0ull, &next);

	if (!error && (rec->level || ties) && !s->update.count)
		error = TWZ_E_DAMAGED; /* a tree without pages; a wrong number of them */
	if (!error)
		error = account_charge(s, rec);
	if (!error && !rec->level && !ties)
		error = record_free(s, ref);
	return update_end(&s->update, error);
}

/* One step for the first of the dying list. */
static int drain_step(struct store *s)
{
	uint64_t ref = s->super->dying.head;
	const struct twz_record *rec = record_at(s, ref);

	if (!rec || (rec->state != TWZ_STATE_DYING && rec->state != TWZ_STATE_ENDING))
		return TWZ_E_DAMAGED;
	if (rec->state == TWZ_STATE_ENDING)
		return drain_ended(s, ref);
	if (rec->npages || rec->level)
		return drain_pages(s, ref);
	if (rec->tie_in)
		return drain_tie_in(s, ref);
	return rec->tie_out ? drain_tie_out(s, ref) : drain_pages(s, ref);
}

int store_drain(struct store *s, int steps)
{
	while (s->super->dying.head) {
		int error;

		if (steps-- <= 0)
			return 1;
		error = drain_step(s);
		if (error)
			return error;
	}
	return 0;
}

/* Draining settles logs and can come here again: once is enough. */
bool store_make_room(struct store *s, int error)
{
	uint64_t before = s->super->nused;
	bool some = false;

	if ((error != TWZ_E_FULL && error != TWZ_E_LIMIT && error != TWZ_E_BUSY) || s->draining)
		return false;
	s->draining = true;
	/* A step can free nothing: a shared node has a holder less. */
	while (s->super->nused >= before && s->super->dying.head && store_drain(s, 1) >= 0)
		some = true;
	s->draining = false;
	return some;
}
