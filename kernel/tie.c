/* tie.c - ties in memory, and which are the store's (tie.h). */
#include "kernel/tie.h"
#include "kernel/account.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/heap.h"
#include "kernel/nvm.h"
#include "kernel/step.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"

#define END_CYCLES 20000u /* a step of what ends goes on for so long */

static struct cache ties = CACHE(struct tie);
TWZ_PIN(sizeof(struct tie) == 64);

/* ---- an object's ties ---------------------------------------------------------------------------- */

/*
 * A digital search tree: at each node the next bit of the key says where to go on. Keys are all different
 * (the factor is odd), so it is never deeper than they have bits, whoever makes ties to what.
 */
static uint64_t key_of(const struct object *to)
{
	return (uint64_t)to * 0x9e3779b97f4a7c15ull;
}

/* Where the tie to that is, or would be. */
static struct tie **place_of(struct object *o, const struct object *to)
{
	struct tie **place = &o->ties;

	for (uint64_t key = key_of(to); *place && (*place)->to != to; key <<= 1)
		place = &(*place)->child[key >> 63];
	return place;
}

/* Any leaf below can take the place of a node. */
static void take_out(struct tie **place)
{
	struct tie *t = *place, *leaf, **last = place;

	while ((*last)->child[0] || (*last)->child[1])
		last = &(*last)->child[!(*last)->child[0]];
	leaf = *last;
	*last = NULL;
	if (leaf == t)
		return;
	leaf->child[0] = t->child[0];
	leaf->child[1] = t->child[1];
	*place = leaf;
}

/* Of the walk: a node, then what is below it. Null for the first; *gone: there is no such tie any more. */
static struct tie *out_after(const struct object *o, const struct object *to, bool *gone)
{
	struct tie *t = o->ties, *later = NULL;

	if (!to)
		return t;
	for (uint64_t key = key_of(to); t && t->to != to; key <<= 1) {
		if (!(key >> 63) && t->child[1])
			later = t->child[1];
		t = t->child[key >> 63];
	}
	*gone = !t;
	return !t ? NULL : t->child[0] ? t->child[0] : t->child[1] ? t->child[1] : later;
}

static struct tie *in_after(struct object *o, struct object *other, bool *gone)
{
	struct list *l = &o->ties_in;

	if (other) {
		struct tie *t = *place_of(other, o);

		*gone = !t;
		if (!t)
			return NULL;
		l = &t->in;
	}
	return l->next == &o->ties_in ? NULL : list_of(l->next, struct tie, in);
}

/* ---- one tie --------------------------------------------------------------------------------------- */

static bool persistent(const struct object *o)
{
	return o->medium->persistent;
}

/* Is it one that the store keeps? */
static bool stored(const struct object *o, const struct object *to)
{
	return persistent(o) && persistent(to);
}

static bool keeps(uint32_t kinds)
{
	return kinds & TWZ_TIE_KINDS;
}

static void set_kinds(struct tie *t, uint32_t kinds)
{
	t->object->kept += (uint32_t)keeps(kinds) - (uint32_t)keeps(t->kinds);
	t->kinds = kinds;
}

/* What pays for one more tie of it; *account stays null if there is nothing to pay. */
static int charge(const struct object *o, const struct object *to, struct account *maker,
		  struct account **account)
{
	if (persistent(o) && !none(o->identity.key))
		return account_charge_key(o->identity.key, 1, account);
	if (!persistent(o) && !persistent(to) && !o->pays)
		return 0;
	*account = persistent(o) ? maker : o->tables.account;
	return account_charge(*account, 1) ? 0 : TWZ_E_LIMIT;
}

/* A persistent object that was known for its ties only is a cache now. */
static void let_go(struct object *o)
{
	if (persistent(o) && !o->holds && !o->deleted && !tie_any(o))
		object_unheld(o);
}

static void drop(struct tie *t)
{
	struct object *o = t->object, *to = t->to;

	set_kinds(t, 0);
	take_out(place_of(o, to));
	list_remove(&t->in);
	if (t->account)
		account_credit(t->account, 1);
	else
		o->pays = false;
	cache_give(&ties, t);
	let_go(o);
	let_go(to);
}

/* Without a kind yet. */
static int add(struct object *o, struct object *to, struct account *maker, struct tie **out)
{
	struct account *account = NULL;
	int error = KSTEP("charge-tie") ? charge(o, to, maker, &account) : 0;
	struct tie *t;

	if (error)
		return error;
	t = cache_take(&ties);
	if (!t) {
		if (account)
			account_credit(account, 1);
		return TWZ_E_NOMEM;
	}
	t->object = o;
	t->to = to;
	t->account = account;
	o->pays |= !account;
	*place_of(o, to) = t;
	list_add_last(&to->ties_in, &t->in);
	*out = t;
	error = persistent(o) ? nvm_end(o) : 0;
	if (error)
		drop(t);
	return error;
}

/* ---- what they mean -------------------------------------------------------------------------------- */

static bool marked(const struct object *o)
{
	return o->marked || (persistent(o) && nvm_marked(o));
}

bool tie_holds(const struct object *o)
{
	return o->kept || (persistent(o) && nvm_ties(o));
}

bool tie_stays(const struct object *o)
{
	return marked(o) ? o->kept : o->ties != NULL;
}

/* The store has to know it as soon as it has a tie there; until then it ends with the epoch anyhow. */
static int mark_in_store(struct object *o)
{
	return o->marked && persistent(o) && nvm_ties(o) ? nvm_mark(o) : 0;
}

