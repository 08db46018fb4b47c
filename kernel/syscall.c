/*
 * syscall.c - the system calls (abi/syscall.h), one function each, and their table.
 *
 * Each checks all that it is given on its own copy, then the rights (object_get), and only then
 * changes something. docs/syscalls.md says which right each needs.
 */
#include "abi/rt.h"
#include "core/mem.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/account.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/context.h"
#include "kernel/fault.h"
#include "kernel/ram.h"
#include "kernel/heap.h"
#include "kernel/lock.h"
#include "kernel/nvm.h"
#include "kernel/random.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/syscall.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#define RANDOM_MAX 4096u   /* bytes of one call */
#define CONSOLE_MAX 4096u  /* the same; the rest in the next one */
#define TOUCH_STEP 64u     /* pages */
#define LONG_CYCLES 20000u /* a call that took so long and is not done lets others go on */

/* The arguments, in their order. */
#define A0(r) ((r)->rdi)
#define A1(r) ((r)->rsi)
#define A2(r) ((r)->rdx)
#define A3(r) ((r)->r10)
#define A4(r) ((r)->r8)

static struct twz_id id_argument(const struct regs *r)
{
	return (struct twz_id){.lo = A0(r), .hi = A1(r)};
}

static bool none(struct twz_id id)
{
	return !(id.lo | id.hi);
}

static int give_id(uint64_t to, struct twz_id id)
{
	return user_write(to, &id, sizeof(id));
}

/* Has the thread this right to it? For what is not done to the object itself. */
static int may(struct thread *t, struct twz_id id, uint32_t want)
{
	struct object *o;
	int error = object_get(t, id, want, &o);

	if (!error)
		object_release(o);
	return error;
}

/* ---- the machine --------------------------------------------------------------------------------- */

static int64_t sys_self(struct thread *t, struct regs *r)
{
	(void)r;
	return t->number;
}

static int64_t sys_info(struct thread *t, struct regs *r)
{
	struct twz_sys_info info = {.version = TWZ_SYS_VERSION,
				    .processors = ncpus,
				    .number = t->number,
				    .owner = t->owner->number,
				    .epoch = nvm_epoch,
				    .cycles_per_s = machine.cycles_per_s,
				    .thread = t->object->id,
				    .view = t->view->object->id,
				    .console = console_id(),
				    .boot = boot_id(),
				    .machine = machine_id(),
				    .key = subject_key(t->subject)};

	if (subject_active(t->subject))
		info.context = subject_active(t->subject)->object->id;
	nvm_root((struct twz_id){0}, false, &info.root);
	return user_write(A0(r), &info, sizeof(info));
}

static int64_t sys_usage(struct thread *t, struct regs *r)
{
	struct twz_sys_usage usage = {0};
	struct store_usage store;

	(void)t;
	if (object_reap())
		return SYSCALL_AGAIN; /* what is to be freed does not count */
	nvm_usage(&store);
	usage.frames = ram_total;
	usage.frames_used = ram_used - objects_cached_tables;
	usage.tables = tables_used - objects_cached_tables;
	usage.heap_bytes = heap_bytes;
	usage.objects = objects_known - objects_cached;
	usage.views = views_used;
	usage.threads = threads_alive;
	usage.sleeping = threads_asleep - verify_asleep();
	usage.store_frames = store.frames;
	usage.store_used = store.used;
	usage.store_objects = store.objects;
	for (unsigned i = 0; i < ncpus; i++) {
		usage.calls += cpus[i].calls;
		usage.faults += cpus[i].faults;
		usage.upcalls += cpus[i].upcalls;
		usage.switches += cpus[i].switches;
	}
	usage.shootdowns = shootdowns;
	usage.shootdown_ipis = shootdown_ipis;
	usage.shootdown_cycles = shootdown_cycles;
	usage.tables_reclaimed = objects_reclaimed;
	usage.boot_cycles = boot_cycles;
	usage.entry_cycles = machine.entry_cycles;
#if TWZ_KERNEL_CHECK
	usage.longest_stretch = lock_longest;
#endif
	return user_write(A0(r), &usage, sizeof(usage));
}

static int64_t sys_clock(struct thread *t, struct regs *r)
{
	(void)t, (void)r;
	return (int64_t)clock_wall_ns();
}

