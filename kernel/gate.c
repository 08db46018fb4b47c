/* gate.c - crossings (gate.h). */
#include "core/gate.h"
#include "core/mem.h"
#include "kernel/account.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/gate.h"
#include "kernel/heap.h"
#include "kernel/log.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/syscall.h"
#include "kernel/view.h"

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

static void wake_all(struct stacks *s)
{
	while (!list_empty(&s->waiters)) {
		struct thread *t = list_of(s->waiters.next, struct thread, queue);

		list_remove(&t->queue);
		thread_wake(t);
	}
}

static void stacks_end(struct stacks *s)
{
	struct stacks **link = &s->of->stacks;

	wake_all(s);
	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	object_release(s->object);
	context_release(s->of);
	cache_give(&stacks_cache, s);
}

static inline void stacks_release(struct stacks *s)
{
	if (__builtin_expect(!--s->holds, 0))
		stacks_end(s);
}

static uint64_t bits(uint32_t n)
{
	return ~0ull >> (64 - n);
}

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
	*s = (struct stacks){.next = c->stacks,
			     .of = c,
			     .object = o,
			     .base = g->stack_base,
			     .size = g->stack_size,
			     .all = bits(g->nstacks),
			     .holds = 1};
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

/* The thread does again what it did when one is free. */
static int stacks_wait(struct thread *t, struct stacks *s)
{
	thread_sleep(t);
	list_add_last(&s->waiters, &t->queue);
	cpu_this()->reschedule |= RESCHEDULE_AGAIN;
	return TWZ_E_BUSY;
}

/* ---- warm ones ----------------------------------------------------------------------------------- */

static void warm_drop(struct warm *w)
{
	if (!w->stamp)
		return;
	w->stamp = 0;
	list_remove(&w->link);
	view_leave(w->to);
	stacks_release(w->stacks);
	if (w->object)
		object_release(w->object);
	context_release(w->context);
}

void gate_forget(struct view *view)
{
	for (struct list *l = view->entered.next, *next; l != &view->entered; l = next) {
		next = l->next;
		warm_drop(list_of(l, struct warm, link));
	}
}

/* Is what it was decided on as it was? */
static inline bool usable(const struct warm *w)
{
	return (w->round == w->context->round || !KSTEP("gate-round")) &&
	       !w->context->object->deleted;
}

static inline struct warm *warm_call(struct thread *t, const struct twz_sys_gate *to)
{
	struct gates *g = t->gates;

	if (!g)
		return NULL;
	for (struct warm *w = g->warm; w < g->warm + GATE_WARM; w++)
		if (w->stamp == t->subject->stamp && w->from == t->view && w->index == to->gate &&
		    same(w->context->object->id, to->context) &&
		    to->entry - w->first <= w->last - w->first && usable(w))
			return w;
	return NULL;
}

static inline bool covers(uint64_t start, uint64_t length, uint32_t align, uint64_t offset)
{
	return (offset - start < length || !KSTEP("gate-length")) &&
	       (!((offset - start) % align) || !KSTEP("gate-align"));
}

/* Of a jump to the object at the offset: what is in place, or leads elsewhere; there are no others. */
static inline struct warm *warm_jump(struct thread *t, const struct object *o, uint64_t offset)
{
	struct gates *g = t->gates;

	if (!g)
		return NULL;
	for (struct warm *w = g->warm; w < g->warm + GATE_WARM; w++)
		if (w->stamp == t->subject->stamp && w->object == o && w->from == t->view &&
		    w->jumps && covers(w->start, w->length, w->align, offset) && usable(w))
			return w;
	return NULL;
}

static int gates_make(struct thread *t)
{
	struct account *account = t->object->tables.account;
	uint64_t frame;

	if (t->gates)
		return 0;
	frame = account_take_zero(account);
	if (!frame)
		return account_error(account);
	t->gates = direct(frame);
	t->gates->thread = t;
	return 0;
}

/* ---- deciding ------------------------------------------------------------------------------------ */

/* As right_check, for who acts as that subject. */
static int check_as(struct thread *t, struct subject *subject, struct object *o, uint32_t want)
{
	struct subject *was = t->subject;
	int error;

	t->subject = subject;
	error = right_check(t, o, want);
	t->subject = was;
	return error;
}

