/* warm.c - deciding on crossings (warm.h). */
#include "core/gate.h"
#include "kernel/account.h"
#include "kernel/gate.h"
#include "kernel/heap.h"
#include "kernel/right.h"
#include "kernel/syscall.h"
#include "kernel/warm.h"

#define GATES_FOR_JUMPS 64u /* of a context: where jumps are looked up */

static struct cache stacks_cache = CACHE(struct stacks);

static bool same(struct twz_id a, struct twz_id b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* ---- gates as contexts list them ----------------------------------------------------------------- */

/* In the context's snapshot, which does not change; null if it has no such gate. */
static const struct twz_gate *gate_of(const struct context *c, uint32_t index)
{
	const struct right_context *r = &c->rights;
	const struct twz_context *header =
		r->bytes ? r->at(r, TWZ_OBJ_DATA, sizeof(*header)) : NULL;
	const struct twz_gate *g;
	uint64_t at;

	if (!header || index >= header->ngates || header->gates < TWZ_OBJ_DATA ||
	    header->gates % sizeof(*g) || header->gates >= TWZ_OBJ_DATA + r->bytes)
		return NULL;
	at = header->gates + index * sizeof(*g);
	g = at < TWZ_OBJ_DATA + r->bytes ? r->at(r, at, sizeof(*g)) : NULL;
	return g && (gate_sound(g) || !KSTEP("gate-sound")) ? g : NULL;
}

/* The entries that it has are 0 to this one. */
static uint32_t last_entry(const struct twz_gate *g)
{
	return (uint32_t)((g->length - 1) / g->align);
}

/* ---- stacks -------------------------------------------------------------------------------------- */

void stacks_wake(struct stacks *s)
{
	while (!list_empty(&s->waiters)) {
		struct thread *t = list_of(s->waiters.next, struct thread, queue);

		list_remove(&t->queue);
		thread_wake(t);
	}
}

void stacks_end(struct stacks *s)
{
	struct stacks **link = &s->of->stacks;

	stacks_wake(s);
	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	object_release(s->object);
	context_release(s->of);
	cache_give(&stacks_cache, s);
}

int stacks_wait(struct thread *t, struct stacks *s)
{
	thread_sleep(t);
	list_add_last(&s->waiters, &t->queue);
	cpu_this()->reschedule |= RESCHEDULE_AGAIN;
	return TWZ_E_BUSY;
}

static void stacks_release(struct stacks *s)
{
	if (!(--s->holds | s->used))
		stacks_end(s);
}

static uint64_t bits(uint32_t n)
{
	return ~0ull >> (TWZ_GATE_STACKS_MAX - n);
}
TWZ_PIN(TWZ_GATE_STACKS_MAX == 64);

static int stacks_new(struct context *c, const struct twz_gate *g, struct stacks **out)
{
	struct stacks *s;
	struct object *o;
	int error = object_find(g->stacks, &o);

	if (error)
		return error;
	s = cache_take(&stacks_cache);
	if (!s) {
		object_release(o);
		return TWZ_E_NOMEM;
	}
	s->next = c->stacks;
	s->of = c;
	s->object = o;
	s->base = g->stack_base;
	s->size = g->stack_size;
	s->all = bits(g->nstacks);
	s->holds = 1;
	list_init(&s->waiters);
	context_hold(c);
	c->stacks = s;
	*out = s;
	return 0;
}

/* Held. TWZ_E_BUSY: threads are on them, as another publishing has laid them out. */
static int stacks_of(struct context *c, const struct twz_gate *g, struct stacks **out)
{
	for (struct stacks *s = c->stacks; s; s = s->next) {
		if (!same(s->object->id, g->stacks))
			continue;
		if (s->base == g->stack_base && s->size == g->stack_size &&
		    s->all == bits(g->nstacks)) {
			s->holds++;
			*out = s;
			return 0;
		}
		if (s->used && KSTEP("gate-stacks-laid-out"))
			return TWZ_E_BUSY;
	}
	return stacks_new(c, g, out);
}

/* ---- deciding ------------------------------------------------------------------------------------ */

static bool attached(const struct subject *s, const struct context *c)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->member[i].context == c)
			return true;
	return false;
}