static int64_t sys_random(struct thread *t, struct regs *r)
{
	uint8_t bytes[256];

	(void)t;
	if (A1(r) > RANDOM_MAX)
		return TWZ_E_ARG;
	while (A1(r)) {
		uint64_t n = A1(r) < sizeof(bytes) ? A1(r) : sizeof(bytes);
		int error;

		random_bytes(bytes, n);
		error = user_write(A0(r), bytes, n);
		if (error)
			return error;
		A0(r) += n;
		A1(r) -= n;
	}
	return 0;
}

static int64_t sys_power(struct thread *t, struct regs *r)
{
	int error = may(t, machine_id(), TWZ_USE);

	if (error)
		return error;
	if (A0(r) > TWZ_POWER_RESET || A1(r) > 255)
		return TWZ_E_ARG;
	if (A0(r) == TWZ_POWER_RESET)
		power_reset();
	host_tell(HOST_STATUS, (uint8_t)A1(r));
	power_off();
}

/* ---- objects ------------------------------------------------------------------------------------- */

static bool pages_good(uint64_t page, uint64_t pages)
{
	return !KSTEP("page-range") || (page < OBJECT_PAGES && pages <= OBJECT_PAGES - page);
}

/* Threads and devices are the kernel's to make. */
static bool type_good(uint32_t type)
{
	return type <= TWZ_TYPE_DEVICE &&
	       !(KSTEP("kernels-types") && (type == TWZ_TYPE_THREAD || type == TWZ_TYPE_DEVICE));
}

static bool new_good(const struct twz_sys_new *new)
{
	return type_good(new->type) && !(new->perms & ~TWZ_PERM_ALL) &&
	       !(new->flags & ~(TWZ_OBJECT_ENDING | TWZ_OBJECT_VOLATILE)) &&
	       !new->reserved &&pages_good(new->page, new->npages) && new->npages <= 512 &&
	       !(new->page == 0 && new->npages) &&
	       (none(new->tie) || new->flags &TWZ_OBJECT_VOLATILE);
}

/* What a new object is tied to: deleting that must be the caller's right, or it is the caller. */
static int tie_target(struct thread *t, struct twz_id id, struct object **to)
{
	int error = object_find(id, to);

	if (error)
		return error;
	if (*to != t->object)
		error = right_check(t, *to, TWZ_DELETE);
	if (error) {
		object_release(*to);
		*to = NULL;
		return error;
	}
	if ((*to)->medium->persistent) {
		object_release(*to);
		*to = NULL; /* tie_all gives back what is there */
		return TWZ_E_TYPE;
	}
	return error;
}

static int new_volatile(struct thread *t, const struct twz_sys_new *new, struct twz_id *id)
{
	struct object *o, *to = NULL;
	int error = none(new->tie) ? 0 : tie_target(t, new->tie, &to);

	if (error)
		return error;
	error = object_new(new->type, new->perms, new->key, t->subject->account, &o);
	if (!error) {
		*id = o->id;
		for (uint64_t i = 0; !error && i < new->npages; i++)
			error = object_touch(o, new->page + i);
		if (error)
			object_delete(o);
		else if (to)
			object_tie(o, to);
		object_release(o);
	}
	if (to)
		object_release(to);
	return error;
}

static int64_t sys_object_new(struct thread *t, struct regs *r)
{
	struct twz_sys_new new;
	struct twz_id id;
	int error = user_read(&new, A0(r), sizeof(new));

	if (!error)
		error = give_id(A1(r), (struct twz_id){0}); /* it can be written */
	if (error)
		return error;
	if (!new_good(&new))
		return TWZ_E_ARG;
	if (!none(new.key))
		error = account_may(t, new.key, KSTEP("key-use") ? TWZ_USE : 0);
	else if (!(new.flags &TWZ_OBJECT_VOLATILE))
		error = account_unlimited(subject_key(t->subject));
	if (error)
		return error;
	if (new.flags & TWZ_OBJECT_VOLATILE)
		error = new_volatile(t, &new, &id);
	else
		error = nvm_create(&(struct store_new){.type = new.type,
						       .perms = new.perms,
						       .key = new.key,
						       .ending = new.flags &TWZ_OBJECT_ENDING,
						       .page = new.page,
						       .npages = new.npages},
				   &id);
	return error ? error : give_id(A1(r), id);
}

static int64_t sys_object_delete(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_DELETE, &o);

	if (error)
		return error;
	error = object_delete(o);
	object_release(o);
	return error;
}

static int64_t sys_object_keep(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_DELETE, &o);

	if (error)
		return error;
	error = o->medium->persistent ? nvm_keep(o) : TWZ_E_TYPE;
	object_release(o);
	return error;
}

