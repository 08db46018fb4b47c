/*
 * gate.c - crossings (gate.h). What was decided on them is warm.c's: here is the way in and out, which is to be as
 * short as it can be.
 */
#include "core/gate.h"
#include "kernel/account.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/gate.h"
#include "kernel/lock.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/syscall.h"
#include "kernel/view.h"
#include "kernel/warm.h"

#define HOT inline __attribute__((always_inline))

/* ---- a thread's crossings ------------------------------------------------------------------------ */

int gates_make(struct thread *t)
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
	t->gates->next = t->gates->crossing;
	return 0;
}

void gate_forget(struct view *view)
{
	for (struct list *l = view->entered.next, *next; l != &view->entered; l = next) {
		next = l->next; /* with the last one the view may go */
		warm_drop(list_of(l, struct warm, link));
	}
}

/* Was it decided for who the thread is now, on what the entered context is now? */
static HOT bool good(const struct warm *w, const struct thread *t)
{
	return w->stamp == t->subject->stamp && w->from == t->view &&
	       (w->round == w->context->round || !KSTEP("gate-round"));
}

static HOT struct warm *find_call(struct thread *t, const struct twz_sys_gate *to)
{
	struct gates *g = t->gates;

	for (struct warm *w = g ? g->warm : NULL; g && w < g->warm + GATE_WARM; w++)
		if (w->id.lo == to->context.lo && w->id.hi == to->context.hi &&
		    w->entered.index == to->gate && to->entry - w->first <= w->more && good(w, t))
			return w;
	return NULL;
}

static HOT struct warm *find_jump(struct thread *t, const struct object *o, uint64_t offset)
{
	struct gates *g = t->gates;

	for (struct warm *w = g ? g->warm : NULL; g && w < g->warm + GATE_WARM; w++)
		if (w->object == o && w->jumps && good(w, t) &&
		    warm_covers(w->start, w->length, w->align, offset))
			return w;
	return NULL;
}

/* ---- entering ------------------------------------------------------------------------------------ */

static HOT void go(struct thread *t, struct space *space)
{
	t->space = space;
	t->view = space->view;
	t->subject = space->subject;
	view_load(cpu_this(), space);
}

static HOT bool put_return(uint64_t at)
{
	user_open();
	user_put(at, 0, TWZ_GATE_RETURN, fail);
	user_close();
	return true;
fail:
	user_close();
	return false;
}

/*
 * In place the caller's view says what is where: is that what the gate names? What it shows it goes on to show
 * until something is unbound.
 */
static __attribute__((noinline)) bool show(struct thread *t, struct warm *w)
{
	if ((view_shows(t, w->entries) != w->object ||
	     view_shows(t, w->stacks->base) != w->stacks->object) &&
	    KSTEP("gate-shows"))
		return false;
	w->shown = t->view->unbound;
	return true;
}

static HOT bool shows(struct thread *t, struct warm *w)
{
	return !(w->entered.flags & TWZ_GATE_IN_PLACE) || w->shown == t->view->unbound ||
	       show(t, w);
}

/* May the entered context still use its view? Grants are taken back without a word to its subject. */
static HOT bool may_show(const struct warm *w)
{
	return w->entered.flags & TWZ_GATE_IN_PLACE ||
	       right_as(w->to->subject, w->to->view->object) & TWZ_USE || !KSTEP("gate-view-use");
}

/* Of what a function keeps, what is in the general registers is for who has them. */
static HOT void record(const struct regs *r, const struct warm *w, struct crossing *c)
{
	c->rip = r->rip;
	c->rsp = r->rsp;
	c->rflags = r->rflags;
	c->stacks = w->stacks;
	c->entered = w->entered;
	c->deadline = CLOCK_NEVER;
	cpu_control_get(&c->mxcsr, &c->fcw);
	c->fs = cpu_fs_get();
}