/* It has contexts that it cannot leave, and the gate leads out of them. */
static bool leaves_limits(const struct subject *s, const struct twz_gate *g)
{
	bool limited = false;

	for (uint32_t i = 0; i < s->count; i++)
		limited |= s->member[i].undetachable;
	return limited && !(g->flags & TWZ_GATE_IN_PLACE) && KSTEP("gate-leaves-limits");
}

/* All entries are for whoever is attached, or for all. */
static bool is_common(const struct thread *t, const struct context *c, const struct twz_gate *g)
{
	return attached(t->subject, c) || g->flags & TWZ_GATE_PUBLIC || !KSTEP("gate-right");
}

static bool is_open(const struct thread *t, const struct context *c, const struct twz_gate *g)
{
	return is_common(t, c, g) && !leaves_limits(t->subject, g);
}

/* A gate that is asked for: the entry's offset in its object; and the context that it leads to. */
struct asked {
	struct object *object; /* held */
	const struct context *to;
	uint64_t offset;
};

/* A capability may be for either: programs that are everybody's have no key that could sign one. */
static int may_by_capability(struct thread *t, const struct context *of, const struct asked *a)
{
	int error = right_may_enter(t, of, a->object, a->offset);

	if (error && !right_waits())
		error = right_may_enter(t, of, a->to->object, a->offset);
	return error;
}

/*
 * Who cannot leave a context can make others, and gates of them: so each that it cannot leave must itself hold
 * a capability for the entry that leads out.
 */
static int may_leave(struct thread *t, const struct twz_gate *g, const struct asked *a)
{
	const struct subject *s = t->subject;
	int error = 0;

	for (uint32_t i = 0; !error && leaves_limits(s, g) && i < s->count; i++)
		if (s->member[i].undetachable)
			error = may_by_capability(t, s->member[i].context, a);
	return error;
}

/* May the thread enter there? Who has no right to the context is not told that there is a gate. */
static int may_enter(struct thread *t, const struct context *c, const struct twz_gate *g,
		     uint32_t entry)
{
	struct asked a = {.to = c, .offset = g->start + (uint64_t)entry * g->align};
	int error;

	if (is_open(t, c, g))
		return 0;
	error = object_find(g->object, &a.object);
	if (error)
		return error;
	error = may_leave(t, g, &a);
	if (!error && !is_common(t, c, g))
		error = may_by_capability(t, NULL, &a);
	object_release(a.object);
	if (error && !right_waits() && right_check(t, c->object, 0) && KSTEP("gate-untold"))
		return TWZ_E_NOTFOUND;
	return error;
}

/* The view that is entered, held, if the context may use it. */
static int view_of(struct thread *t, struct subject *subject, const struct twz_gate *g,
		   struct object **view)
{
	int error;

	if (g->flags & TWZ_GATE_IN_PLACE) {
		*view = t->view->object;
		object_hold(*view);
		return 0;
	}
	error = object_find(g->view, view);
	if (error)
		return error;
	if (KSTEP("gate-view-use"))
		error = right_check_as(t, subject, *view, TWZ_USE);
	if (error)
		object_release(*view);
	return error;
}

/* The space that is entered, in use for one more. */
static int space_for(struct thread *t, struct context *c, const struct twz_gate *g,
		     struct space **to)
{
	struct object *view;
	struct subject *subject;
	int error = context_entered(t, c, g->flags & TWZ_GATE_IN_PLACE, &subject);

	if (error)
		return error;
	error = view_of(t, subject, g, &view);
	if (!error) {
		error = view_enter(view, subject, to);
		object_release(view);
	}
	subject_release(subject);
	return error;
}