/* After a bounded part of a long call: is there time for another one? */
static bool go_on(uint64_t start)
{
	return cycles() - start < LONG_CYCLES;
}

static int copy(struct twz_sys_copy *c, struct object *dst, struct object *src)
{
	uint64_t start = cycles(), done;

	do {
		int error = dst->medium->copy(dst, c->dst_page, src, c->src_page, c->pages, &done);

		c->dst_page += done;
		c->src_page += done;
		c->pages -= done;
		if (error)
			return error;
	} while (c->pages && go_on(start));
	return 0;
}

static int64_t sys_object_copy(struct thread *t, struct regs *r)
{
	struct object *dst, *src;
	struct twz_sys_copy c;
	int error = user_read(&c, A0(r), sizeof(c));

	if (!error)
		error = user_write(A0(r), &c, sizeof(c)); /* it can be written */
	if (error)
		return error;
	if (c.reserved || !pages_good(c.dst_page, c.pages) || !pages_good(c.src_page, c.pages) ||
	    !c.dst_page || !c.src_page)
		return TWZ_E_ARG;
	error = object_get(t, c.src, TWZ_READ, &src);
	if (error)
		return error;
	error = object_get(t, c.dst, TWZ_WRITE, &dst);
	if (!error) {
		error = dst == src           ? TWZ_E_RANGE
			: object_sealed(dst) ? TWZ_E_SEALED
					     : copy(&c, dst, src);
		object_release(dst);
	}
	object_release(src);
	if (!error)
		error = user_write(A0(r), &c, sizeof(c));
	return error ? error : c.pages ? SYSCALL_AGAIN : 0;
}

/* Drop and limit: on pages from A2, A3 many, which move on with the work. */
static int64_t change_pages(struct thread *t, struct regs *r, bool drop)
{
	uint64_t start = cycles(), done;
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_WRITE, &o);

	if (error)
		return error;
	if (!pages_good(A2(r), A3(r)) || (!drop && A4(r) & ~7ull))
		error = TWZ_E_ARG;
	else if (object_sealed(o))
		error = TWZ_E_SEALED;
	while (!error && A3(r) && go_on(start)) {
		error = drop ? o->medium->drop(o, A2(r), A3(r), &done)
			     : o->medium->limit(o, A2(r), A3(r), (uint32_t)A4(r), &done);
		A2(r) += done;
		A3(r) -= done;
	}
	object_release(o);
	return error ? error : A3(r) ? SYSCALL_AGAIN : 0;
}

static int64_t sys_object_drop(struct thread *t, struct regs *r)
{
	return change_pages(t, r, true);
}

static int64_t sys_object_limit(struct thread *t, struct regs *r)
{
	return change_pages(t, r, false);
}

static int64_t sys_object_seal(struct thread *t, struct regs *r)
{
	struct twz_sys_seal seal;
	struct object *src;
	struct twz_id id;
	int error = user_read(&seal, A0(r), sizeof(seal));

	if (!error)
		error = give_id(A1(r), (struct twz_id){0}); /* it can be written */
	if (error)
		return error;
	if (seal.perms & ~TWZ_PERM_ALL || !type_good(seal.type))
		return TWZ_E_ARG;
	error = object_get(t, seal.src, TWZ_READ, &src);
	if (error)
		return error;
	error = account_unlimited(subject_key(t->subject));
	if (!error)
		error = nvm_seal(src, seal.size, seal.type, seal.perms, &id);
	object_release(src);
	return error ? error : give_id(A1(r), id);
}

static int64_t sys_object_stat(struct thread *t, struct regs *r)
{
	struct twz_rt_stat stat = {0};
	struct object *o;
	int error = object_get(t, id_argument(r), 0, &o);

	if (error)
		return error;
	stat.id = o->id;
	stat.identity = o->identity;
	stat.npages = o->medium->npages(o);
	stat.end_epoch = o->medium->persistent ? nvm_end_epoch(o) : nvm_epoch;
	object_release(o);
	return user_write(A2(r), &stat, sizeof(stat));
}

static int64_t sys_object_sync(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_READ, &o);

	if (error)
		return error;
	error = o->medium->persistent ? nvm_sync(o) : 0;
	object_release(o);
	return error;
}

static int64_t sys_object_settle(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_READ, &o);

	if (error)
		return error;
	error = o->medium->persistent ? nvm_settle(o) : 0;
	object_release(o);
	return error;
}

