/* thread.c - threads and the choice of the next one (thread.h). */
#include "core/mem.h"
#include "kernel/arch/x86_64/apic.h"
#include "kernel/account.h"
#include "kernel/context.h"
#include "kernel/console.h"
#include "kernel/fault.h"
#include "kernel/gate.h"
#include "kernel/ram.h"
#include "kernel/heap.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/thread.h"
#include "kernel/tie.h"
#include "kernel/view.h"

#define FRAMES 2u /* that a thread costs: its structure, and what is kept while it waits on words */

uint32_t threads_alive, threads_asleep;
bool thread_work = true; /* the store may have been left with some */

static struct list ready[TWZ_PRIORITIES];
static uint64_t passed_over[TWZ_PRIORITIES]; /* since then, cycles; 0: it was not */
static uint32_t unequal;                     /* threads that have another priority than most */
static struct list owners = {&owners, &owners};
static struct cache owner_cache = CACHE(struct owner);
static uint32_t last_number, last_owner;
static uint64_t slice_cycles, wait_cycles;
static unsigned idle_processors;

void thread_init(void)
{
	slice_cycles = clock_cycles(THREAD_SLICE_MS * 1000000ull);
	wait_cycles = clock_cycles(THREAD_WAIT_MS * 1000000ull);
	for (unsigned i = 0; i < TWZ_PRIORITIES; i++)
		list_init(&ready[i]);
}

/* ---- owners -------------------------------------------------------------------------------------- */

static struct owner *owner_new(void)
{
	struct owner *owner = cache_take(&owner_cache);

	if (!owner)
		return NULL;
	owner->number = ++last_owner & 0x7fffffff; /* bit 31 of a lock word says who waits */
	list_add_last(&owners, &owner->link);
	return owner;
}

static void owner_leave(struct owner *owner)
{
	if (--owner->threads)
		return;
	list_remove(&owner->link);
	cache_give(&owner_cache, owner);
}

bool thread_owner_alive(uint32_t number)
{
	for (struct list *l = owners.next; l != &owners; l = l->next)
		if (list_of(l, struct owner, link)->number == number)
			return true;
	return false;
}

/* ---- making -------------------------------------------------------------------------------------- */

static void registers_set(struct thread *t, const struct thread_new *new)
{
	t->regs = (struct regs){.rdi = new->arg,
				.rip = new->entry,
				.cs = SELECTOR_USER_CODE,
				.rflags = RFLAGS_FIXED | RFLAGS_IF,
				.rsp = new->stack,
				.ss = SELECTOR_USER_DATA};
	t->fs = new->fs;
	cpu_vector_new(t->vector);
}