static bool attached(const struct subject *s, const struct context *c)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->member[i].context == c)
			return true;
	return false;
}

/* May the thread enter there? Who has no right to the context is not told that there is a gate. */
static int may_enter(struct thread *t, const struct context *c, const struct twz_gate *g,
		     uint32_t entry)
{
	struct object *o;
	int error;

	if (attached(t->subject, c) || g->flags & TWZ_GATE_PUBLIC || !KSTEP("gate-right"))
		return 0;
	error = object_find(g->object, &o);
	if (error)
		return error;
	error = right_may_enter(t, o, g->start + (uint64_t)entry * g->align);
	object_release(o);
	if (error && !right_waits() && right_check(t, c->object, 0) && KSTEP("gate-untold"))
		return TWZ_E_NOTFOUND;
	return error;
}

/* The space that is entered, in use for one more. */
static int space_for(struct thread *t, struct context *c, const struct twz_gate *g,
		     struct space **to)
{
	struct object *view = t->view->object;
	struct subject *subject;
	int error = context_entered(t, c, g->flags & TWZ_GATE_IN_PLACE, &subject);

	if (error)
		return error;
	if (g->flags & TWZ_GATE_IN_PLACE)
		object_hold(view);
	else
		error = object_find(g->view, &view);
	if (!error) {
		if (!(g->flags & TWZ_GATE_IN_PLACE) && KSTEP("gate-view-use"))
			error = check_as(t, subject, view, TWZ_USE);
		if (!error)
			error = view_enter(view, subject, to);
		object_release(view);
	}
	subject_release(subject);
	return error;
}

/* The gate's object is held only where jumps are looked for. */
static int fill(struct thread *t, struct context *c, const struct twz_gate *g, struct warm *w)
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

/* Decides on the crossing, and makes it a warm one. May make the thread wait and do its call again. */
static int decide(struct thread *t, struct context *c, uint32_t index, uint32_t entry,
		  struct warm **out)
{
	const struct twz_gate *g = gate_of(c, index);
	const bool all = g && (attached(t->subject, c) || g->flags & TWZ_GATE_PUBLIC);
	struct warm new = {0}, *w;
	int error;

	if (!g || entry > last_entry(g))
		return TWZ_E_NOTFOUND;
	error = may_enter(t, c, g, entry);
	if (!error)
		error = gates_make(t);
	if (!error)
		error = fill(t, c, g, &new);
	if (error)
		return error;
	w = &t->gates->warm[t->gates->next++ % GATE_WARM];
	warm_drop(w);
	context_hold(c);
	new.context = c;
	new.round = c->round;
	new.stamp = t->subject->stamp;
	new.from = t->view;
	new.index = index;
	new.first = all ? 0 : entry;
	new.last = all ? last_entry(g) : entry;
	new.jumps = attached(t->subject, c);
	new.flags = (uint16_t)g->flags;
	new.align = g->align;
	new.start = g->start;
	new.length = g->length;
	new.base = g->base;
	new.handler = g->handler;
	new.handler_bytes = g->handler_bytes;
	new.vector_in = (uint16_t)g->vector_in;
	new.vector_out = (uint16_t)g->vector_out;
	*w = new;
	list_add_last(&w->to->view->entered, &w->link);
	*out = w;
	return 0;
}

/* ---- entering ------------------------------------------------------------------------------------ */

static void go(struct thread *t, struct space *space)
{
	t->space = space;
	t->view = space->view;
	t->subject = space->subject;
	view_load(cpu_this(), space);
}

static bool put_return(uint64_t at)
{
	user_open();
	user_put(at, 0, TWZ_GATE_RETURN, fail);
	user_close();
	return true;
fail:
	user_close();
	return false;
}

/* In place the caller's view says what is where. Does it show what the gate names? */
static inline bool shows(struct thread *t, uint64_t address, const struct object *o)
{
	return view_shows(t, address) == o || !KSTEP("gate-shows");
}