/* As a store by the program, page by page. */
static int64_t sys_object_touch(struct thread *t, struct regs *r)
{
	for (unsigned i = 0; A1(r) && i < TOUCH_STEP; i++) {
		uint64_t n = TWZ_PAGE - A0(r) % TWZ_PAGE;
		struct twz_fault fault = {.access = TWZ_VIEW_WRITE};

		if (!user_range(A0(r), A1(r)))
			return TWZ_E_OUTSIDE;
		if (!view_touch(t, A0(r), &fault))
			return fault.error == TWZ_E_NOTFOUND ? TWZ_E_OUTSIDE : fault.error;
		if (n > A1(r))
			n = A1(r);
		A0(r) += n;
		A1(r) -= n;
	}
	return A1(r) ? SYSCALL_AGAIN : 0;
}

/* What does not last would leave the store without a root. */
static int64_t sys_root_set(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_WRITE, &o);

	if (error)
		return error;
	if (!o->medium->persistent || o->identity.type != TWZ_TYPE_NAMESPACE)
		error = TWZ_E_TYPE;
	else
		error = may(t, machine_id(), TWZ_USE);
	if (!error)
		error = nvm_end_epoch(o) ? TWZ_E_ARG : nvm_root(o->id, true, NULL);
	object_release(o);
	return error;
}

/* ---- views --------------------------------------------------------------------------------------- */

static int64_t sys_view_invalidate(struct thread *t, struct regs *r)
{
	const uint32_t all = TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES;

	if (A0(r) >= all || A1(r) > all - A0(r))
		return TWZ_E_ARG;
	view_invalidate(t->view, (uint32_t)A0(r), (uint32_t)A1(r));
	return 0;
}

static int64_t sys_view_become(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_USE, &o);

	if (error)
		return error;
	error = thread_change(t, o, t->subject);
	object_release(o);
	return error;
}

/* What is brought back at a boot runs as the system does: that is for who decides on the machine. */
static int64_t sys_view_register(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_USE | TWZ_WRITE, &o);

	if (error)
		return error;
	error = may(t, machine_id(), TWZ_USE);
	if (!error)
		error = A2(r) > 1                ? TWZ_E_ARG
			: !o->medium->persistent ? TWZ_E_TYPE
						 : nvm_view_register(o, A2(r));
	object_release(o);
	return error;
}

/* One that the caller has no right to is stepped over, and none is asked for what follows such. */
static int64_t sys_view_next(struct thread *t, struct regs *r)
{
	struct twz_id id;
	int error = user_read(&id, A0(r), sizeof(id));

	if (!error && !none(id) && KSTEP("next-of-own"))
		error = may(t, id, 0);
	if (error)
		return error;
	do {
		error = nvm_view_next(&id);
		if (error)
			return error;
		error = may(t, id, 0);
	} while (error == TWZ_E_NOTFOUND && !right_waits());
	if (right_waits())
		return error;      /* it is done again, with the ID that the caller gave */
	return give_id(A0(r), id); /* after another error too: whoever brings it back says so */
}

/* ---- threads ------------------------------------------------------------------------------------- */

/*
 * The context that the ID names, with a snapshot, and its object; both held. In steps, like
 * context_prepare.
 */
static int context_use(struct thread *t, struct twz_id id, bool fresh, uint32_t want,
		       struct object **o, struct context **context)
{
	int error = object_get(t, id, want, o);

	if (error) {
		context_abandon(t);
		return error;
	}
	error = context_prepare(t, *o, fresh, context);
	if (error)
		object_release(*o);
	return error;
}

/* Ties what the list names to the new thread; all of it or nothing. */
static int tie_all(struct thread *t, const struct twz_id tie[TWZ_THREAD_TIES],
		   struct object *thread)
{
	struct object *o[TWZ_THREAD_TIES] = {0};
	int error = 0;

	for (unsigned i = 0; !error && i < TWZ_THREAD_TIES; i++)
		if (!none(tie[i]))
			error = tie_target(t, tie[i], &o[i]);
	for (unsigned i = 0; i < TWZ_THREAD_TIES; i++) {
		if (!o[i])
			continue;
		if (!error)
			object_tie(o[i], thread);
		object_release(o[i]);
	}
	return error;
}

/* What a new thread acts as, held: as the caller, or in another context. */
static int subject_for(struct thread *t, struct twz_id id, bool stays, struct subject **subject)
{
	struct context *context;
	struct object *o;
	int error;

	if (none(id)) {
		*subject = t->subject;
		subject_hold(*subject);
		return 0;
	}
	error = context_use(t, id, false, TWZ_USE, &o, &context);
	if (error)
		return error;
	error = context_subject(t, context, stays, subject);
	context_release(context);
	object_release(o);
	return error;
}