/* What it holds; the context is held by the caller. */
static int hold(struct thread *t, struct context *c, const struct twz_gate *g, struct warm *w)
{
	int error = space_for(t, c, g, &w->to);

	if (error)
		return error;
	error = stacks_of(c, g, &w->stacks);
	if (!error) {
		error = object_find(g->object, &w->object);
		if (!error)
			return 0;
		stacks_release(w->stacks);
	}
	view_leave(w->to);
	return error;
}

void warm_drop(struct warm *w)
{
	if (!w->stamp)
		return;
	w->stamp = 0;
	list_remove(&w->link);
	view_leave(w->to);
	stacks_release(w->stacks);
	object_release(w->object);
	context_release(w->context);
}

/* In the place of the one that was made longest ago. */
static struct warm *keep(struct thread *t, const struct warm *new)
{
	struct warm *w = &t->gates->warm[t->gates->made++ % GATE_WARM];

	warm_drop(w);
	*w = *new;
	context_hold(w->context);
	list_add_last(&w->to->view->entered, &w->link);
	return w;
}

static int decide(struct thread *t, struct context *c, uint32_t index, uint32_t entry,
		  struct warm **out)
{
	const struct context *from = subject_active(t->subject);
	const struct twz_gate *g = gate_of(c, index);
	struct warm w;
	int error;

	if (!g || entry > last_entry(g))
		return TWZ_E_NOTFOUND;
	error = may_enter(t, c, g, entry);
	if (!error)
		error = gates_make(t);
	if (error)
		return error;
	w = (struct warm){.stamp = t->subject->stamp,
			  .from = t->view,
			  .id = c->object->id,
			  .context = c,
			  .round = c->round,
			  .entered = {index, (uint16_t)g->flags, (uint16_t)g->vector_out},
			  .first = is_open(t, c, g) ? 0 : entry,
			  .more = is_open(t, c, g) ? last_entry(g) : 0,
			  .jumps = attached(t->subject, c),
			  .vector_in = (uint16_t)g->vector_in,
			  .align = g->align,
			  .handler_bytes = g->handler_bytes,
			  .start = g->start,
			  .length = g->length,
			  .entries = g->base + g->start,
			  .handler = g->handler,
			  .shown = ~0ull};
	if (from)
		w.caller = from->object->id;
	error = hold(t, c, g, &w);
	if (!error)
		*out = keep(t, &w);
	return error;
}

int warm_call(struct thread *t, const struct twz_sys_gate *to, struct warm **w)
{
	struct context *c;
	struct object *o;
	int error = object_find(to->context, &o);

	if (error) {
		context_abandon(t);
		return error;
	}
	error = context_prepare(t, o, false, &c);
	if (error == TWZ_E_TYPE)
		error = TWZ_E_NOTFOUND; /* as if there were no such object: no right to it was asked for */
	if (!error) {
		error = decide(t, c, to->gate, to->entry, w);
		if (right_waits())
			context_keep(t, c);
		context_release(c);
	}
	object_release(o);
	return error;
}

/* The first of the context's gates that has an entry there. */
static bool jump_into(struct thread *t, struct context *c, const struct object *o, uint64_t offset,
		      struct warm **w)
{
	const struct twz_gate *g;

	for (uint32_t i = 0; i < GATES_FOR_JUMPS && (g = gate_of(c, i)); i++)
		if (same(g->object, o->id) && warm_covers(g->start, g->length, g->align, offset))
			return !decide(t, c, i, (uint32_t)((offset - g->start) / g->align), w);
	return false;
}

/* Only what the thread may not execute is a gate to it. */
bool warm_jump(struct thread *t, struct object *o, uint64_t offset, struct warm **w)
{
	const struct subject *s = t->subject;

	if (right_of(t, o) & TWZ_EXEC && KSTEP("gate-not-executable"))
		return false;
	for (uint32_t i = 0; i < s->count; i++)
		if (i != s->active && jump_into(t, s->member[i].context, o, offset, w))
			return true;
	return false;
}