static inline void record(const struct thread *t, const struct warm *w, struct crossing *c)
{
	const struct regs *r = &t->regs;

	c->space = t->space;
	c->stacks = w->stacks;
	c->gate = w->index;
	c->flags = w->flags;
	c->vector_out = w->vector_out;
	c->rbx = r->rbx;
	c->rbp = r->rbp;
	c->r12 = r->r12;
	c->r13 = r->r13;
	c->r14 = r->r14;
	c->r15 = r->r15;
	c->rflags = r->rflags;
	c->fs = cpu_fs_get();
	c->gs = cpu_user_gs_get();
	c->handler_entry = t->handler_entry;
	c->handler_stack = t->handler_stack;
	c->handler_bytes = t->handler_bytes;
	c->depth = t->depth;
	cpu_control_get(&c->mxcsr, &c->fcw);
	c->deadline = CLOCK_NEVER;
}

/* What the callee finds in registers that hold no argument. */
static inline void scrub(struct thread *t, const struct warm *w, const struct subject *caller)
{
	const struct context *from = subject_active(caller);
	struct regs *r = &t->regs;

	r->r10 = r->r11 = 0;
	if (from && KSTEP("gate-identity")) {
		r->r10 = from->object->id.lo;
		r->r11 = from->object->id.hi;
	}
	r->rflags = RFLAGS_FIXED | RFLAGS_IF;
	if (KSTEP("gate-scrub"))
		r->rax = r->rbx = r->rbp = r->r12 = r->r13 = r->r14 = r->r15 = 0;
	if (KSTEP("gate-segments")) {
		cpu_fs_set(0);
		cpu_user_gs_set(0);
	}
	if (KSTEP("gate-vector"))
		cpu_vector_scrub(t->vector, w->vector_in);
}

/* What others want of the thread comes first; then it does again what it did. */
static __attribute__((noinline)) int obey_first(void)
{
	cpu_this()->reschedule |= RESCHEDULE | RESCHEDULE_AGAIN;
	return TWZ_E_BUSY;
}

/*
 * The crossing, to `at`, which was found to be this entry's place. The caller goes on at rip with rsp. On return
 * the thread is in the callee, with the arguments that it has in registers. TWZ_E_LIMIT; TWZ_E_BUSY;
 * TWZ_E_RIGHT: no stack that the callee may write to; TWZ_E_NOTFOUND: in place, something else is there.
 */
static inline __attribute__((always_inline)) int enter(struct thread *t, struct warm *w,
						       uint32_t entry, uint64_t at, uint64_t rip,
						       uint64_t rsp, bool wait)
{
	struct gates *g = t->gates;
	struct stacks *s = w->stacks;
	struct crossing *c = &g->crossing[g->depth];
	uint64_t free = s->all & ~s->used, low, top;

	if (__builtin_expect(t->flags & THREAD_WANTED, 0))
		return obey_first();
	if (g->depth == TWZ_GATE_DEPTH && KSTEP("gate-depth"))
		return TWZ_E_LIMIT;
	if (!free && KSTEP("gate-stacks"))
		return wait ? stacks_wait(t, s) : TWZ_E_BUSY;
	if (w->flags & TWZ_GATE_IN_PLACE && !shows(t, s->base, s->object))
		return TWZ_E_NOTFOUND;
	record(t, w, c);
	c->rip = rip;
	c->rsp = rsp;
	c->entry = entry;
	c->stack = free ? (uint32_t)__builtin_ctzll(free) : 0;
	low = s->base + c->stack * s->size;
	top = low + s->size - sizeof(uint64_t);
	go(t, w->to);
	if (!put_return(top)) {
		go(t, c->space);
		return TWZ_E_RIGHT;
	}
	s->used |= 1ull << c->stack;
	s->holds++;
	w->to->threads++;
	subject_hold(t->subject);
	g->depth++;
	scrub(t, w, c->space->subject);
	t->regs.rip = at;
	t->regs.rsp = top;
	t->handler_entry = w->handler;
	t->handler_stack = (low + w->handler_bytes) & ~15ull;
	t->handler_bytes = w->handler_bytes;
	t->depth = 0;
	return 0;
}

/* ---- leaving ------------------------------------------------------------------------------------- */