int tie_mark(struct object *o)
{
	o->marked = true;
	return mark_in_store(o);
}

/* A thread goes when it ends; its object is there for longer. */
static bool has_ended(const struct object *o)
{
	return o->identity.type == TWZ_TYPE_THREAD && !o->thread;
}

static int make_in_store(struct object *o, struct object *to, uint32_t flags)
{
	int error = flags & TWZ_TIE_SCOPED ? TWZ_E_ARG : nvm_tie(o, to, flags);

	return error ? error : mark_in_store(o);
}

int tie_make(struct object *o, struct object *to, uint32_t flags, struct account *maker)
{
	uint32_t kinds = flags & (TWZ_TIE_KINDS | TWZ_TIE_SCOPED);
	struct tie *t = *place_of(o, to);
	int error;

	if (o == to)
		return TWZ_E_ARG;
	if (stored(o, to))
		return make_in_store(o, to, flags);
	if (KSTEP("tie-ended") && has_ended(to))
		return TWZ_E_NOTFOUND;
	error = persistent(o) ? nvm_may_end(o, flags & TWZ_TIE_ENDING) : 0;
	if (!error && !t)
		error = add(o, to, maker, &t);
	if (!error)
		set_kinds(t, t->kinds | (kinds ? kinds : TWZ_TIE_PLAIN));
	return error;
}

/* Any tie of it but the one to that. */
static struct tie *another(const struct object *o, const struct object *to)
{
	struct tie *t = o->ties;

	if (!t || t->to != to)
		return t;
	return t->child[0] ? t->child[0] : t->child[1];
}

int tie_end_gone(struct object *o, const struct object *to)
{
	uint64_t start = cycles();
	struct tie *t;

	if (!stored(o, to) && !*place_of(o, to))
		return 0;
	/* With what a SCOPED one leads to it goes in any case. */
	while ((t = another(o, to)) && (t->to->deleted || has_ended(t->to)) &&
	       !(t->kinds & TWZ_TIE_SCOPED)) {
		if (cycles() - start >= END_CYCLES)
			return 1;
		drop(t);
	}
	return persistent(o) ? nvm_cut_gone(o, persistent(to) ? to : NULL) : 0;
}

int tie_undo(struct object *o, struct object *to, uint32_t kinds)
{
	struct tie *t = *place_of(o, to);

	kinds = kinds ? kinds : TWZ_TIE_PLAIN;
	if (stored(o, to))
		return nvm_untie(o, to, kinds);
	if (!t || !(t->kinds & kinds))
		return TWZ_E_NOTFOUND;
	if (t->kinds & ~kinds)
		set_kinds(t, t->kinds & ~kinds);
	else
		drop(t);
	return marked(o) && !tie_holds(o) ? object_delete(o) : 0;
}

/* ---- the walk -------------------------------------------------------------------------------------- */

static int next(struct object *o, struct object *other, struct twz_sys_tie *walk)
{
	bool gone = false;
	struct tie *t;

	if (persistent(o) && (!other || persistent(other))) {
		int error = nvm_tie_next(o, other, walk);

		if (error != TWZ_E_NOTFOUND)
			return error;
		other = NULL; /* then those that are in memory */
	}
	do { /* what is deleted is not found any more */
		t = walk->in ? in_after(o, other, &gone) : out_after(o, other, &gone);
		if (!t)
			return gone ? TWZ_E_BUSY : TWZ_E_NOTFOUND;
		other = walk->in ? t->object : t->to;
	} while (other->deleted);
	walk->other = other->id;
	walk->kinds = t->kinds;
	return 0;
}

static int next_of_both(struct object *o, struct twz_sys_tie *walk)
{
	struct object *other = NULL;
	int error = none(walk->other) ? 0 : object_find(walk->other, &other);

	if (error)
		return error == TWZ_E_NOTFOUND ? TWZ_E_BUSY : error;
	error = next(o, other, walk);
	if (other)
		object_release(other);
	if (error != TWZ_E_NOTFOUND || walk->in)
		return error;
	*walk = (struct twz_sys_tie){.in = 1};
	return next(o, NULL, walk);
}

int tie_next(struct object *o, struct twz_sys_tie *walk)
{
	int error = next_of_both(o, walk);

	if (!error && !walk->in && marked(o))
		walk->kinds |= TWZ_TIE_MARKED;
	return error;
}

/* ---- the end --------------------------------------------------------------------------------------- */

/* Is there nothing left that it is tied to, or that keeps it from going? */
static bool goes(const struct object *o)
{
	return !tie_stays(o) && !(persistent(o) && nvm_ties(o));
}

/* What it is tied to is gone. A key that is in use stays, untied. */
static void end_in(struct tie *t)
{
	struct object *o = t->object;
	const bool scoped = t->kinds & TWZ_TIE_SCOPED;

	object_hold(o); /* it is no cache, as it is tied */
	drop(t);
	if (scoped && o->thread && KSTEP("ties"))
		thread_kill(o->thread, THREAD_KILLED);
	if ((scoped || goes(o)) && KSTEP("ties"))
		object_delete(o);
	object_release(o);
}

bool tie_end_some(struct object *o)
{
	uint64_t start = cycles();

	while (!list_empty(&o->ties_in) && cycles() - start < END_CYCLES)
		end_in(list_of(o->ties_in.next, struct tie, in));
	return list_empty(&o->ties_in);
}

bool tie_drop_some(struct object *o)
{
	uint64_t start = cycles();

	while (o->ties && cycles() - start < END_CYCLES)
		drop(o->ties);
	return !o->ties;
}