/* What the callee finds besides general registers; r10 and r11 say who calls. */
static HOT void set_up(struct thread *t, const struct warm *w, struct crossing *c, uint64_t low)
{
	if (KSTEP("gate-identity")) {
		t->regs.r10 = w->caller.lo;
		t->regs.r11 = w->caller.hi;
	}
	t->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
	if (KSTEP("gate-segments")) {
		cpu_fs_set(0);
		c->gs = cpu_user_gs_swap(0);
	}
	if (KSTEP("gate-vector"))
		cpu_vector_scrub(t->vector, w->vector_in);
	c->before = t->handler;
	c->handler.entry = w->handler;
	c->handler.stack = low + w->handler_bytes;
	c->handler.bytes = w->handler_bytes;
	c->handler.depth = 0;
	t->handler = &c->handler;
}

/*
 * The crossing, to `at`, which was found to be the entry's place. The caller goes on as its registers say. On return
 * the thread is in the callee, but for the general registers that are no arguments: enter, or the entry
 * code, keeps them in the record and clears them. Null: something is in the way, and nothing was done.
 */
static HOT struct crossing *cross(struct thread *t, struct warm *w, uint32_t entry, uint64_t at)
{
	struct gates *g = t->gates;
	struct stacks *s = w->stacks;
	struct crossing *c = g->next;
	uint64_t free = s->all & ~s->used, low, top;

	if (__builtin_expect(t->flags & THREAD_WANTED, 0) ||
	    (g->depth == TWZ_GATE_DEPTH && KSTEP("gate-depth")) ||
	    (!free && KSTEP("gate-stacks")) || !shows(t, w) || !may_show(w))
		return NULL;
	c->stack = free & -free;
	low = s->base + (uint64_t)__builtin_ctzll(free) * s->size;
	top = low + s->size - sizeof(uint64_t);
	c->space = t->space;
	go(t, w->to);
	if (!put_return(top)) {
		go(t, c->space);
		return NULL;
	}
	s->used |= c->stack;
	w->to->threads++;
	g->depth++;
	g->next = c + 1;
	c->entry = entry;
	record(&t->regs, w, c);
	set_up(t, w, c, low);
	t->regs.rip = at;
	t->regs.rsp = top;
	return c;
}

/* The thread does again what it did, after what others want of it. */
static int do_again(void)
{
	cpu_this()->reschedule |= RESCHEDULE | RESCHEDULE_AGAIN;
	return TWZ_E_BUSY;
}

/* Who has one of the stacks waits for no other: it might be for itself. */
static bool is_on(const struct gates *g, const struct stacks *s)
{
	for (uint32_t i = 0; i < g->depth; i++)
		if (g->crossing[i].stacks == s)
			return true;
	return false;
}

/* Why there was no crossing. TWZ_E_RIGHT: no stack that the callee may write to. */
static __attribute__((noinline)) int refuse(struct thread *t, struct warm *w, bool wait)
{
	const struct gates *g = t->gates;
	struct stacks *s = w->stacks;
	int error;

	if (t->flags & THREAD_WANTED)
		return do_again();
	if (g->depth == TWZ_GATE_DEPTH)
		return TWZ_E_LIMIT;
	if (!(s->all & ~s->used))
		return wait && !is_on(g, s) ? stacks_wait(t, s) : TWZ_E_BUSY;
	if (!may_show(w)) {
		error = right_check_as(t, w->to->subject, w->to->view->object, TWZ_USE);
		return error ? error : do_again();
	}
	return shows(t, w) ? TWZ_E_RIGHT : TWZ_E_NOTFOUND;
}

/*
 * The same with all registers saved, to which the arguments have been moved by the caller. TWZ_E_LIMIT; TWZ_E_BUSY;
 * TWZ_E_RIGHT; TWZ_E_NOTFOUND: in place, something else is there.
 */