bool gate_defers(struct thread *t, enum gate_wanted wanted)
{
	struct gates *g = t->gates;
	bool must = wanted == GATE_SIGNAL;

	if (!gate_inside(t))
		return false;
	for (uint32_t i = 0; i < g->depth; i++)
		must |= !(g->crossing[i].flags & TWZ_GATE_ABORTABLE);
	if (!must)
		return false;
	g->wanted |= wanted;
	return true;
}

bool gate_withdraw(struct thread *t, enum gate_wanted wanted)
{
	bool was = gate_waits(t, wanted);

	if (was)
		t->gates->wanted &= ~wanted;
	return was;
}

static void ring(struct alarm *alarm)
{
	struct thread *t = list_of(alarm, struct gates, alarm)->thread;

	t->flags |= THREAD_LATE;
	thread_interrupt(t);
	sync_interrupt(t);
}

/* For the first of the deadlines that has not passed. */
static void arm(struct gates *g)
{
	uint64_t first = CLOCK_NEVER, now = cycles();

	for (uint32_t i = 0; i < g->depth; i++)
		if (g->crossing[i].deadline > now && g->crossing[i].deadline < first)
			first = g->crossing[i].deadline;
	alarm_cancel(&g->alarm);
	if (first == CLOCK_NEVER)
		return;
	alarm_set(&g->alarm, first, ring);
	clock_arm(cpu_this(), first);
}

/* What has waited for the boundary: now, if this was it; else it waits on. */
static __attribute__((noinline)) void boundary(struct thread *t, struct gates *g)
{
	const uint32_t wanted = g->wanted;

	g->wanted = 0;
	if (wanted & GATE_END && !gate_defers(t, GATE_END))
		t->flags |= THREAD_ENDING;
	if (wanted & GATE_SUSPEND && !gate_defers(t, GATE_SUSPEND))
		t->flags |= THREAD_SUSPENDED;
	if (wanted & GATE_SIGNAL && !gate_defers(t, GATE_SIGNAL) && t->page->signals)
		t->flags |= THREAD_SIGNALLED;
	if (wanted & GATE_LATE)
		t->flags |= THREAD_LATE;
	cpu_this()->reschedule |= RESCHEDULE;
}

static inline void restore(struct thread *t, const struct crossing *c)
{
	struct regs *r = &t->regs;

	if (KSTEP("gate-scrub-back"))
		r->rcx = r->rsi = r->rdi = r->r8 = r->r9 = r->r10 = r->r11 = 0;
	r->rbx = c->rbx;
	r->rbp = c->rbp;
	r->r12 = c->r12;
	r->r13 = c->r13;
	r->r14 = c->r14;
	r->r15 = c->r15;
	r->rip = c->rip;
	r->rsp = c->rsp;
	r->rflags = c->rflags;
	cpu_fs_set(c->fs);
	cpu_user_gs_set(c->gs);
	t->handler_entry = c->handler_entry;
	t->handler_stack = c->handler_stack;
	t->handler_bytes = c->handler_bytes;
	t->depth = c->depth;
	if (KSTEP("gate-vector-back"))
		cpu_vector_scrub(t->vector, c->vector_out);
	cpu_control_set(&c->mxcsr, &c->fcw);
}

/* What a crossing had is given back, but for the thread's place in its space. */
static inline void give_stack(struct crossing *c)
{
	struct stacks *s = c->stacks;

	s->used &= ~(1ull << c->stack);
	if (__builtin_expect(!list_empty(&s->waiters), 0))
		wake_all(s);
	stacks_release(s);
}

/* Back to the caller, with these results. */
static inline __attribute__((always_inline)) void leave(struct thread *t, uint64_t rax,
							uint64_t rdx)
{
	struct gates *g = t->gates;
	struct crossing *c = &g->crossing[--g->depth];
	struct space *from = t->space;
	struct subject *was = t->subject;

	go(t, c->space);
	subject_release(was);
	view_leave(from);
	t->regs.rax = rax;
	t->regs.rdx = rdx;
	restore(t, c);
	give_stack(c);
	if (__builtin_expect(c->deadline != CLOCK_NEVER, 0))
		arm(g);
	if (__builtin_expect(g->wanted, 0))
		boundary(t, g);
}