/* The thread is its owner's; who made it can wait for it and end it too. */
static int grant_creator(struct thread *t, struct object *thread)
{
	const struct context *active = subject_active(t->subject);

	return active ? right_grant(thread, active->object->id, TWZ_READ | TWZ_USE | TWZ_DELETE)
		      : 0;
}

static int64_t sys_thread_new(struct thread *t, struct regs *r)
{
	struct twz_sys_thread new;
	struct object *view = t->view->object, *thread;
	struct subject *subject;
	int error = user_read(&new, A0(r), sizeof(new));

	if (!error)
		error = give_id(A1(r), (struct twz_id){0});
	if (error)
		return error;
	if (new.flags & ~(TWZ_THREAD_SAME | (none(new.context) ? 0u : TWZ_THREAD_UNDETACHABLE)) ||
	    new.reserved || new.entry >= USER_END || new.fs_base >= USER_END)
		return TWZ_E_ARG;
	new.name[TWZ_THREAD_NAME - 1] = 0;
	error = subject_for(t, new.context, new.flags &TWZ_THREAD_UNDETACHABLE, &subject);
	if (error)
		return error;
	if (none(new.view))
		object_hold(view);
	else
		error = object_get(t, new.view, TWZ_USE, &view);
	if (error) {
		subject_release(subject);
		return error;
	}
	error = thread_new(&(struct thread_new){.view_object = view,
						.subject = subject,
						.entry = new.entry,
						.stack = new.stack,
						.arg = new.arg,
						.fs = new.fs_base,
						.creator = t,
						.same_owner = new.flags &TWZ_THREAD_SAME,
						.name = new.name},
			   &thread);
	object_release(view);
	subject_release(subject);
	if (error)
		return error;
	error = tie_all(t, new.tie, thread);
	if (!error && !none(new.context))
		error = grant_creator(t, thread);
	if (error)
		object_delete(thread);
	else
		error = give_id(A1(r), thread->id);
	object_release(thread);
	return error;
}

static int64_t sys_thread_exit(struct thread *t, struct regs *r)
{
	thread_exit(t, (uint32_t)A0(r), A1(r));
	return 0;
}

static int64_t sys_thread_kill(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_USE, &o);

	if (error)
		return error;
	if (o->identity.type != TWZ_TYPE_THREAD)
		error = TWZ_E_TYPE;
	else if (o->thread)
		thread_kill(o->thread, (uint32_t)A2(r));
	object_release(o);
	return error;
}

static int64_t sys_thread_next(struct thread *t, struct regs *r)
{
	struct object *o = NULL;
	struct twz_id id;
	int error = user_read(&id, A0(r), sizeof(id));

	if (error)
		return error;
	if (!none(id)) {
		error = object_get(t, id, 0, &o);
		if (error)
			return error;
		object_release(o);
	}
	do
		o = object_next(o, TWZ_TYPE_THREAD);
	while (o && right_check(t, o, 0) && !right_waits());
	/* If it sleeps, it is done again, with the ID that the caller gave. */
	return o && !right_waits() ? give_id(A0(r), o->id) : TWZ_E_NOTFOUND;
}

static int64_t sys_thread_handler(struct thread *t, struct regs *r)
{
	return fault_set_handler(t, A0(r), A1(r), A2(r));
}

static int64_t sys_thread_resume(struct thread *t, struct regs *r)
{
	int error = fault_resume(t, A0(r));

	if (error)
		return error;
	return SYSCALL_REPLACED;
}

static int64_t sys_thread_segment(struct thread *t, struct regs *r)
{
	(void)t;
	if (A0(r) >= USER_END)
		return TWZ_E_ARG;
	cpu_fs_set(A0(r));
	return 0;
}

/* ---- rights -------------------------------------------------------------------------------------- */

static int64_t sys_context_attach(struct thread *t, struct regs *r)
{
	struct context *context;
	struct object *o;
	int error;

	if (A2(r) & ~(uint64_t)(TWZ_ATTACH_ACTIVE | TWZ_ATTACH_UNDETACHABLE))
		return TWZ_E_ARG;
	error = context_use(t, id_argument(r), false, TWZ_USE, &o, &context);
	if (error)
		return error;
	error = context_attach(t, context, (uint32_t)A2(r));
	context_release(context);
	object_release(o);
	return error;
}