static HOT int enter(struct thread *t, struct warm *w, uint32_t entry, uint64_t at, bool wait)
{
	struct regs *r = &t->regs;
	struct crossing *c = cross(t, w, entry, at);

	if (!c)
		return refuse(t, w, wait);
	c->rbx = r->rbx;
	c->rbp = r->rbp;
	c->r12 = r->r12;
	c->r13 = r->r13;
	c->r14 = r->r14;
	c->r15 = r->r15;
	if (KSTEP("gate-scrub"))
		r->rax = r->rbx = r->rbp = r->r12 = r->r13 = r->r14 = r->r15 = 0;
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
		must |= !(g->crossing[i].entered.flags & TWZ_GATE_ABORTABLE);
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

/* What of the caller is not in general registers; those are to be taken from the record. */
static HOT struct crossing *uncross(struct thread *t)
{
	struct gates *g = t->gates;
	struct crossing *c = --g->next;
	struct space *from = t->space;

	g->depth--;
	go(t, c->space);
	view_leave(from);
	cpu_fs_set(c->fs);
	cpu_user_gs_swap(c->gs);
	t->handler = c->before;
	if (KSTEP("gate-vector-back"))
		cpu_vector_scrub(t->vector, c->entered.vector_out);
	cpu_control_set(&c->mxcsr, &c->fcw);
	stacks_give(c->stacks, c->stack);
	return c;
}

/* Back to the caller, with these results. */
static HOT void leave(struct thread *t, uint64_t rax, uint64_t rdx)
{
	const struct crossing *c = uncross(t);
	struct regs *r = &t->regs;

	if (KSTEP("gate-scrub-back"))
		r->rcx = r->rsi = r->rdi = r->r8 = r->r9 = r->r10 = r->r11 = 0;
	r->rax = rax;
	r->rdx = rdx;
	r->rbx = c->rbx;
	r->rbp = c->rbp;
	r->r12 = c->r12;
	r->r13 = c->r13;
	r->r14 = c->r14;
	r->r15 = c->r15;
	r->rip = c->rip;
	r->rsp = c->rsp;
	r->rflags = c->rflags;
	if (c->deadline != CLOCK_NEVER)
		arm(t->gates);
	if (t->gates->wanted)
		boundary(t, t->gates);
}

/* Nothing else is to be done, or waits to be done. */
const struct crossing *gate_return_now(struct thread *t)
{
	const struct gates *g = t->gates;
	const struct crossing *c = NULL;

	lock_take();
	if (g && g->depth && !(g->wanted | cpu_this()->reschedule) &&
	    g->next[-1].deadline == CLOCK_NEVER) {
		cpu_this()->calls++;
		c = uncross(t);
	}
	lock_give();
	return c;
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
		if (!(g->crossing[i].entered.flags & TWZ_GATE_ABORTABLE)) {
			g->wanted |= GATE_LATE;
			return;
		}
	while (g->depth > first)
		gate_fail(t, TWZ_E_TIMEOUT);
}

void gate_end(struct thread *t)
{
	struct gates *g = t->gates;

	if (!g)
		return;
	alarm_cancel(&g->alarm);
	while (g->depth) {
		struct crossing *c = --g->next;

		g->depth--;
		view_leave(t->space);
		t->space = c->space;
		t->view = c->space->view;
		t->subject = c->space->subject;
		stacks_give(c->stacks, c->stack);
	}
	for (struct warm *w = g->warm; w < g->warm + GATE_WARM; w++)
		warm_drop(w);
	t->gates = NULL;
	account_give(t->object->tables.account, physical(g));
}

/* ---- by a call ----------------------------------------------------------------------------------- */

/* If the short way has put the thread to sleep, the call is made again after that. */
int64_t sys_gate_call(struct thread *t, struct regs *r)
{
	(void)t, (void)r;
	return right_waits() ? TWZ_E_BUSY : SYSCALL_WHOLE;
}

static void set_deadline(struct gates *g, uint64_t timeout_ns)
{
	uint64_t now = cycles(), after = clock_cycles(timeout_ns);

	if (after < CLOCK_NEVER - now)
		g->next[-1].deadline = now + after;
	arm(g);
}

/* Word by word, so that they stay in registers. */
static HOT bool read_call(uint64_t from, struct twz_sys_gate *to)
{
	uint64_t lo = 0, hi = 0, where = 0, timeout_ns = 0, how = 0;

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

static HOT uint64_t entry_address(const struct warm *w, uint32_t entry)
{
	return w->entries + (uint64_t)entry * w->align;
}

int64_t gate_call(struct thread *t)
{
	struct regs *r = &t->regs;
	const uint64_t a3 = r->r10;
	struct twz_sys_gate to;
	struct warm *w;
	int error;

	if (!read_call(r->r9, &to))
		return TWZ_E_OUTSIDE;
	if (to.flags & ~TWZ_GATE_NOWAIT || to.reserved)
		return TWZ_E_ARG;
	w = find_call(t, &to);
	if (!w) {
		error = warm_call(t, &to, &w);
		if (error)
			return error;
	}
	if (to.timeout_ns != ~0ull && !(w->entered.flags & TWZ_GATE_ABORTABLE) &&
	    KSTEP("gate-abortable"))
		return TWZ_E_ARG;
	error = enter(t, w, to.entry, entry_address(w, to.entry), !(to.flags & TWZ_GATE_NOWAIT));
	if (error)
		return error;
	r->rcx = a3;
	r->r9 = 0;
	if (to.timeout_ns != ~0ull)
		set_deadline(t->gates, to.timeout_ns);
	return SYSCALL_REPLACED;
}

/* A warm crossing without a deadline, if nothing is in its way. */
struct crossing *gate_call_now(struct thread *t)
{
	struct crossing *c = NULL;
	struct twz_sys_gate to;
	struct warm *w;

	lock_take();
	if (read_call(t->regs.r9, &to) && !(to.flags | to.reserved) && !~to.timeout_ns &&
	    !cpu_this()->reschedule) {
		t->regs.rcx = t->regs.r10; /* the fourth argument */
		w = find_call(t, &to);
		if (w)
			c = cross(t, w, to.entry, entry_address(w, to.entry));
		cpu_this()->calls += !!c;
	}
	lock_give();
	return c;
}

/* ---- by a jump ----------------------------------------------------------------------------------- */

static HOT bool get_return(uint64_t from, uint64_t *rip)
{
	uint64_t left;

	if (!user_range(from, sizeof(*rip)))
		return false;
	user_open();
	left = user_copy(rip, (const void *)from, 1);
	user_close();
	return !left && *rip < USER_END;
}

bool gate_jump(struct thread *t, uint64_t address)
{
	const uint64_t rsp = t->regs.rsp, offset = address % TWZ_SLOT_SIZE;
	struct object *o;
	struct warm *w;
	uint64_t rip, at;

	if (address != t->regs.rip)
		return false; /* in the middle of an instruction */
	if (address == TWZ_GATE_RETURN && gate_inside(t)) {
		leave(t, t->regs.rax, t->regs.rdx);
		return true;
	}
	o = address < GATE_SLOTS_END ? view_shows(t, address) : NULL;
	if (!o)
		return false;
	w = find_jump(t, o, offset);
	if (!w && !warm_jump(t, o, offset, &w))
		return right_waits();
	if (!get_return(rsp, &rip))
		return right_waits();
	at = w->entered.flags & TWZ_GATE_IN_PLACE ? address : w->entries - w->start + offset;
	t->regs.rip = rip;
	t->regs.rsp = rsp + sizeof(rip);
	if (!enter(t, w, (uint32_t)((offset - w->start) / w->align), at, true))
		return true;
	t->regs.rip = address;
	t->regs.rsp = rsp;
	return right_waits();
}

/* ---- what the callee asks ------------------------------------------------------------------------ */

int64_t sys_gate_caller(struct thread *t, struct regs *r)
{
	const struct crossing *c;
	const struct context *from;
	struct twz_sys_caller caller = {0};

	if (!gate_inside(t))
		return TWZ_E_NOTFOUND;
	c = t->gates->next - 1;
	from = subject_active(c->space->subject);
	if (from)
		caller.context = from->object->id;
	caller.key = subject_key(c->space->subject);
	caller.thread = t->object->id;
	caller.gate = c->entered.index;
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
	error = right_check_as(t, t->gates->next[-1].space->subject, o, (uint32_t)A2(r));
	object_release(o);
	return error;
}