int64_t sys_gate_return(struct thread *t, struct regs *r)
{
	if (!gate_inside(t))
		return TWZ_E_NOTFOUND;
	leave(t, A0(r), A1(r));
	return SYSCALL_REPLACED;
}

void gate_fail(struct thread *t, int error)
{
	leave(t, (uint64_t)(int64_t)error, 0);
}

void gate_late(struct thread *t)
{
	struct gates *g = t->gates;
	uint64_t now = cycles();
	uint32_t first = 0;

	while (first < g->depth && g->crossing[first].deadline > now)
		first++;
	if (first >= g->depth)
		return;
	for (uint32_t i = first; i < g->depth; i++)
		if (!(g->crossing[i].flags & TWZ_GATE_ABORTABLE)) {
			g->wanted |= GATE_LATE;
			return;
		}
	while (g->depth > first)
		gate_fail(t, TWZ_E_TIMEOUT);
}

void gate_end(struct thread *t)
{
	struct gates *g = t->gates;
	struct account *account = t->object->tables.account;

	if (!g)
		return;
	alarm_cancel(&g->alarm);
	while (g->depth) {
		struct crossing *c = &g->crossing[--g->depth];

		subject_release(t->subject);
		view_leave(t->space);
		t->space = c->space;
		t->view = c->space->view;
		t->subject = c->space->subject;
		give_stack(c);
	}
	for (struct warm *w = g->warm; w < g->warm + GATE_WARM; w++)
		warm_drop(w);
	t->gates = NULL;
	account_give(account, physical(g));
}

/* ---- by a call ----------------------------------------------------------------------------------- */

static __attribute__((noinline)) int decide_call(struct thread *t, struct twz_sys_gate called,
						 struct warm **w)
{
	const struct twz_sys_gate *to = &called;
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

static void set_deadline(struct gates *g, uint64_t timeout_ns)
{
	uint64_t now = cycles(), after = clock_cycles(timeout_ns);

	if (after < CLOCK_NEVER - now)
		g->crossing[g->depth - 1].deadline = now + after;
	arm(g);
}

/* Word by word, so that they stay in registers. */
static inline bool read_call(uint64_t from, struct twz_sys_gate *to)
{
	uint64_t lo, hi, where, timeout_ns, how;

	if (!user_range(from, sizeof(*to)))
		return false;
	user_open();
	user_get(&lo, from, offsetof(struct twz_sys_gate, context.lo), fail);
	user_get(&hi, from, offsetof(struct twz_sys_gate, context.hi), fail);
	user_get(&where, from, offsetof(struct twz_sys_gate, gate), fail);
	user_get(&timeout_ns, from, offsetof(struct twz_sys_gate, timeout_ns), fail);
	user_get(&how, from, offsetof(struct twz_sys_gate, flags), fail);
	user_close();
	*to = (struct twz_sys_gate){.context = {lo, hi},
				    .gate = (uint32_t)where,
				    .entry = (uint32_t)(where >> 32),
				    .timeout_ns = timeout_ns,
				    .flags = (uint32_t)how,
				    .reserved = (uint32_t)(how >> 32)};
	return true;
fail:
	user_close();
	return false;
}

int64_t sys_gate_call(struct thread *t, struct regs *r)
{
	const uint64_t a3 = r->r10;
	struct twz_sys_gate to;
	struct warm *w;
	int error;

	if (!read_call(r->r9, &to))
		return TWZ_E_OUTSIDE;
	if (to.flags & ~TWZ_GATE_NOWAIT || to.reserved)
		return TWZ_E_ARG;
	w = warm_call(t, &to);
	if (!w) {
		struct warm *decided;

		error = decide_call(t, to, &decided);
		if (error)
			return error;
		w = decided;
	}
	if (to.timeout_ns != ~0ull && !(w->flags & TWZ_GATE_ABORTABLE) && KSTEP("gate-abortable"))
		return TWZ_E_ARG;
	if (w->flags & TWZ_GATE_IN_PLACE && !shows(t, w->base, w->object))
		return TWZ_E_NOTFOUND;
	error = enter(t, w, to.entry, w->base + w->start + (uint64_t)to.entry * w->align, r->rip,
		      r->rsp, !(to.flags & TWZ_GATE_NOWAIT));
	if (error)
		return error;
	r->rcx = a3;
	r->r9 = 0;
	if (__builtin_expect(to.timeout_ns != ~0ull, 0))
		set_deadline(t->gates, to.timeout_ns);
	return SYSCALL_REPLACED;
}

/* ---- by a jump ----------------------------------------------------------------------------------- */

static inline bool get_return(uint64_t from, uint64_t *rip)
{
	uint64_t left;

	if (!user_range(from, sizeof(*rip)))
		return false;
	user_open();
	left = user_copy(rip, (const void *)from, 1);
	user_close();
	return !left && *rip < USER_END;
}

/* The context's gate that has an entry there; true if it could be decided on. */
static bool decide_of(struct thread *t, struct context *c, const struct object *o, uint64_t offset,
		      struct warm **w)
{
	const struct twz_gate *g;