/* Who leaves the active context comes to another, for which it needs USE. One that is deleted can be left. */
static int64_t sys_context_detach(struct thread *t, struct regs *r)
{
	struct object *o = context_attached(t, id_argument(r)), *next;
	int error = 0;

	if (!o)
		return TWZ_E_NOTFOUND;
	next = context_after_detach(t, o);
	if (next && subject_active(t->subject)->object == o && KSTEP("detach-use"))
		error = right_check(t, next, TWZ_USE);
	return error ? error : context_detach(t, o);
}

static int64_t sys_context_switch(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_USE, &o);

	if (error)
		return error;
	error = context_switch(t, o);
	object_release(o);
	return error;
}

static int64_t sys_context_publish(struct thread *t, struct regs *r)
{
	struct context *context;
	struct object *o;
	int error = context_use(t, id_argument(r), true, TWZ_WRITE, &o, &context);

	if (error)
		return error;
	context_published(context);
	context_release(context);
	object_release(o);
	return 0;
}

/* Who has a right can hand it on, and not more; and take from others what it has itself. */
static int may_grant(struct thread *t, struct object *o, struct twz_id to, uint32_t perms)
{
	uint32_t want = KSTEP("grant-narrower") ? perms : 0;

	if (o->medium->persistent && KSTEP("grant-volatile"))
		return TWZ_E_TYPE;
	if (KSTEP("grant-taken"))
		want |= right_granted(o, to);
	return right_check(t, o, want);
}

static int64_t sys_right_grant(struct thread *t, struct regs *r)
{
	const struct twz_id to = {.lo = A2(r), .hi = A3(r)};
	struct object *o;
	int error;

	if (A4(r) & ~(uint64_t)TWZ_PERM_ALL || none(to))
		return TWZ_E_ARG;
	error = object_get(t, id_argument(r), 0, &o);
	if (error)
		return error;
	error = may_grant(t, o, to, (uint32_t)A4(r));
	if (!error)
		error = right_grant(o, to, (uint32_t)A4(r));
	object_release(o);
	return error;
}

static int explain(struct thread *t, struct object *o, struct context *context, uint64_t to)
{
	struct twz_rt_answer out = {0};
	struct right_answer answer;

	if (!right_explain(t, o, context, &answer)) {
		if (context)
			context_keep(t, context);
		return TWZ_E_NOTFOUND; /* it is done again */
	}
	out.effective = answer.effective;
	out.granted = answer.granted;
	out.until = answer.until;
	for (unsigned i = 0; i < RIGHT_PERMS; i++) {
		out.reason[i].why = answer.reason[i].why;
		out.reason[i].by = answer.reason[i].by;
		out.reason[i].cap = answer.reason[i].cap;
	}
	return user_write(to, &out, sizeof(out));
}

/* The object's existence is no secret to who has a right to it; what a context has, to who may read it. */
static int64_t sys_right_explain(struct thread *t, struct regs *r)
{
	const struct twz_id id = {.lo = A2(r), .hi = A3(r)};
	struct context *context = NULL;
	struct object *o, *of = NULL;
	int error = object_get(t, id_argument(r), 0, &o);

	if (error) {
		context_abandon(t);
		return error;
	}
	if (!none(id))
		error = context_use(t, id, false, TWZ_READ, &of, &context);
	if (!error)
		error = explain(t, o, context, A4(r));
	if (context) {
		context_release(context);
		object_release(of);
	}
	object_release(o);
	return error;
}

/* ---- console ------------------------------------------------------------------------------------- */

static int64_t sys_console_write(struct thread *t, struct regs *r)
{
	char text[CONSOLE_MAX];
	uint64_t n = A1(r) < sizeof(text) ? A1(r) : sizeof(text);
	int error = user_read(text, A0(r), n);

	if (!error)
		error = may(t, console_id(), TWZ_USE);
	if (error)
		return error;
	console_write(text, n);
	return (int64_t)n;
}

static int64_t sys_console_read(struct thread *t, struct regs *r)
{
	char text[256];
	uint64_t n = console_look(text, A1(r) < sizeof(text) ? A1(r) : sizeof(text));
	int error = may(t, console_id(), TWZ_READ);

	if (!error)
		error = user_write(A0(r), text, n);
	if (error)
		return error;
	console_take(n);
	return (int64_t)n;
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define ENTRY(name, arguments) [TWZ_SYS_##name##_] = sys_##name,
const syscall_fn syscall_table[TWZ_SYS_COUNT] = {TWZ_SYSCALLS(ENTRY)};