static void page_set(struct thread *t, const char *name)
{
	*t->page = (struct twz_thread){.state = TWZ_THREAD_READY,
				       .number = t->number,
				       .owner = t->owner->number,
				       .priority = t->priority,
				       .start_ns = clock_wall_ns(),
				       .view = t->view->object->id};
	/* It goes to the console with messages, which only who may USE that can control. */
	for (unsigned i = 0; i < TWZ_THREAD_NAME - 1 && name[i]; i++)
		t->page->name[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
}

/*
 * Its object, its owner's, with the page that says how it is; held. Without owners it is everybody's.
 * The thread is charged with it.
 */
static int object_of_thread(const struct subject *s, struct object **out)
{
	const struct twz_id key = subject_key(s);
	const uint32_t perms = key.lo | key.hi ? 0 : TWZ_READ | TWZ_USE | TWZ_DELETE;
	struct object *o;
	int error = object_new(TWZ_TYPE_THREAD, perms, key, s->account, &o);

	if (error)
		return error;
	error = object_touch(o, TWZ_OBJ_DATA / TWZ_PAGE);
	if (!error && KSTEP("charge-thread") && !account_charge(o->tables.account, FRAMES))
		error = TWZ_E_LIMIT;
	if (error) {
		object_delete(o);
		object_release(o);
	}
	*out = o;
	return error;
}

static void charge_ends(struct object *o)
{
	if (KSTEP("charge-thread"))
		account_credit(o->tables.account, FRAMES);
}

int thread_new(const struct thread_new *new, struct object **object)
{
	struct object *o;
	struct thread *t;
	uint64_t frame;
	int error = object_of_thread(new->subject, &o);

	if (error)
		return error;
	error = new->creator
			? tie_make(o, new->creator->object, TWZ_TIE_SCOPED, new->subject->account)
			: 0;
	if (error)
		goto no_frame;
	error = TWZ_E_NOMEM;
	frame = ram_take_zero();
	if (!frame)
		goto no_frame;
	t = direct(frame);
	t->owner = new->same_owner ? new->creator->owner : owner_new();
	if (!t->owner)
		goto no_owner;
	t->owner->threads++;
	error = view_enter(new->view_object, new->subject, &t->space);
	if (error)
		goto no_view;
	t->view = t->space->view;
	t->subject = new->subject;
	t->handler = &t->own_handler;
	list_init(&t->queue);
	t->number = ++last_number;
	t->priority = TWZ_PRIORITY_NORMAL;
	if (new->creator && KSTEP("priority-inherited"))
		t->priority = new->creator->priority;
	unequal += t->priority != TWZ_PRIORITY_NORMAL;
	t->object = o;
	t->page = o->medium->look(o, TWZ_OBJ_DATA / TWZ_PAGE);
	registers_set(t, new);
	page_set(t, new->name);
	o->thread = t;
	object_hold(o);
	threads_alive++;
	t->sleeps = true;
	threads_asleep++;
	thread_wake(t);
	*object = o;
	return 0;
no_view:
	owner_leave(t->owner);
no_owner:
	ram_give(frame);
no_frame:
	charge_ends(o);
	object_delete(o);
	object_release(o);
	return error;
}

/* ---- the end ------------------------------------------------------------------------------------- */

/* Nobody starts programs any more. That is no fault of the kernel's. */
static _Noreturn void end_of_init(uint32_t status)
{
	char text[80];
	uint64_t n = kformat(text, sizeof(text), "init has ended, with status %u\n", status);

	console_write(text, n);
	host_tell(HOST_STATUS, STATUS_UNUSABLE);
	power_off();
}

/* It has a priority like most again, or ends. With the last such one all that was noted of them goes. */
static void leave_priority(struct thread *t)
{
	if (t->priority == TWZ_PRIORITY_NORMAL || --unequal)
		return;
	memset(passed_over, 0, sizeof(passed_over));
	for (unsigned i = 0; i < ncpus; i++)
		cpus[i].turn = false;
}

/* The thread runs nowhere. */
static void end(struct thread *t)
{
	struct object *o = t->object;

	trace(TRACE_EXIT, t->number, t->page->status);
	if (t->number == 1)
		end_of_init(t->page->status);
	sync_leave(t);
	if (t->sleeps)
		threads_asleep--;
	list_remove(&t->queue);
	leave_priority(t);
	context_abandon(t);
	freeze_end(t);
	gate_end(t);
	view_leave(t->space);
	owner_leave(t->owner);
	__atomic_store_n(&t->page->state, TWZ_THREAD_ENDED, __ATOMIC_RELEASE);
	o->thread = NULL;
	ram_give(physical(t));
	charge_ends(o);
	threads_alive--;
	sync_wake(o, TWZ_OBJ_DATA + offsetof(struct twz_thread, state), ~0u);
	object_ended(o);
	object_release(o);
}

/* What ends it first is what it says. */
static void begin_end(struct thread *t, uint32_t status, enum twz_thread_end by, uint32_t kind)
{
	if (t->flags & THREAD_ENDING || gate_waits(t, GATE_END))
		return;
	t->page->status = status;
	t->page->end = by;
	t->page->kind = kind;
	if (KSTEP("gate-end-waits") && gate_defers(t, GATE_END))
		return;
	if (!(t->flags & THREAD_RUNNING)) {
		end(t);
		return;
	}
	t->flags |= THREAD_ENDING;
	thread_interrupt(t);
}

void thread_kill(struct thread *t, uint32_t status)
{
	begin_end(t, status, TWZ_END_KILL, 0);
}

void thread_fail(struct thread *t, uint32_t status, uint32_t kind)
{
	begin_end(t, status, TWZ_END_FAULT, kind);
}

void thread_exit(struct thread *t, uint32_t status, bool all, uint32_t kind)
{
	const enum twz_thread_end by = kind ? TWZ_END_FAULT : TWZ_END_EXIT;
	struct object *o = NULL, *next;

	if (all && t->owner->threads > 1)
		for (o = object_next(NULL, TWZ_TYPE_THREAD); o; o = next) {
			next = object_next(o, TWZ_TYPE_THREAD);
			if (o->thread && o->thread != t && o->thread->owner == t->owner)
				begin_end(o->thread, status, by, kind);
		}
	begin_end(t, status, by, kind);
}

/* ---- sleeping and waking ------------------------------------------------------------------------- */

/* The processor chooses anew. */
static void call(struct cpu *cpu)
{
	cpu->reschedule |= RESCHEDULE;
	if (cpu != cpu_this())
		apic_send(cpu, VECTOR_WAKE);
}

void thread_interrupt(struct thread *t)
{
	for (unsigned i = 0; i < ncpus; i++)
		if (cpus[i].thread == t)
			call(&cpus[i]);
}

/* One of those that wait for something to run is called. */
static void call_idle(void)
{
	for (unsigned i = 0; i < ncpus; i++) {
		if (!cpus[i].idle)
			continue;
		cpus[i].idle = false; /* one is enough */
		idle_processors--;
		if (&cpus[i] != cpu_this())
			apic_send(&cpus[i], VECTOR_WAKE);
		return;
	}
}

/* The processor with the lowest of those that run something lower than this is called. */
static void call_lower(const struct thread *t)
{
	struct cpu *lowest = NULL;
	unsigned priority = t->priority;

	for (unsigned i = 0; i < ncpus; i++) {
		const struct thread *runs = cpus[i].thread;

		if (!runs || cpus[i].turn || runs->priority >= priority)
			continue;
		lowest = &cpus[i];
		priority = runs->priority;
	}
	if (lowest && KSTEP("priority-at-once"))
		call(lowest);
}

static __attribute__((noinline)) void make_ready_and_call(struct thread *t)
{
	list_add_last(&ready[t->priority], &t->queue);
	if (idle_processors)
		call_idle();
	else
		call_lower(t);
}

/* It waits for a processor; one is called if there is one that does nothing better. */
static void make_ready(struct thread *t)
{
	if (idle_processors | unequal)
		make_ready_and_call(t);
	else
		list_add_last(&ready[TWZ_PRIORITY_NORMAL], &t->queue);
}

void thread_wake(struct thread *t)
{
	KCHECK(t->sleeps);
	t->sleeps = false;
	threads_asleep--;
	/* It was about to sleep, on a processor that has not left it yet; or it is to stay where it is. */
	if (t->flags & (THREAD_RUNNING | THREAD_SUSPENDED))
		return;
	make_ready(t);
}

/* Its state, to be waited for. */
static void state_is(struct thread *t, enum twz_thread_state state)
{
	t->page->state = state;
	sync_wake(t->object, TWZ_OBJ_DATA + offsetof(struct twz_thread, state), ~0u);
}

void thread_suspend(struct thread *t)
{
	if (t->flags & THREAD_SUSPENDED ||
	    (KSTEP("gate-suspend-waits") && gate_defers(t, GATE_SUSPEND)))
		return;
	t->flags |= THREAD_SUSPENDED;
	if (t->flags & THREAD_RUNNING) {
		thread_interrupt(t);
		return;
	}
	if (!t->sleeps)
		list_remove(&t->queue);
	state_is(t, TWZ_THREAD_SUSPENDED);
}

void thread_go_on(struct thread *t)
{
	if (gate_withdraw(t, GATE_SUSPEND) || !(t->flags & THREAD_SUSPENDED))
		return;
	t->flags &= (uint8_t)~THREAD_SUSPENDED;
	if (t->flags & THREAD_RUNNING) /* its processor has not left it yet */
		return;
	state_is(t, t->sleeps ? TWZ_THREAD_SLEEPS : TWZ_THREAD_READY);
	if (!t->sleeps)
		make_ready(t);
}

void thread_sleep(struct thread *t)
{
	t->sleeps = true;
	threads_asleep++;
	t->page->state = TWZ_THREAD_SLEEPS;
	cpu_this()->reschedule |= RESCHEDULE;
}

/* ---- priorities ---------------------------------------------------------------------------------- */

void thread_set_priority(struct thread *t, uint32_t priority)
{
	unequal += priority != TWZ_PRIORITY_NORMAL;
	leave_priority(t);
	t->priority = (uint8_t)priority;
	t->page->priority = priority;
	if (t->flags & THREAD_RUNNING) {
		thread_interrupt(t);
	} else if (!t->sleeps && !(t->flags & THREAD_SUSPENDED)) {
		list_remove(&t->queue);
		make_ready(t);
	}
}

/* ---- switching ----------------------------------------------------------------------------------- */

/* The processor's thread runs no longer: what of it is in registers goes to memory. */
static inline __attribute__((always_inline)) void put_off(struct cpu *cpu, uint64_t now)
{
	struct thread *t = cpu->thread;

	t->fs = cpu_fs_get();
	t->gs = cpu_user_gs_get();
	cpu_vector_save(t->vector);
	t->page->run_cycles += now - t->since;
	t->flags &= (uint8_t)~THREAD_RUNNING;
	cpu->thread = NULL;
}

static void take_on(struct cpu *cpu, struct thread *t, uint64_t now)
{
	if (cpu->space != t->space) {
		if (t->space)
			view_load(cpu, t->space);
		else
			view_unload(cpu);
	}
	cpu_fs_set(t->fs);
	cpu_user_gs_set(t->gs);
	cpu_vector_load(t->vector);
	t->flags |= THREAD_RUNNING;
	t->page->state = TWZ_THREAD_READY;
	t->since = now;
	cpu_thread_set(cpu, t);
	cpu->switches++;
	cpu->slice = t->since + slice_cycles;
	trace_at(now, TRACE_SWITCH, t->number, t->regs.rip);
}

static struct thread *first_of(struct list *queue)
{
	struct thread *t;

	if (list_empty(queue))
		return NULL;
	t = list_of(queue->next, struct thread, queue);
	list_remove(&t->queue);
	return t;
}

/*
 * The highest priority that has somebody, or one below that was passed over for too long; the one
 * for the longest if there are several. `runs`, unless null, sleeps or goes on if there is none but lower ones.
 */
static __attribute__((noinline)) struct thread *
next_by_priority(struct cpu *cpu, const struct thread *runs, uint64_t now)
{
	const bool stays = runs && !runs->sleeps;
	int best = -1, late = -1;

	if (stays && cpu->turn && now < cpu->slice)
		return NULL;
	for (int i = TWZ_PRIORITIES - 1; i >= 0; i--) {
		if (list_empty(&ready[i])) {
			passed_over[i] = 0;
		} else if (best < 0 && (!stays || i >= runs->priority)) {
			best = i;
		} else {
			if (!passed_over[i])
				passed_over[i] = now;
			if (now - passed_over[i] >= wait_cycles && KSTEP("priority-turns") &&
			    (late < 0 || passed_over[i] < passed_over[late]))
				late = i;
		}
	}
	cpu->turn = late >= 0;
	if (late >= 0)
		best = late;
	if (best < 0)
		return NULL;
	passed_over[best] = 0;
	return first_of(&ready[best]);
}

static void do_work(void)
{
	bool objects = object_reap(), frames = nvm_drain();

	thread_work = objects || frames;
}

bool thread_frees_first(int error)
{
	if (error != TWZ_E_NOMEM && error != TWZ_E_LIMIT && error != TWZ_E_FULL)
		return false;
	if (list_empty(&objects_going) || !KSTEP("frees-first"))
		return false;
	cpu_this()->reschedule |= RESCHEDULE;
	return true;
}

/* Nothing to run: frees a part of what is to be freed, or waits; both with a moment for interrupts. */
static void idle(struct cpu *cpu)
{
	bool busy;

	if (cpu->space)
		view_unload(cpu);
	busy = thread_work;
	if (busy)
		do_work();
	cpu->idle = !busy;
	idle_processors += !busy;
	clock_arm(cpu, CLOCK_NEVER);
	lock_give();
	if (busy)
		cpu_breathe();
	else
		cpu_wait();
	lock_take();
	idle_processors -= cpu->idle;
	cpu->idle = false;
}

/* What is wanted of the thread that is to leave the kernel; null: it runs no longer. */
static __attribute__((noinline)) struct thread *obey(struct cpu *cpu, struct thread *t,
						     uint64_t now)
{
	if (t->flags & THREAD_ENDING) {
		t->flags &= (uint8_t)~THREAD_RUNNING;
		cpu->thread = NULL;
		end(t);
		return NULL;
	}
	if (t->flags & THREAD_LATE) {
		t->flags &= (uint8_t)~THREAD_LATE;
		gate_late(t);
	}
	if (t->flags & THREAD_SIGNALLED && t->sleeps && !t->handler->depth && !gate_inside(t)) {
		sync_interrupt(t); /* it was on its way there when the signal came */
		t->page->state = t->sleeps ? TWZ_THREAD_SLEEPS : TWZ_THREAD_READY;
	}
	if (!(t->flags & THREAD_SUSPENDED))
		return t;
	put_off(cpu, now);
	state_is(t, TWZ_THREAD_SUSPENDED);
	return NULL;
}

/* Leaves cpu->thread, if it must go, and says which one is next. */
static struct thread *leave_thread(struct cpu *cpu, uint64_t now)
{
	struct thread *t = cpu->thread, *next;

	if (t && __builtin_expect(t->flags & THREAD_WANTED, 0))
		t = obey(cpu, t, now);
	next = __builtin_expect(unequal, 0) ? next_by_priority(cpu, t, now)
					    : first_of(&ready[TWZ_PRIORITY_NORMAL]);
	if (!t)
		return next;
	if (!next && !t->sleeps) {
		if (!cpu->turn)
			cpu->slice =
				now + slice_cycles; /* nobody waits for the end of the old one */
		return NULL;
	}
	put_off(cpu, now);
	if (!t->sleeps)
		list_add_last(&ready[t->priority], &t->queue);
	return next;
}

/* Does the thread that was chosen go on? Its signals come first, which may end it or put it to sleep. */
static bool goes_on(struct thread *t)
{
	if (__builtin_expect(!(t->flags & THREAD_WANTED), 1))
		return true;
	if ((t->flags & THREAD_WANTED) == THREAD_SIGNALLED)
		fault_signal(t);
	return !(t->flags & THREAD_WANTED) && !t->sleeps;
}

void thread_choose(struct cpu *cpu)
{
	if (__builtin_expect(thread_work, 0))
		do_work();
	for (;;) {
		uint64_t now = cycles();
		struct thread *next;

		cpu->reschedule = thread_work; /* there is more: at the next entry */
		next = leave_thread(cpu, now);
		if (next)
			take_on(cpu, next, now);
		if (!cpu->thread)
			idle(cpu);
		else if (goes_on(cpu->thread))
			break;
	}
	clock_arm(cpu, cpu->slice);
}

void thread_start_processor(void)
{
	struct cpu *cpu = cpu_this();

	lock_take();
	cpu->timer = CLOCK_NEVER;
	thread_choose(cpu);
	lock_give();
	cpu_leave();
}

int thread_change(struct thread *t, struct object *view_object, struct subject *subject)
{
	struct space *space, *before = t->space;
	int error = view_enter(view_object, subject, &space);

	if (error)
		return error;
	t->space = space;
	t->view = space->view;
	t->subject = subject;
	if (!gate_inside(t))
		t->page->view = view_object->id;
	view_load(cpu_this(), space);
	view_leave(before);
	return 0;
}

/* ---- threads of the kernel ----------------------------------------------------------------------- */

void thread_kernel_set(struct thread *t, void (*fn)(void), void *stack_top)
{
	t->regs = (struct regs){.rip = (uint64_t)fn,
				.cs = SELECTOR_KERNEL_CODE,
				.rflags = RFLAGS_FIXED,
				.rsp = (uint64_t)stack_top - sizeof(uint64_t), /* as after a call */
				.ss = SELECTOR_KERNEL_DATA};
}

struct thread *thread_kernel(void (*fn)(void), void *stack_top)
{
	static struct twz_thread page = {.name = "kernel"};
	uint64_t frame = ram_take_zero();
	struct thread *t = direct(frame);

	if (!frame)
		return NULL;
	list_init(&t->queue);
	t->page = &page;
	t->handler = &t->own_handler;
	t->priority = TWZ_PRIORITY_NORMAL;
	t->sleeps = true;
	threads_asleep++;
	cpu_vector_new(t->vector);
	thread_kernel_set(t, fn, stack_top);
	return t;
}

/* For a panic, which may come at any time. */
void panic_thread(void)
{
	const struct thread *t = cpu_this()->thread;

	if (t)
		klog("thread %u: %s", t->number, t->page->name);
}
