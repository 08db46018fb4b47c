/* syscall_thread.c - the system calls on threads and on their contexts (syscall.h). */
#include "abi/rt.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/context.h"
#include "kernel/gate.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/syscall.h"
#include "kernel/tie.h"
#include "kernel/view.h"

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

/* To delete it must be the caller's right, or it is the caller. */
static int tie_one(struct thread *t, struct twz_id id, struct object *thread)
{
	struct object *o;
	int error = object_find(id, &o);

	if (error)
		return error;
	if (o != t->object)
		error = right_check(t, o, TWZ_DELETE);
	if (!error)
		error = tie_make(o, thread, TWZ_TIE_SCOPED, t->subject->account);
	object_release(o);
	return error;
}

static void untie_one(struct twz_id id, struct object *thread)
{
	struct object *o;

	if (object_find(id, &o))
		return;
	tie_undo(o, thread, TWZ_TIE_SCOPED);
	object_release(o);
}

/* Ties what the list names to the new thread; all of it or nothing. */
static int tie_all(struct thread *t, const struct twz_id tie[TWZ_THREAD_TIES],
		   struct object *thread)
{
	unsigned n = 0;
	int error = 0;

	for (; !error && n < TWZ_THREAD_TIES; n++)
		if (!none(tie[n]))
			error = tie_one(t, tie[n], thread);
	while (error && n--)
		if (!none(tie[n]))
			untie_one(tie[n], thread);
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

int64_t sys_thread_new(struct thread *t, struct regs *r)
{
	struct twz_sys_thread new;
	struct object *view = t->view->object, *thread;
	struct subject *subject;
	int error = user_read(&new, A0(r), sizeof(new));

	if (!error)
		error = give_id(A1(r), (struct twz_id){0});
	if (error)
		return error;
	if (new.flags & TWZ_THREAD_SAME &&gate_inside(t) && KSTEP("gate-same"))
		return TWZ_E_RIGHT; /* the program is the caller's, not the callee's */
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

/* A callee ends its call. */
int64_t sys_thread_exit(struct thread *t, struct regs *r)
{
	if (gate_inside(t) && KSTEP("gate-exit")) {
		gate_fail(t, TWZ_E_CALLEE);
		return SYSCALL_REPLACED;
	}
	thread_exit(t, (uint32_t)A0(r), A1(r), (uint32_t)A2(r));
	return 0;
}

int64_t sys_thread_kill(struct thread *t, struct regs *r)
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

int64_t sys_thread_next(struct thread *t, struct regs *r)
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

int64_t sys_thread_segment(struct thread *t, struct regs *r)
{
	(void)t;
	if (A0(r) >= USER_END)
		return TWZ_E_ARG;
	cpu_fs_set(A0(r));
	return 0;
}

/* ---- rights -------------------------------------------------------------------------------------- */

int64_t sys_context_attach(struct thread *t, struct regs *r)
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
int64_t sys_context_detach(struct thread *t, struct regs *r)
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

int64_t sys_context_switch(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_USE, &o);

	if (error)
		return error;
	error = context_switch(t, o);
	object_release(o);
	return error;
}

int64_t sys_context_publish(struct thread *t, struct regs *r)
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

int64_t sys_right_grant(struct thread *t, struct regs *r)
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
int64_t sys_right_explain(struct thread *t, struct regs *r)
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