	for (uint32_t i = 0; i < GATES_FOR_JUMPS && (g = gate_of(c, i)); i++)
		if (same(g->object, o->id) && covers(g->start, g->length, g->align, offset))
			return !decide(t, c, i, (uint32_t)((offset - g->start) / g->align), w);
	return false;
}

/* Only what the thread may not execute is a gate to it. */
static __attribute__((noinline)) bool decide_jump(struct thread *t, struct object *o,
						  uint64_t offset, struct warm **w)
{
	struct subject *s = t->subject;

	if (right_of(t, o) & TWZ_EXEC && KSTEP("gate-not-executable"))
		return false;
	for (uint32_t i = 0; i < s->count; i++)
		if (i != s->active && decide_of(t, s->member[i].context, o, offset, w))
			return true;
	return false;
}

bool gate_jump(struct thread *t, uint64_t address)
{
	const uint64_t rsp = t->regs.rsp, offset = address % TWZ_SLOT_SIZE;
	struct object *o;
	struct warm *w;
	uint64_t rip, at;
	uint32_t entry;

	if (address != t->regs.rip)
		return false; /* in the middle of an instruction */
	if (address == TWZ_GATE_RETURN && gate_inside(t)) {
		leave(t, t->regs.rax, t->regs.rdx);
		return true;
	}
	o = address < GATE_SLOTS_END ? view_shows(t, address) : NULL;
	if (!o)
		return false;
	w = warm_jump(t, o, offset);
	if (!w && !decide_jump(t, o, offset, &w))
		return right_waits();
	if (!get_return(rsp, &rip))
		return right_waits();
	entry = (uint32_t)((offset - w->start) / w->align);
	at = w->flags & TWZ_GATE_IN_PLACE ? address : w->base + offset;
	return !enter(t, w, entry, at, rip, rsp + sizeof(rip), true) || right_waits();
}

/* ---- what the callee asks ------------------------------------------------------------------------ */

int64_t sys_gate_caller(struct thread *t, struct regs *r)
{
	const struct crossing *c;
	const struct context *from;
	struct twz_sys_caller caller = {0};

	if (!gate_inside(t))
		return TWZ_E_NOTFOUND;
	c = &t->gates->crossing[t->gates->depth - 1];
	from = subject_active(c->space->subject);
	if (from)
		caller.context = from->object->id;
	caller.key = subject_key(c->space->subject);
	caller.thread = t->object->id;
	caller.gate = c->gate;
	caller.entry = c->entry;
	caller.depth = t->gates->depth;
	return user_write(A0(r), &caller, sizeof(caller));
}

int64_t sys_gate_may(struct thread *t, struct regs *r)
{
	struct object *o;
	int error;

	if (A2(r) & ~(uint64_t)TWZ_PERM_ALL)
		return TWZ_E_ARG;
	if (!gate_inside(t))
		return TWZ_E_NOTFOUND;
	error = object_find(id_argument(r), &o);
	if (error)
		return error;
	error = check_as(t, t->gates->crossing[t->gates->depth - 1].space->subject, o,
			 (uint32_t)A2(r));
	object_release(o);
	return error;
}
